"""An index on disk: whole or not there.

A build is written to a folder of its own and becomes the current one by replacing one small file, so a crash leaves
the old index. Every file's sha256 is in the manifest: what has been damaged is noticed and built anew, and no native
reader is ever given damaged bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools_rag.chunks import Chunk
from tools_rag.errors import Problem
from tools_rag.vectors import VectorIndex
from tools_rag.words import WordIndex

FORMAT = 1
"""Raised when chunks are cut or stored differently: an older index is then built anew."""

_CURRENT, _MANIFEST, _CHUNKS, _VECTORS, _WORDS = (
    "current",
    "manifest.json",
    "chunks.jsonl",
    "vectors.npz",
    "words",
)


class Damaged(Exception):
    """What is saved cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of the folder as it was when it was indexed.

    Attributes:
        path: relative to the folder.
        digest: sha256 of its content.
        chunks: its chunks, which stand together in the index.
        problems: what was left out of it.
    """

    path: str
    digest: str
    chunks: tuple[Chunk, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """An index with what is needed to bring it up to date."""

    files: tuple[FileRecord, ...]
    vectors: VectorIndex
    words: WordIndex

    @property
    def chunks(self) -> list[Chunk]:
        """All chunks; the place in this list is the chunk's number in `words`."""
        return [chunk for file in self.files for chunk in file.chunks]


def load(slot: Path, embedder: str) -> Saved | None:
    """The index saved in `slot` by the same embedder and format, or None where there is none.

    Raises:
        Damaged: there is one, but not as it was written.
    """
    current = slot / _CURRENT
    if not current.exists():
        return None
    try:
        home = slot / Path(current.read_text(encoding="utf-8").strip()).name
        manifest = json.loads((home / _MANIFEST).read_bytes())
        if (manifest["format"], manifest["embedder"]) != (FORMAT, embedder):
            return None
        for name, digest in manifest["digests"].items():
            if _digest(home / name) != digest:
                raise Damaged(f"{home / name} is damaged")
        lines = (home / _CHUNKS).read_text(encoding="utf-8").splitlines()
        chunks = iter([_chunk(json.loads(line)) for line in lines])
        files = tuple(
            FileRecord(
                file["path"],
                file["digest"],
                tuple(next(chunks) for _ in range(file["chunks"])),
                tuple(Problem(**problem) for problem in file["problems"]),
            )
            for file in manifest["files"]
        )
        return Saved(files, VectorIndex.load(home / _VECTORS), WordIndex(home / _WORDS))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise Damaged(f"cannot read the index in {slot}: {error}") from error


def save(slot: Path, embedder: str, files: Sequence[FileRecord], vectors: VectorIndex) -> Saved:
    """Writes a new index, makes it the current one and removes older ones. The word index is built here, on disk.

    Raises:
        OSError: the disk is full or may not be written to; the old index is still current then.
    """
    slot.mkdir(parents=True, exist_ok=True)
    home = slot / uuid.uuid4().hex[:12]
    try:
        (home / _WORDS).mkdir(parents=True)
        chunks = [chunk for file in files for chunk in file.chunks]
        words = WordIndex(home / _WORDS)
        words.add(chunk.indexed for chunk in chunks)
        vectors.save(home / _VECTORS)
        lines = (json.dumps(asdict(chunk)) + "\n" for chunk in chunks)
        (home / _CHUNKS).write_text("".join(lines), encoding="utf-8")
        manifest = {
            "format": FORMAT,
            "embedder": embedder,
            "files": [_record(file) for file in files],
            "digests": {
                path.relative_to(home).as_posix(): _digest(path)
                for path in sorted(home.rglob("*"))
                if _kept(path)
            },
        }
        (home / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        pointer = slot / f"{_CURRENT}.{home.name}"
        pointer.write_text(home.name, encoding="utf-8")
        pointer.replace(slot / _CURRENT)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    for other in slot.iterdir():
        if other.is_dir() and other != home:
            shutil.rmtree(other, ignore_errors=True)
    return Saved(tuple(files), vectors, words)


def _chunk(fields: dict[str, Any]) -> Chunk:
    return Chunk(**{**fields, "sentences": tuple(fields["sentences"])})


def _record(file: FileRecord) -> dict[str, object]:
    problems = [asdict(problem) for problem in file.problems]
    return {"path": file.path, "digest": file.digest, "chunks": len(file.chunks), "problems": problems}


def _kept(path: Path) -> bool:
    """tantivy's own lock files come and go."""
    return path.is_file() and path.suffix != ".lock"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
