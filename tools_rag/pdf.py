"""Reads one PDF in a process of its own: `python -m tools_rag.pdf FILE PAGES CHARACTERS` prints JSON.

A small file can unpack to gigabytes or keep a parser busy for hours. Here that costs a process that is killed, with
a bound on its memory where the system has one, and never the server.
"""

from __future__ import annotations

import json
import logging
import sys

MEMORY_BYTES = 2_000_000_000


def extract(path: str, pages: int, characters: int) -> dict[str, object]:
    """`title`, `pages` as [number from 1, text], and `cut`: what was left out, or empty."""
    from pypdf import PdfReader

    reader = PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        raise ValueError("it is encrypted; save it without a password")
    found: list[tuple[int, str]] = []
    cut, held = "", 0
    for number, page in enumerate(reader.pages, start=1):
        if number > pages:
            cut = f"cut after {pages} pages; split it"
            break
        text = page.extract_text()[: characters - held]
        held += len(text)
        found.append((number, _unhyphenated(text)))
        if held >= characters:
            cut = f"cut after {characters} characters, on page {number}; split it"
            break
    title = str(reader.metadata.title or "") if reader.metadata else ""
    return {"title": " ".join(title.split())[:200], "pages": found, "cut": cut}


def _unhyphenated(text: str) -> str:
    """Words that a line end has cut are joined; other line ends stay."""
    return text.replace("-\n", "")


def _bound_memory() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main() -> int:
    """Prints the text, or one line on stderr."""
    logging.disable(logging.CRITICAL)  # pypdf logs each flaw that it mends
    _bound_memory()
    try:
        found = extract(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    except Exception as error:  # whatever the file provokes, the caller needs the one line
        print(str(error).splitlines()[0] if str(error) else type(error).__name__, file=sys.stderr)
        return 1
    json.dump(found, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
