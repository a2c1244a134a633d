"""Cleaning the store without ever touching what is not the store's.

`DUPLEX_MODELS` may point anywhere, a home folder by mistake included. So only three things are looked at: our
own `.partial`, and folders that carry our record of verified files. Links are not followed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from duplex.models.store import MARKER, PARTIAL, Store, remove_tree
from duplex.models.watch import folder_bytes


def prune(store: Store, *, dry_run: bool, note: Callable[[str], None]) -> list[tuple[Path, int]]:
    """Remove partial downloads, files that no manifest entry names, and models that it no longer has.

    `derived/` of a known model stays. A model that another process is fetching is waited for.

    Returns:
        What was (or with `dry_run` would be) removed: path and bytes.
    """
    removed: list[tuple[Path, int]] = []
    if not store.root.is_dir():
        return removed
    names = {path.name for path in _folders(store.root / PARTIAL)}
    names |= {path.name for path in _folders(store.root) if (path / MARKER).is_file()}
    for name in sorted(names):
        if dry_run:
            removed += [(path, _size(path)) for path in _surplus(store, name)]
            continue
        with store.lock(name, partial(note, f"{name}: another process is fetching it; waiting")):
            for path in _surplus(store, name):
                removed.append((path, _size(path)))
                _remove(path)
    return removed


def _surplus(store: Store, name: str) -> list[Path]:
    """The paths of one model that need not be there, whole folders before their files."""
    found = [path for path in (store.root / PARTIAL / name,) if path.is_dir()]
    folder = store.root / name
    if not (folder / MARKER).is_file():
        return found
    if name not in store.manifest.models:
        return [*found, folder]
    keep = {folder / file for file in store.manifest.models[name].files} | {folder / MARKER}
    return found + _strangers(folder, keep, top=True)


def _strangers(folder: Path, keep: set[Path], *, top: bool = False) -> list[Path]:
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path in keep or (top and path.name == "derived"):
            continue
        if path.is_dir() and not path.is_symlink() and any(path in file.parents for file in keep):
            found += _strangers(path, keep)
        else:
            found.append(path)
    return found


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]


def _size(path: Path) -> int:
    return folder_bytes(path) if path.is_dir() and not path.is_symlink() else path.lstat().st_size


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink()
