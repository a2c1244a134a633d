"""The model store: a manifest in, verified local files out.

Other code calls `model_folder(name)` and knows nothing of hubs, registries or hashes. Importing this module
is cheap; what it needs is imported when it is called.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from duplex.models.errors import ModelError

if TYPE_CHECKING:
    from duplex.models.progress import Progress
    from duplex.models.store import Store

__all__ = ["ModelError", "default_store", "derive", "derived_path", "is_offline", "model_folder", "pull"]

STORE_ENV = "DUPLEX_MODELS"
OFFLINE_ENV = "DUPLEX_OFFLINE"
MANIFEST_ENV = "DUPLEX_MODEL_MANIFEST"


def is_offline() -> bool:
    """Whether `DUPLEX_OFFLINE` forbids fetching.

    Raises:
        ModelError: it is set to something else than 1/true/yes/on or 0/false/no/off.
    """
    value = os.environ.get(OFFLINE_ENV, "").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"", "0", "false", "no", "off"}:
        return False
    raise ModelError(f"{OFFLINE_ENV}={value!r}: give 1 or 0")


def default_store() -> Store:
    """The user's store: the folder `DUPLEX_MODELS` or the user's cache, with the shipped manifest.

    `DUPLEX_MODEL_MANIFEST` names another manifest, for models of one's own.
    """
    return _store(os.environ.get(STORE_ENV, ""), os.environ.get(MANIFEST_ENV, ""))


@lru_cache(maxsize=4)
def _store(root: str, manifest: str) -> Store:
    from platformdirs import user_cache_path

    from duplex.models.manifest import load_manifest
    from duplex.models.store import Store
    from duplex.resources import ResourceError, config_path

    cache = user_cache_path("duplex", appauthor=False) / "models"
    folder = Path(root).expanduser().absolute() if root else cache
    try:
        source = Path(manifest) if manifest else config_path("models.yaml")
    except ResourceError as error:
        raise ModelError(str(error)) from error
    return Store(folder, load_manifest(source))


def model_folder(
    name: str, *, offline: bool = False, pull: bool = True, progress: Progress | None = None
) -> Path:
    """The folder with the model's verified files, pulled first if they are not there.

    Costs a `stat` per file when all is well: a file is hashed only if its size or time of change differ from
    when it was last hashed. A file that turns out to be damaged is fetched again where that is allowed.

    Args:
        name: a name of the manifest, for example "piper-joe".
        offline: fetch nothing (so does `DUPLEX_OFFLINE=1`).
        pull: False: fetch nothing, and say how to.
        progress: where the pull is shown; default: log records.

    Raises:
        ModelError: unknown name, missing or damaged and not to be fetched, or the fetch failed. One line.
    """
    from duplex.models.progress import LogProgress
    from duplex.models.puller import Puller
    from duplex.models.store import FileState

    store = default_store()
    folder = store.folder(name)
    bad = {file: state for file, state in store.check(name).items() if state is not FileState.OK}
    if not bad:
        return folder
    offline = offline or is_offline()
    file, state = next(iter(bad.items()))
    damaged = next(((f, s) for f, s in bad.items() if s is not FileState.MISSING), None)
    what = f"{damaged[0]} is damaged ({damaged[1]})" if damaged else f"{file} is {state}"
    if offline or not pull:
        why = "offline, so it is not fetched; without --offline and DUPLEX_OFFLINE run" if offline else "run"
        raise ModelError(f"{name}: {what} in {folder}: {why}: duplex models pull {name}")
    progress = progress or LogProgress()
    if damaged:
        progress.note(f"{name}: {what}; fetching it again")
    return Puller(store, progress).pull(name)


def pull(names: list[str], progress: Progress, *, store: Store | None = None) -> list[ModelError]:
    """Pull models in order; returns the errors of those that failed.

    A run ends at the first error that the next model would meet as well (no network, disk full).
    """
    from duplex.models.errors import DiskFullError, NetworkError
    from duplex.models.puller import Puller

    puller = Puller(store or default_store(), progress)
    errors: list[ModelError] = []
    for name in names:
        try:
            puller.pull(name)
        except ModelError as error:
            errors.append(error)
            if isinstance(error, NetworkError | DiskFullError):
                break
    return errors


def derived_path(name: str, filename: str) -> Path:
    """Where a file made from model `name` belongs; the path changes when the model's content does.

    The caller writes it whole or not at all; `derive` does that for you.
    """
    return default_store().derived_path(name, filename)


def derive(name: str, filename: str, make: Callable[[Path], None]) -> Path:
    """The derived file, made once by `make(path)` if it is not there yet (atomic, locked)."""
    return default_store().derive(name, filename, make)
