"""What a knowledge folder may hold, and what becomes of what it may not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools_rag.errors import KnowledgeError
from tools_rag.folder import Limits, Unreadable, decode, read, scan

PAGES = ("Harbour opening hours are from nine to five.", "The harbour master is called Ingrid.")


def write_pdf(path: Path, pages: tuple[str, ...], encrypted: bool = False) -> None:
    """A real PDF with one line of text on each page."""
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    font = DictionaryObject(
        {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1")}
    )
    font[NameObject("/BaseFont")] = NameObject("/Helvetica")
    for text in pages:
        page = writer.add_blank_page(600, 800)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F"): font})}
        )
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F 12 Tf 50 700 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    if encrypted:
        writer.encrypt("secret")
    writer.write(path)


def texts(folder: Path, limits: Limits | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Each file's text, and each left-out file's reason."""
    limits = limits or Limits()
    entries, problems = scan(folder, limits)
    found: dict[str, str] = {}
    for entry in entries:
        document, more = read(folder, entry, limits)
        problems += more
        if document:
            found[entry.path] = "\n".join(section.text for section in document.sections)
    return found, {problem.path: problem.why for problem in problems}


def test_every_kind_is_read(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.md").write_text("# Boats\n\nThe *Liemba* is a [ferry](http://x.org).\n")
    (tmp_path / "sub/b.txt").write_text("Plain words.")
    (tmp_path / "c.jsonl").write_text('{"title": "Fees", "text": "A berth costs ten."}\n"Just words."\n')
    write_pdf(tmp_path / "d.pdf", PAGES)
    found, problems = texts(tmp_path)
    assert problems == {}
    assert found["a.md"] == "The Liemba is a ferry."
    assert found["sub/b.txt"] == "Plain words."
    assert found["c.jsonl"] == "A berth costs ten.\nJust words."
    assert [line.strip() for line in found["d.pdf"].splitlines()] == list(PAGES)


def test_html_gives_its_article_without_scripts(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "<html><head><title>Quay rules</title><script>var secret = 'do not read';</script>"
        "<style>p {color: red}</style></head><body><nav><a href='/'>Home</a></nav><article><h1>Quay rules</h1>"
        "<p>Dogs must be kept on a lead on the quay at all times of the day.</p>"
        "<script>alert('do not read')</script><p>Swimming is forbidden between the piers in summer.</p></article>"
        "</body></html>"
    )
    found, problems = texts(tmp_path)
    assert problems == {}
    assert "Dogs must be kept on a lead" in found["page.html"]
    assert "Swimming is forbidden" in found["page.html"]
    assert "do not read" not in found["page.html"]
    assert "color" not in found["page.html"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("garbage.md", bytes(range(256)) * 20, "is not text"),
        ("control.txt", b"\x01\x02\x03 words " * 50, "is not text"),
        ("broken.pdf", b"%PDF-1.4\n" + b"\x00garbage" * 100, "cannot be read as PDF"),
        ("fake.pdf", b"hello", "cannot be read as PDF"),
        ("empty.md", b"", "holds no text"),
        ("blank.html", b"<html><script>x()</script></html>", "holds no text"),
        ("letter.docx", b"PK", "convert it"),
    ],
)
def test_a_bad_file_is_named_and_the_rest_is_read(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "good.md").write_text("Good words.")
    found, problems = texts(tmp_path)
    assert found == {"good.md": "Good words."}
    assert list(problems) == [name]
    assert why in problems[name]
    assert "\n" not in problems[name]


def test_a_locked_pdf_says_so(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="pypdf needs it to lock a page")
    write_pdf(tmp_path / "locked.pdf", PAGES, encrypted=True)
    assert "encrypted" in texts(tmp_path)[1]["locked.pdf"]


def test_a_huge_file_is_left_out_unread(tmp_path: Path) -> None:
    with (tmp_path / "huge.md").open("wb") as file:
        file.truncate(200_000_000)
    (tmp_path / "good.md").write_text("Good words.")
    found, problems = texts(tmp_path)
    assert list(found) == ["good.md"]
    assert problems == {"huge.md": "left out: 200 MB, and the limit for a file is 20 MB; split it"}


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "knowledge"
    folder.mkdir()
    (folder / "good.md").write_text("Good words.")
    (folder / "inside.md").symlink_to("good.md")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    (folder / "loop.md").symlink_to("loop.md")
    found, problems = texts(folder)
    assert set(found) == {"good.md", "inside.md"}
    assert set(problems) == {"out.txt", "up", "loop.md"}
    assert "leads out" in problems["out.txt"]
    assert "leads out" in problems["up"]


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/a.md").write_text("hidden")
    (tmp_path / ".hidden.md").write_text("hidden")
    assert texts(tmp_path) == ({}, {})


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert texts(tmp_path) == ({}, {"pipe.txt": "not an ordinary file"})


