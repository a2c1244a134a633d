"""Documents and chunks: headings, sentences, sizes."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools_rag.chunks import MAX_WORDS, OVERLAP_WORDS, chunk, pack, sentences
from tools_rag.documents import from_markdown, from_text, title_from


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It is 3.5 metres. Deep.", ["It is 3.5 metres.", "Deep."]),
        ("Ask Dr. Smith, e.g. today. Then go.", ["Ask Dr. Smith, e.g. today.", "Then go."]),
        ("By J. Smith. Good.", ["By J. Smith.", "Good."]),
        ('He said "Stop." Then left.', ['He said "Stop."', "Then left."]),
        ("Line one\nline two. End", ["Line one line two.", "End"]),
        ("Item one\n\nItem two", ["Item one", "Item two"]),
        ("", []),
        ("x" * 500 + " word.", ["word."]),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_markdown_by_headings() -> None:
    document = from_markdown(
        "---\ntitle: Waters\n---\n# Big Lake\n\nIntro **bold** and `code`.\n\n## Depth & area\n- deep: 10 m\n- wide\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```\n# not a heading\n```\n",
        "lakes/big_lake.md",
    )
    assert document.title == "Waters"
    assert [(s.heading, s.anchor) for s in document.sections] == [
        ("Big Lake", "big-lake"),
        ("Depth & area", "depth-area"),
    ]
    assert document.sections[0].text == "Intro bold and code."
    assert sentences(document.sections[1].text) == ["deep: 10 m", "wide", "a, b.", "1, 2.", "# not a heading"]


@pytest.mark.parametrize(
    ("text", "source", "title", "embedded"),
    [
        ("# Big Lake\n\nIt is deep.", "a/big.md", "Big Lake", "Big Lake. It is deep."),
        ("# Big Lake\n\nBig Lake is deep.", "a/big.md", "Big Lake", "Big Lake is deep."),
        (
            "# Big Lake\n## Fish\nThere are trout.",
            "a/big.md#fish",
            "Fish",
            "Big Lake: Fish. There are trout.",
        ),
        ("There are trout.", "a/big.md", "big", "big. There are trout."),
    ],
)
def test_a_chunk_knows_what_it_is_about(text: str, source: str, title: str, embedded: str) -> None:
    (only,) = chunk(from_markdown(text, "a/big.md"))
    assert (only.source, only.title, only.embedded) == (source, title, [embedded])


def test_a_file_name_becomes_a_title() -> None:
    assert title_from("a/great_salt-lake.md") == "great salt lake"


def test_chunks_are_even_and_overlap_by_a_sentence() -> None:
    parts = [f"This is sentence number {n} of the text." for n in range(40)]
    groups = pack(parts)
    sizes = [len(" ".join(group).split()) for group in groups]
    assert len(groups) == 4
    assert max(sizes) - min(sizes) <= 16
    assert all(later[0] == earlier[-1] for earlier, later in pairwise(groups))


WORD = st.text("abcdefgh", min_size=1, max_size=12)


@given(st.lists(st.lists(WORD, min_size=1, max_size=300).map(" ".join), max_size=30))
def test_packing_keeps_every_sentence_within_bounds(parts: list[str]) -> None:
    groups = pack(parts)
    assert all(0 < len(" ".join(group).split()) <= MAX_WORDS + OVERLAP_WORDS for group in groups)
    without_overlap = [
        sentence
        for number, group in enumerate(groups)
        for place, sentence in enumerate(group)
        if not (number and place == 0 and len(group) > 1 and sentence == groups[number - 1][-1])
    ]
    words = " ".join(without_overlap).split()
    wanted = " ".join(parts).split()
    assert len(words) <= len(wanted)
    assert set(words) == set(wanted)


@given(st.text(max_size=2000))
def test_any_text_can_be_cut(text: str) -> None:
    for document in (from_markdown(text, "a.md"), from_text(text, "a.txt")):
        for piece in chunk(document):
            assert piece.text.strip()
            assert piece.title
            assert len(piece.text.split()) <= MAX_WORDS + OVERLAP_WORDS


@pytest.mark.parametrize(
    "text",
    [
        "<!--" * 100_000,
        "." * 400_000 + "x",
        "# a" + " " * 400_000 + "x",
        "|" + " " * 400_000 + "x",
        "[" * 50_000,
        "*" * 400_000,
    ],
    ids=["comment", "dots", "heading", "table", "brackets", "stars"],
)
def test_text_made_to_be_slow_is_not(text: str) -> None:
    """In the square of its length each of these would take minutes."""
    start = time.perf_counter()
    chunk(from_markdown(text, "a.md"))
    assert time.perf_counter() - start < 5
