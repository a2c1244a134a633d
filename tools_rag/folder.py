"""Which files of a knowledge folder are read, and their text: everything from outside is bounded here.

One bad file never stops the rest: it becomes a `Problem` that names it, what is wrong and what to do.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from tools_rag.documents import Document, from_markdown, from_text
from tools_rag.errors import KnowledgeError, Problem

SUFFIXES = (".md", ".markdown", ".txt", ".html", ".htm", ".pdf", ".jsonl")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a knowledge folder may hold.

    Attributes:
        file_bytes: a larger file is left out.
        files: more files are left out, in order of name.
        characters: text taken from one file; the rest of it is left out.
        pages: pages taken from one PDF.
        pdf_seconds: time to read one PDF, in a process of its own.
        chunks: chunks of the whole folder (20,000 are about 1.5 million words, and keep a search under 30 ms);
            more is an error, since no answer would tell what is missing.
    """

    file_bytes: int = 20_000_000
    files: int = 10_000
    characters: int = 5_000_000
    pages: int = 500
    pdf_seconds: float = 60.0
    chunks: int = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A file to be read.

    Attributes:
        path: relative to the folder, with `/`.
        digest: sha256 of its content, in hex.
    """

    path: str
    digest: str


def scan(folder: Path, limits: Limits) -> tuple[list[Entry], list[Problem]]:
    """The folder's files in order of name. Hidden files are passed over; links may not lead out of the folder.

    Raises:
        KnowledgeError: there is no such folder.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise KnowledgeError(
            f"knowledge folder {folder} {what}; give a folder of {', '.join(SUFFIXES)} files"
        )
    root = folder.resolve()
    entries: list[Entry] = []
    problems: list[Problem] = []
    for path in _walk(root, problems):
        relative = path.relative_to(root).as_posix()
        if len(entries) == limits.files:
            problems.append(Problem(relative, f"left out, and all after it: more than {limits.files} files"))
            break
        why = _refusal(path, root, limits)
        if why:
            problems.append(Problem(relative, why))
            continue
        try:
            with path.open("rb") as file:
                entries.append(Entry(relative, hashlib.file_digest(file, "sha256").hexdigest()))
        except OSError as error:
            problems.append(Problem(relative, f"cannot be read: {error.strerror}"))
    return entries, problems


def _walk(root: Path, problems: list[Problem]) -> list[Path]:
    """Every file that is not hidden, and links to folders (which are refused by name later)."""

    def failed(error: OSError) -> None:
        problems.append(
            Problem(os.path.relpath(error.filename or root, root), f"cannot be read: {error.strerror}")
        )

    found: list[Path] = []
    for base, folders, files in os.walk(root, onerror=failed, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        linked = [name for name in folders if Path(base, name).is_symlink()]
        found += [Path(base, name) for name in (*files, *linked) if not name.startswith(".")]
    return sorted(found)


def _refusal(path: Path, root: Path, limits: Limits) -> str:
    """Why a file is left out, or nothing."""
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        if not target.is_relative_to(root):
            return "a link that leads out of the knowledge folder; copy the file into it"
        if target.is_dir():
            return "a link to a folder is not followed"
    if path.suffix.lower() not in SUFFIXES:
        return (
            f"type {path.suffix or 'without ending'} is not read; convert it to one of {', '.join(SUFFIXES)}"
        )
    try:
        if not path.is_file():
            return "not an ordinary file"
        size = path.stat().st_size
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if size > limits.file_bytes:
        limit = limits.file_bytes / 1e6
        return f"left out: {size / 1e6:.0f} MB, and the limit for a file is {limit:g} MB; split it"
    return ""


def read(folder: Path, entry: Entry, limits: Limits) -> tuple[Document | None, list[Problem]]:
    """One file's text, or None; and what was left out of it."""
    path = folder.resolve() / entry.path
    suffix = path.suffix.lower()
    try:
        document, problems = _read(path, entry.path, suffix, limits)
    except Unreadable as error:
        return None, [Problem(entry.path, str(error))]
    except OSError as error:
        return None, [Problem(entry.path, f"cannot be read: {error.strerror}")]
    if not any(section.text.strip() for section in document.sections):
        return None, [*problems, Problem(entry.path, "holds no text")]
    return document, problems


class Unreadable(Exception):
    """One file cannot be used; the message says why."""


def _read(path: Path, name: str, suffix: str, limits: Limits) -> tuple[Document, list[Problem]]:
    from tools_rag import formats

    if suffix == ".pdf":
        return formats.from_pdf(path, name, limits)
    raw = path.read_bytes()
    if len(raw) > limits.file_bytes:
        raise Unreadable("grew past the limit for a file while it was read")
    text, problems = decode(raw, name)
    if suffix == ".jsonl":
        document, more = formats.from_jsonl(text, name)
        return document, problems + more
    if suffix in (".html", ".htm"):
        text = formats.html_to_markdown(text)
    if len(text) > limits.characters:
        problems.append(Problem(name, f"cut after {limits.characters} characters; split it"))
        text = text[: limits.characters]
    return (from_text if suffix == ".txt" else from_markdown)(text, name), problems


def decode(raw: bytes, name: str) -> tuple[str, list[Problem]]:
    """Bytes as text with `\\n` line ends: UTF-8, UTF-16 with its mark, else Windows-1252 with a problem noted.

    Raises:
        Unreadable: the bytes are not text.
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text, problems = raw.decode("utf-16", errors="replace"), list[Problem]()
    else:
        if b"\0" in raw:
            raise Unreadable("is not text, although its name says so; left out")
        try:
            text, problems = raw.decode("utf-8-sig"), []
        except UnicodeDecodeError:
            text = raw.decode("cp1252", errors="replace")
            problems = [Problem(name, "is not UTF-8; read as Windows-1252, save it as UTF-8 to be sure")]
    sample = text[:100_000]
    odd = sum(1 for c in sample if c == "�" or (c < " " and c not in "\n\r\t\f"))
    if odd > len(sample) * 0.02:
        raise Unreadable("is not text, although its name says so; left out")
    return text.replace("\r\n", "\n").replace("\r", "\n"), problems
