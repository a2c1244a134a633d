"""Text out of HTML, PDF and JSON lines. Each of these can be hostile, so each has its own bounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tools_rag.documents import Document, Section, title_from
from tools_rag.errors import Problem
from tools_rag.folder import Limits, Unreadable

LINE_CHARACTERS = 200_000
"""A longer line of JSON is left out."""

SHOWN_PROBLEMS = 20
"""Bad lines of one file that are named one by one."""

HTML_CHARACTERS = 5_000_000
"""A longer page is left out: parsing takes tens of times its size in memory."""


def html_to_markdown(text: str) -> str:
    """The article of a page, without scripts, menus and footers (trafilatura); all its text where none is found.

    Raises:
        Unreadable: the page cannot be parsed.
    """
    import trafilatura

    if len(text) > HTML_CHARACTERS:
        raise Unreadable(f"left out: more than {HTML_CHARACTERS} characters of HTML; split it")
    try:
        article = trafilatura.extract(
            text, output_format="markdown", include_comments=False, include_tables=True, favor_recall=True
        )
        plain = article or trafilatura.html2txt(text)
        title = getattr(trafilatura.extract_metadata(text), "title", None)
    except Exception as error:  # lxml and trafilatura raise many kinds; each means this page is unusable
        raise Unreadable(f"cannot be read as HTML: {_first_line(error)}") from error
    if not title or (plain or "").lstrip().startswith("# "):
        return plain or ""
    return f"# {' '.join(title.split())}\n\n{plain or ''}"


def from_pdf(path: Path, name: str, limits: Limits) -> tuple[Document, list[Problem]]:
    """A section for each page of text. A process of its own reads it, so that a hostile file can be stopped.

    Raises:
        Unreadable: not a PDF, encrypted, or too slow or too large to read.
    """
    command = [sys.executable, "-m", "tools_rag.pdf", str(path), str(limits.pages), str(limits.characters)]
    here = str(Path(__file__).parents[1])
    inherited = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, inherited] if inherited else [here])}
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=limits.pdf_seconds, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unreadable(
            f"left out: not read within {limits.pdf_seconds:g} s; print it to a simpler PDF"
        ) from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = lines[-1][:300] if lines else f"the reader ended with status {done.returncode}"
        raise Unreadable(f"cannot be read as PDF: {why}")
    found: dict[str, Any] = json.loads(done.stdout)
    sections = tuple(Section("", text, f"page-{number}") for number, text in found["pages"] if text.strip())
    if not sections:
        raise Unreadable("holds no text (a scan?); run text recognition over it first")
    problems = [Problem(name, found["cut"])] if found["cut"] else []
    return Document(name, found["title"] or title_from(name), sections), problems


def from_jsonl(text: str, name: str) -> tuple[Document, list[Problem]]:
    """A section for each line: a string, or an object with `text` (or `content`, `answer`) and perhaps `title`."""
    sections: list[Section] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            heading, body = _record(line)
        except ValueError as error:
            problems.append(Problem(name, f"line {number} left out: {error}"))
        else:
            sections.append(Section(heading, body, f"line-{number}"))
    if len(problems) > SHOWN_PROBLEMS:
        more = len(problems) - SHOWN_PROBLEMS
        problems = [*problems[:SHOWN_PROBLEMS], Problem(name, f"{more} more lines left out")]
    return Document(name, title_from(name), tuple(sections)), problems


def _record(line: str) -> tuple[str, str]:
    if len(line) > LINE_CHARACTERS:
        raise ValueError(f"longer than {LINE_CHARACTERS} characters")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if isinstance(value, str):
        return "", value
    if not isinstance(value, dict):
        raise ValueError("neither an object nor a string")
    body = _first(value, "text", "content", "answer")
    if not body:
        raise ValueError("no `text`, `content` or `answer`")
    return _first(value, "title", "heading", "question"), body


def _first(value: dict[str, Any], *keys: str) -> str:
    return next((found for key in keys if isinstance(found := value.get(key), str) and found.strip()), "")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
