"""A folder, and what is saved of it, to an index that is up to date: only what has changed is read and embedded."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tools_rag.chunks import Chunk, chunk
from tools_rag.embed import Embedder
from tools_rag.errors import KnowledgeError, Problem
from tools_rag.folder import Entry, Limits, read, scan
from tools_rag.store import Damaged, FileRecord, Saved, load, save
from tools_rag.vectors import VectorIndex, key_of

Progress = Callable[[int, int], None]
"""Called with the sentences embedded so far and the sentences to embed."""

EMBED_AT_ONCE = 256
LOCK_SECONDS = 900.0

log = logging.getLogger(__name__)


def up_to_date(
    folder: Path, cache: Path, embedder: Embedder, progress: Progress | None, limits: Limits
) -> tuple[Saved, list[Problem]]:
    """The saved index of `folder`, brought up to date under a lock, and everything that was left out.

    Raises:
        KnowledgeError: no such folder, nothing to read in it, too much in it, or the cache cannot be written.
    """
    from filelock import FileLock, Timeout

    entries, problems = scan(folder, limits)
    slot = cache / f"{folder.resolve().name}-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"
    slot = slot / embedder.id
    try:
        slot.mkdir(parents=True, exist_ok=True)
        with FileLock(slot / "lock", timeout=LOCK_SECONDS):
            saved = _load(slot, embedder)
            if saved is None or not _same(saved, entries):
                files = records(folder, entries, saved, limits)
                _refuse(folder, files, problems, limits)
                vectors = embedded(files, saved, embedder, progress)
                saved = save(slot, embedder.id, files, vectors)
    except Timeout as error:
        raise KnowledgeError(f"another process has been indexing {folder} for {LOCK_SECONDS:g} s") from error
    except OSError as error:
        raise KnowledgeError(
            f"cannot keep the index of {folder} in {slot}: {error}; free space or give a cache"
        ) from error
    _refuse(folder, saved.files, problems, limits)
    return saved, problems + [problem for file in saved.files for problem in file.problems]


def _load(slot: Path, embedder: Embedder) -> Saved | None:
    try:
        return load(slot, embedder.id)
    except Damaged as damage:
        log.warning("%s; building it anew", damage)
        return None


def _same(saved: Saved, entries: Sequence[Entry]) -> bool:
    return [(file.path, file.digest) for file in saved.files] == [(e.path, e.digest) for e in entries]


def records(folder: Path, entries: Sequence[Entry], saved: Saved | None, limits: Limits) -> list[FileRecord]:
    """A record for each file: the saved one where its content is the same, else read now."""
    old = {(file.path, file.digest): file for file in saved.files} if saved else {}
    found = []
    for entry in entries:
        record = old.get((entry.path, entry.digest))
        if record is None:
            document, problems = read(folder, entry, limits)
            chunks: list[Chunk] = chunk(document) if document else []
            if document and not chunks:
                problems.append(Problem(entry.path, "holds no words"))
            record = FileRecord(entry.path, entry.digest, tuple(chunks), tuple(problems))
        found.append(record)
    return found


def _refuse(folder: Path, files: Sequence[FileRecord], problems: Sequence[Problem], limits: Limits) -> None:
    """Raises where there is nothing to search, or too much."""
    count = sum(len(file.chunks) for file in files)
    if count > limits.chunks:
        raise KnowledgeError(
            f"{folder} holds {count} chunks and the limit is {limits.chunks}; split the folder"
        )
    if count:
        return
    reasons = [*problems, *(problem for file in files for problem in file.problems)]
    if reasons:
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        raise KnowledgeError(f"knowledge folder {folder} holds nothing that can be read: {reasons[0]}{more}")
    raise KnowledgeError(
        f"knowledge folder {folder} is empty; put .md, .txt, .html, .pdf or .jsonl files into it"
    )


def embedded(
    files: Sequence[FileRecord], saved: Saved | None, embedder: Embedder, progress: Progress | None
) -> VectorIndex:
    """A vector for each sentence: those saved are kept, the others are embedded."""
    texts = {key_of(text): text for file in files for piece in file.chunks for text in piece.embedded}
    held = dict(zip(saved.vectors.keys, saved.vectors.rows, strict=True)) if saved else {}
    rows = np.zeros((len(texts), embedder.dimension), np.float16)
    places = {key: place for place, key in enumerate(texts)}
    for key in texts.keys() & held.keys():
        rows[places[key]] = held[key]
    # Like lengths together, so that a batch wastes little.
    missing = sorted(texts.keys() - held.keys(), key=lambda key: len(texts[key]))
    for start in range(0, len(missing), EMBED_AT_ONCE):
        if progress:
            progress(start, len(missing))
        batch = missing[start : start + EMBED_AT_ONCE]
        rows[[places[key] for key in batch]] = embedder.embed([texts[key] for key in batch])
    if progress:
        progress(len(missing), len(missing))
    return VectorIndex(list(texts), rows)