def test_bad_lines_of_jsonl_are_named(tmp_path: Path) -> None:
    lines = [
        '{"text": "one"}',
        "{nonsense",
        "[1, 2]",
        '{"title": "no text"}',
        "[" * 50_000,
        '"' + "x" * 300_000 + '"',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, json.dumps({"question": "Why?", "answer": "two"})]))
    entries, _ = scan(tmp_path, Limits())
    document, problems = read(tmp_path, entries[0], Limits())
    assert document is not None
    assert [(s.heading, s.text, s.anchor) for s in document.sections] == [
        ("", "one", "line-1"),
        ("Why?", "two", "line-7"),
    ]
    assert [problem.why.split(" left out: ") for problem in problems] == [
        ["line 2", "not JSON"],
        ["line 3", "neither an object nor a string"],
        ["line 4", "no `text`, `content` or `answer`"],
        ["line 5", "not JSON"],
        ["line 6", "longer than 200000 characters"],
    ]


def test_many_bad_lines_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('"fine"\n' + "nonsense\n" * 500)
    entries, _ = scan(tmp_path, Limits())
    _, problems = read(tmp_path, entries[0], Limits())
    assert len(problems) == 21
    assert problems[-1].why == "480 more lines left out"


def test_pdf_pages_and_characters_are_bounded(tmp_path: Path) -> None:
    write_pdf(tmp_path / "long.pdf", tuple(f"Page number {n} of many." for n in range(6)))
    found, problems = texts(tmp_path, Limits(pages=2))
    assert len(found["long.pdf"].splitlines()) == 2
    assert problems == {"long.pdf": "cut after 2 pages; split it"}
    found, problems = texts(tmp_path, Limits(characters=30))
    assert len(found["long.pdf"].replace("\n", "")) <= 30
    assert "cut after 30 characters" in problems["long.pdf"]


def test_a_slow_pdf_is_stopped(tmp_path: Path) -> None:
    write_pdf(tmp_path / "slow.pdf", PAGES)
    assert "not read within 0.01 s" in texts(tmp_path, Limits(pdf_seconds=0.01))[1]["slow.pdf"]


def test_too_many_files_are_cut_with_a_word(tmp_path: Path) -> None:
    for n in range(5):
        (tmp_path / f"{n}.md").write_text("words")
    found, problems = texts(tmp_path, Limits(files=3))
    assert list(found) == ["0.md", "1.md", "2.md"]
    assert "more than 3 files" in problems["3.md"]


def test_a_long_text_is_cut_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "line.txt").write_text("word " * 1000)
    found, problems = texts(tmp_path, Limits(characters=100))
    assert len(found["line.txt"]) == 100
    assert problems == {"line.txt": "cut after 100 characters; split it"}


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="does not exist"):
        scan(tmp_path / "nowhere", Limits())
    (tmp_path / "file.md").write_text("x")
    with pytest.raises(KnowledgeError, match="is not a folder"):
        scan(tmp_path / "file.md", Limits())


@pytest.mark.parametrize(
    ("raw", "text", "noted"),
    [
        ("Léman".encode(), "Léman", False),
        ("\ufeffLéman".encode(), "Léman", False),
        ("Léman".encode("utf-16"), "Léman", False),
        ("Lac Léman, Genève".encode("cp1252"), "Lac Léman, Genève", True),
        (b"a\r\nb\rc", "a\nb\nc", False),
    ],
)
def test_encodings(raw: bytes, text: str, noted: bool) -> None:
    found, problems = decode(raw, "a.txt")
    assert found == text
    assert bool(problems) == noted


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_refused(raw: bytes) -> None:
    try:
        text, _ = decode(raw, "a.txt")
    except Unreadable:
        return
    assert "\r" not in text
    assert "\0" not in text
