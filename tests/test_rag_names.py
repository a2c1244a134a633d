"""Names as recognisers hear them. Most of these were heard by Whisper tiny.en or base from synthesised speech."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.resources import agents_dir
from tools_rag.chunks import chunk
from tools_rag.documents import from_markdown
from tools_rag.names import Names, coarse, plain, sound

COMMON = """
a about and big boat bread book by call can come constants cost deep do find for golf good how i in is it join know
lake late life like live lives lock long market mess never of old on or real run share show speak table tell that the
there this train what when where which who wrote you your
"""


@pytest.fixture(scope="module")
def names() -> Names:
    lakes = agents_dir() / "lakes" / "knowledge"
    texts = [
        piece.indexed
        for path in sorted(lakes.glob("*.md"))
        for piece in chunk(from_markdown(path.read_text(encoding="utf-8"), path.name))
    ]
    words = {plain(word) for text in texts for word in text.split()} | set(COMMON.split())
    return Names(texts, words.__contains__)


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("how deep is Lake Bikal", "how deep is Lake Baikal"),
        ("How big is Lake Facol?", "How big is Lake Baikal?"),
        ("How big is Lake Bacall?", "How big is Lake Baikal?"),
        ("where is lake tittykaka", "where is lake Titicaca"),
        ("How big is Lake Kitakaka?", "How big is Lake Titicaca?"),
        ("What do you know about Lake Tudacaca?", "What do you know about Lake Titicaca?"),
        ("where is lake titty kaka", "where is lake Titicaca"),
        ("How big is Lake Tanganyaka?", "How big is Lake Tanganyika?"),
        ("How big is Lake Lidoka?", "How big is Lake Ladoga?"),
        ("What do you know about Lake Kamo?", "What do you know about Lake Como?"),
        ("How big is lake constants", "How big is lake Constance"),
        ("How big is Lake and Terrio?", "How big is Lake Ontario?"),
        ("What do you know about Lake Vostop?", "What do you know about Lake Vostok?"),
        ("What do you know about the In Gara River?", "What do you know about the Angara River?"),
        ("What do you know about Mount Mesama?", "What do you know about Mount Mazama?"),
        ("what is gichy gammy", "what is Gichigami"),
        ("tell me about Macanak", "tell me about Mackinac"),
        ("Which animals roam on Antilope Island?", "Which animals roam on Antelope Island?"),
        ("who was at Messada", "who was at Masada"),
        ("Was he born in the city of Kamau?", "Was he born in the city of Como?"),
    ],
)
def test_a_misheard_name_is_mended(names: Names, heard: str, meant: str) -> None:
    assert names.repair(heard).text == meant


@pytest.mark.parametrize(
    "question",
    [
        "How deep is Lake Baikal?",
        "What do you know about Loch Ness?",
        "Can you book a table for the golf?",
        "Who wrote the book about bread?",
        "Which countries share Lake Victoria?",
        "Which people live there?",
        "What does it cost?",
        "How deep is Lake Garda?",
        "How deep is Lake Turkana?",
        "How deep is Lake Lugano?",
        "How deep is Lake Titisee?",
        "",
        "???",
        "a b c d",
    ],
)
def test_what_is_no_misheard_name_stays(names: Names, question: str) -> None:
    assert names.repair(question).text == question


def test_a_repair_says_what_it_did(names: Names) -> None:
    ((heard, meant, similarity),) = names.repair("is Lake Lidoka in Russia").found
    assert (heard, meant) == ("Lidoka", "Ladoga")
    assert 0.68 <= similarity <= 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("titicaca", "tittykaka"),
        ("lukuga", "lucuga"),
        ("phoenix", "feniks"),
        ("nessie", "nesy"),
        ("knight", "nite"),
    ],
)
def test_words_that_sound_alike_have_one_key(one: str, other: str) -> None:
    assert sound(one) == sound(other)


def test_voice_is_merged_in_the_coarse_key() -> None:
    assert coarse(sound("baikal")) == coarse(sound("vacal"))


@given(st.text(max_size=300))
def test_any_question_is_survived(names: Names, question: str) -> None:
    repair = names.repair(question)
    for heard, meant, similarity in repair.found:
        assert heard in question
        assert meant in repair.text
        assert 0 < similarity <= 1


def test_no_names_no_repair() -> None:
    assert Names([], lambda _: False).repair("tell me about Baikal").text == "tell me about Baikal"


def test_a_name_that_only_begins_a_sentence_is_known(names: Names) -> None:
    heard = "When did Jane Goodall begin to study chimpanzees?"
    assert names.repair(heard).text == heard  # there is a John too


@given(st.text("PKTSNMLRa", max_size=9), st.sampled_from([0.5, 0.58, 0.67, 0.75]))
def test_the_nearest_sounds_are_those_of_a_look_at_all(names: Names, key: str, least: float) -> None:
    from rapidfuzz.distance import Levenshtein

    every = [
        (-Levenshtein.normalized_similarity(key, coarse(each)), n) for n, each in enumerate(names._sounds)
    ]
    near = sorted(each for each in every if -each[0] >= least)[:8]
    assert names._close(key, least) == [(place, pytest.approx(-value)) for value, place in near]
