"""The store on disk: where a model's files lie and whether they are what the manifest says.

Layout: `ROOT/<model>/<file>`, beside them `.verified.json` (what was hashed, with size and time of change, so
that a start need not hash 700 MB again) and `derived/<key>/` (files that an engine made from the model).
`ROOT/.partial` holds downloads under way, `ROOT/.locks` the locks. A file appears under its own name only
when it is whole and its sha256 is right.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from duplex.models.errors import ModelError, is_disk_full
from duplex.models.manifest import Manifest, Model

log = logging.getLogger(__name__)

MARKER = ".verified.json"
PARTIAL = ".partial"
LOCKS = ".locks"
_BLOCK = 1 << 20


class FileState(StrEnum):
    """What a file of the store is, compared with the manifest."""

    OK = "ok"
    MISSING = "missing"
    WRONG_SIZE = "wrong size"
    WRONG_HASH = "wrong sha256"
    UNVERIFIED = "unverified"


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


class Store:
    """Verified model files below one folder."""

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.root = root
        self.manifest = manifest

    def folder(self, name: str) -> Path:
        """Where the model's files lie, whether or not they are there yet."""
        self.manifest[name]
        return self.root / name

    def partial(self, name: str) -> Path:
        """Where downloads for the model are kept until they are whole."""
        return self.root / PARTIAL / name

    @contextmanager
    def lock(self, name: str, on_wait: Callable[[], None]) -> Iterator[None]:
        """Hold the model for this process; calls `on_wait` once if another has it, then waits.

        Raises:
            ModelError: the store cannot be written to.
        """
        from filelock import FileLock, Timeout

        try:
            (self.root / LOCKS).mkdir(parents=True, exist_ok=True)
            lock = FileLock(str(self.root / LOCKS / f"{name}.lock"))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                on_wait()
                lock.acquire()
        except OSError as error:
            raise self.unwritable(name, error) from error
        try:
            yield
        finally:
            lock.release()

    def unwritable(self, name: str, error: OSError) -> ModelError:
        """The one line for a store that cannot be written to."""
        reason = error.strerror or str(error)
        return ModelError(
            f"{name}: cannot write to the model store {self.root} ({reason}); set DUPLEX_MODELS"
        )

    # ---- what is there

    def check(self, name: str, *, rehash: bool = False, cheap: bool = False) -> dict[str, FileState]:
        """The state of each of the model's files.

        A file whose size and time of change are as when it was last hashed counts as verified; any other is
        hashed, unless `cheap`, which then says UNVERIFIED. `rehash` hashes all.

        Raises:
            ModelError: a file cannot be read.
        """
        model = self.manifest[name]
        marker = {} if rehash else self._read_marker(name)
        states = {file: self._state(name, model, file, marker) for file in model.files}
        if cheap:
            return states
        hashed = [file for file, state in states.items() if state is FileState.UNVERIFIED]
        for file in hashed:
            try:
                same = sha256_of(self.root / name / file) == model.files[file].sha256
            except OSError as error:
                where = self.root / name / file
                raise ModelError(f"{name}: cannot read {where}: {error.strerror}") from error
            states[file] = FileState.OK if same else FileState.WRONG_HASH
        if hashed:
            self._write_marker(name, [file for file, state in states.items() if state is FileState.OK])
        return states

    def is_present(self, name: str) -> bool:
        """Whether all files are there with the right sizes; hashes nothing."""
        good = {FileState.OK, FileState.UNVERIFIED}
        return all(state in good for state in self.check(name, cheap=True).values())

    def _state(self, name: str, model: Model, file: str, marker: dict[str, object]) -> FileState:
        try:
            stat = (self.root / name / file).stat()
        except (FileNotFoundError, NotADirectoryError):
            return FileState.MISSING
        wanted = model.files[file]
        if stat.st_size != wanted.size:
            return FileState.WRONG_SIZE
        same = marker.get(file) == [wanted.sha256, stat.st_size, stat.st_mtime_ns]
        return FileState.OK if same else FileState.UNVERIFIED

    # ---- the record of what was hashed

    def _read_marker(self, name: str) -> dict[str, object]:
        try:
            data = json.loads((self.root / name / MARKER).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (ValueError, OSError) as error:  # then everything is hashed again
            log.warning("%s: ignoring an unreadable %s: %s", name, MARKER, error)
            return {}
        return data if isinstance(data, dict) else {}

    def _write_marker(self, name: str, files: list[str]) -> None:
        model = self.manifest[name]
        record: dict[str, object] = {}
        for file in files:
            stat = (self.root / name / file).stat()
            record[file] = [model.files[file].sha256, stat.st_size, stat.st_mtime_ns]
        try:
            write_atomically(self.root / name / MARKER, json.dumps(record, indent=1).encode())
        except OSError as error:
            if is_disk_full(error):
                raise
            log.info("%s: %s was not written (%s); the next start hashes again", name, MARKER, error.strerror)

    def adopt(self, name: str, file: str, staged: Path) -> None:
        """Move a whole, verified file into its place and remember it as verified."""
        target = self.root / name / file
        target.parent.mkdir(parents=True, exist_ok=True)
        with staged.open("r+b") as whole:
            os.fsync(whole.fileno())
        os.replace(staged, target)
        stat = target.stat()
        record = self._read_marker(name)
        record[file] = [self.manifest[name].files[file].sha256, stat.st_size, stat.st_mtime_ns]
        write_atomically(self.root / name / MARKER, json.dumps(record, indent=1).encode())

    # ---- files made from models

    def derived_path(self, name: str, filename: str) -> Path:
        """Where a file that an engine makes from the model lies; another source content gives another path.

        Raises:
            ModelError: the store cannot be written to.
            ValueError: `filename` is more than a name.
        """
        if Path(filename).name != filename or filename in {"", ".", ".."}:
            raise ValueError(f"a derived file needs a plain name, not {filename!r}")
        folder = self.folder(name) / "derived" / self.manifest[name].key
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self.unwritable(name, error) from error
        return folder / filename

    def derive(self, name: str, filename: str, make: Callable[[Path], None]) -> Path:
        """`derived_path`, made by `make(path)` when it is not there; whole or absent, by one process."""
        target = self.derived_path(name, filename)
        if target.exists():
            return target
        with self.lock(f"{name}.derived", lambda: log.info("%s: waiting for %s", name, filename)):
            if target.exists():
                return target
            with tempfile.TemporaryDirectory(prefix="tmp-", dir=target.parent) as folder:
                make(Path(folder) / filename)
                os.replace(Path(folder) / filename, target)
        return target


def write_atomically(target: Path, data: bytes) -> None:
    """Write a small file whole or not at all, readable like any other (a store may serve several users)."""
    temporary = target.with_name(f"{target.name}.tmp-{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_tree(folder: Path) -> None:
    """Remove a folder of ours; what cannot be removed is named in the log and left to `prune`."""
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except OSError as error:
        log.warning("could not remove %s: %s", folder, error)
