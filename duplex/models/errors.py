"""The store's errors: one line each, naming the model and what to do."""

from __future__ import annotations

import errno

#: Out of space, over quota, over the file-size limit: to a user all three are "it does not fit".
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ModelError(Exception):
    """A model cannot be had; the message is one line that says which and what to do."""


class NetworkError(ModelError):
    """Nothing answered: the same will be true of the next model, so a run stops here."""


class DiskFullError(ModelError):
    """The store's disk is full: a run stops here too."""


class SourceError(Exception):
    """One source of a file failed; the next one may do. Never reaches a user by itself."""


class WrongHashError(SourceError):
    """A source gave other bytes than the manifest's."""


class UnreachableError(SourceError):
    """A source did not answer at all."""


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, says that the disk has no room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        error = error.__cause__ or error.__context__
    return False


def megabytes(count: int) -> str:
    """`count` bytes for people: "63 MB", "1.2 MB", "3 kB"."""
    if count >= 10_000_000:
        return f"{count / 1e6:.0f} MB"
    if count >= 100_000:
        return f"{count / 1e6:.1f} MB"
    return f"{max(1, round(count / 1e3))} kB" if count else "0 kB"
