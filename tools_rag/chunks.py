"""Documents to chunks that a small model can quote from: whole sentences, 60 to 120 words, under their heading.

A chunk never crosses a heading. A section is cut into pieces of even length, and each piece begins with the last
sentence of the one before where that is short, so that a fact said in two sentences stays together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools_rag.documents import Document

MAX_WORDS, AIM_WORDS = 120, 105
"""Words of a chunk before the overlap, at most (a longer sentence is cut) and as aimed at."""

OVERLAP_WORDS = 25
"""The longest sentence that is repeated at the head of the next chunk."""

_SHORT = """
mr mrs ms dr prof st mt vs etc e.g i.e no vol fig inc ltd co approx ca jan feb mar apr jun jul aug sep sept oct nov
dec u.s u.k sq ft
"""
_ABBREVIATIONS = frozenset(_SHORT.split())
_BOUNDARY = re.compile(r"[.!?…]{1,6}[\"'”’)\]]{0,4}\s+|\n{2,}")
MAX_WORD_LENGTH = 80
"""Longer runs without a space are data, not words, and are left out."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one document.

    Attributes:
        sentences: in order; together they are the text.
        source: the file, with `#heading` or `#page-3` where known.
        title: the nearest heading, or the document's title.
        context: what the text is about, from the headings above: it is indexed with them.
    """

    sentences: tuple[str, ...]
    source: str
    title: str
    context: str

    @property
    def text(self) -> str:
        """What a reader sees."""
        return " ".join(self.sentences)

    @property
    def indexed(self) -> str:
        """The text whose words are looked up."""
        return f"{self.context}. {self.text}"

    @property
    def embedded(self) -> list[str]:
        """The texts whose meaning is looked up: each sentence, after the context where it does not name it."""
        title = self.title.lower()
        return [s if title in s.lower() else f"{self.context}. {s}" for s in self.sentences]


def sentences(text: str) -> list[str]:
    """Sentences in order, whitespace collapsed. `3.5`, `Dr. Smith`, `e.g. this` and `J. Smith` are not cut."""
    found: list[str] = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        before = text[max(start, boundary.start() - 12) : boundary.start()].split()
        last = before[-1].lstrip("(\"'").lower() if before else ""
        abbreviated = boundary.group().startswith(". ") and (
            last in _ABBREVIATIONS or re.fullmatch(r"[a-z]", last)
        )
        if abbreviated and "\n\n" not in boundary.group():
            continue
        found.append(text[start : boundary.end()])
        start = boundary.end()
    found.append(text[start:])
    return [clean for clean in (_words(sentence) for sentence in found) if clean]


def _words(text: str) -> str:
    return " ".join(word for word in text.split() if len(word) <= MAX_WORD_LENGTH)


def pack(
    parts: Sequence[str], max_words: int = MAX_WORDS, overlap: int = OVERLAP_WORDS
) -> list[tuple[str, ...]]:
    """Sentences grouped into chunks of even length, at most `max_words` + `overlap` words each."""
    pieces = [piece for sentence in parts for piece in _cut(sentence, max_words)]
    total = sum(len(piece.split()) for piece in pieces)
    if not total:
        return []
    target = total / math.ceil(total / min(AIM_WORDS, max_words))
    chunks: list[list[str]] = [[]]
    held = 0
    for piece in pieces:
        size = len(piece.split())
        if (chunks[-1] and held + size / 2 > target) or held + size > max_words:
            last = chunks[-1][-1] if chunks[-1] else ""
            repeat = [last] if 0 < len(last.split()) <= overlap and len(chunks[-1]) > 1 else []
            chunks.append(repeat)
            held = 0
        chunks[-1].append(piece)
        held += size
    return [tuple(chunk) for chunk in chunks if chunk]


def _cut(sentence: str, max_words: int) -> Iterator[str]:
    words = sentence.split()
    for start in range(0, len(words), max_words):
        yield " ".join(words[start : start + max_words])


def chunk(document: Document) -> list[Chunk]:
    """The chunks of one document, in reading order."""
    found = []
    for section in document.sections:
        title = section.heading or document.title
        context = title if title == document.title else f"{document.title}: {title}"
        source = f"{document.path}#{section.anchor}" if section.anchor else document.path
        found += [Chunk(group, source, title, context) for group in pack(sentences(section.text))]
    return found
