"""Files to documents: a title and sections of plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """Text under one heading.

    Attributes:
        heading: the heading, or empty where there is none.
        text: plain text; a blank line ends a paragraph.
        anchor: where in the file, for `source`: `depth`, `page-3`, `line-12`; or empty.
    """

    heading: str
    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One file's text.

    Attributes:
        path: relative to the knowledge folder, with `/`.
        title: the file's own title, or its name made readable.
        sections: in reading order.
    """

    path: str
    title: str
    sections: tuple[Section, ...]


def title_from(path: str) -> str:
    """`great_salt-lake.md` to `great salt lake`."""
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return re.sub(r"[-_\s]+", " ", stem).strip() or path


def anchor_of(heading: str) -> str:
    """A heading as GitHub links to it: `Depth & area` to `depth-area`."""
    return re.sub(r"[^\w]+", "-", heading.lower()).strip("-")


# Every pattern here is bounded: on a line made to be slow, an unbounded one takes time in the square of its length.
_HEADING = re.compile(r"^ {0,3}(#{1,6})\s")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_INLINE = (
    (re.compile(r"!\[([^\]]{0,500})\]\([^)]{0,2000}\)"), r"\1"),
    (re.compile(r"\[([^\]]{0,500})\]\([^)]{0,2000}\)"), r"\1"),
    (re.compile(r"<[a-zA-Z/][^<>]{0,500}>"), " "),
    (re.compile(r"(\*\*|__|`|\*)(?=\S)|(?<=\S)(\*\*|__|`|\*)"), ""),
)
_LIST_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+(.*)$")
_TABLE_RULE = frozenset(" \t:|-")


def from_markdown(text: str, path: str) -> Document:
    """Markdown by its headings; the first level-1 heading is the document's title."""
    title, body = _front_matter(text)
    heading, lines, fenced = "", list[str](), False
    sections: list[Section] = []

    def close() -> None:
        plain = _plain(lines)
        if plain:
            sections.append(Section(heading, plain, anchor_of(heading)))
        lines.clear()

    for line in _without_comments(body).split("\n"):
        if _FENCE.match(line):
            fenced = not fenced
        elif (match := _HEADING.match(line)) and not fenced:
            close()
            words = _strip_inline(line[match.end() :].strip().rstrip("#")).strip()
            first = len(match[1]) == 1 and not title
            title = words if first else title
            heading = "" if first else words
        else:
            lines.append(line)
    close()
    return Document(path, title or title_from(path), tuple(sections))


def from_text(text: str, path: str) -> Document:
    """Plain text: one section; paragraphs are parted by blank lines."""
    return Document(path, title_from(path), (Section("", text),))


def _front_matter(text: str) -> tuple[str, str]:
    """The title in a leading `---` block, if any, and the rest."""
    match = re.match(r"---\n(.{0,5000}?)\n---\n", text, re.S)
    if not match:
        return "", text
    title = re.search(r"^title:\s*[\"']?(.*?)[\"']?\s*$", match[1], re.M)
    return (title[1] if title else ""), text[match.end() :]


def _without_comments(text: str) -> str:
    """`<!-- -->` cut out; one that is not closed stays."""
    kept, start = list[str](), 0
    while (opened := text.find("<!--", start)) >= 0 and (closed := text.find("-->", opened)) >= 0:
        kept.append(text[start:opened])
        start = closed + 3
    return " ".join([*kept, text[start:]])


def _plain(lines: list[str]) -> str:
    """Lines of Markdown as plain text: a list item and a table row each become a paragraph."""
    plain: list[str] = []
    for line in lines:
        if item := _LIST_ITEM.match(line):
            plain += ["", item[1]]
        elif line.lstrip().startswith("|"):
            if not _TABLE_RULE.issuperset(line):
                cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
                plain += ["", ", ".join(cell for cell in cells if cell) + ".", ""]
        else:
            plain.append(line.lstrip("> ") if line.lstrip().startswith(">") else line)
    return _strip_inline("\n".join(plain)).strip()


def _strip_inline(text: str) -> str:
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return text
