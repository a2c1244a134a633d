"""Which word each phoneme belongs to, though espeak joins and expands words; Kokoro's spelling; spans to words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts.kokoro import _AMERICAN, _BRITISH, respell
from tts.normalise import Spoken, normalise
from tts.phonemes import phonemise, phrase
from tts.spans import heard_words, parts, word_spans


def shares(text: str, voice: str = "en-us") -> list[str]:
    """The phonemes of each spoken word of a text without figures, stress marks left out."""
    words = text.split()
    phonemes = phonemise(words, [""] * len(words), voice)
    out = [""] * len(words)
    for symbol, owner in zip(phonemes.symbols, phonemes.owners, strict=True):
        if owner >= 0 and symbol not in "ˈˌː ":
            out[owner] += symbol
    return out


@pytest.mark.parametrize(
    ("text", "first_sounds"),
    [
        ("the largest of the lakes", "ðlʌðl"),  # "of the" is one group
        ("in the end of a kind", "ɪðɛəək"),
        ("I am going to the store", "aɐɡtðs"),
        ("to be or not to be", "tbɔntb"),
        ("one hundred and twenty three", "whætθ"),  # "one hundred" is one group
        ("out of it has been", "aəɪhb"),
        ("the BBC and NASA", "ðbæn"),
        ("a well known rock", "ɐwnɹ"),
    ],
)
def test_joined_words_keep_their_phonemes(text: str, first_sounds: str) -> None:
    said = shares(text)
    assert "".join(word[0] for word in said) == first_sounds


def test_a_blank_belongs_to_the_word_behind_it_but_not_behind_punctuation() -> None:
    phonemes = phonemise(["red", "deer", "yes"], ["", ",", ""], "en-us")
    blanks = [o for s, o in zip(phonemes.symbols, phonemes.owners, strict=True) if s == " "]
    assert blanks == [1, -1]


@pytest.mark.parametrize(
    "text", ["It has 82,100 km² of water.", "Dr. Smith paid $5.50 on 3/5/2024.", "www.a-b.org"]
)
def test_every_written_word_owns_phonemes_in_order(text: str) -> None:
    spoken = normalise(text)
    symbols, owners = phrase(spoken, "en-us")
    assert len(symbols) == len(owners)
    named = [owner for owner in owners if owner >= 0]
    assert named == sorted(named)
    assert set(named) == set(range(len(spoken)))


VOCABULARY = [
    "of",
    "the",
    "a",
    "in",
    "to",
    "have",
    "been",
    "lake",
    "is",
    "it",
    "water",
    "hundred",
    "one",
    "BBC",
    "don't",
]


@given(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_owners_never_go_back_and_few_words_are_lost(words: list[str]) -> None:
    phonemes = phonemise(words, [""] * len(words), "en-us")
    named = [owner for owner in phonemes.owners if owner >= 0]
    assert named == sorted(named)
    assert len(set(named)) >= len(words) - 1 - len(words) // 6  # two equal words in a row may melt into one


@pytest.mark.parametrize(
    ("ipa", "spelling", "expected"),
    [
        ("lˈeɪk", _AMERICAN, "lˈAk"),
        ("ɡˈoʊ", _AMERICAN, "ɡˈO"),
        ("ɡˈəʊ", _BRITISH, "ɡˈQ"),
        ("tʃˈɔɪs", _AMERICAN, "ʧˈYs"),
        ("dʒˈʌst", _AMERICAN, "ʤˈʌst"),
        ("wˈɔːɾɚ", _AMERICAN, "wˈɔTəɹ"),
        ("wˈɔːtə", _BRITISH, "wˈɔːtə"),
        ("suːpˈiəɹɪʲɚɹ", _AMERICAN, "supˈiəɹɪəɹ"),
    ],
)
def test_ipa_in_kokoros_spelling(ipa: str, spelling: dict[str, str], expected: str) -> None:
    pairs = list(respell(tuple(ipa), list(range(len(ipa))), spelling))
    assert "".join(symbol for symbol, _ in pairs) == expected
    owners = [owner for _, owner in pairs]
    assert owners == sorted(owners)


def test_words_end_with_what_is_heard_before_a_pause() -> None:
    rate = 1_000
    pcm = np.zeros(1_000, dtype=np.float32)
    pcm[100:300] = pcm[600:900] = 0.5
    spoken = [Spoken("One,", ("one",), ","), Spoken("two.", ("two",), ".")]
    spans = word_spans(spoken, [0, -1, 1], [(0.05, 0.45), (0.45, 0.55), (0.55, 0.95)])
    words = heard_words(spans, pcm, rate)
    assert [(w.text, round(w.start, 3), round(w.end, 3)) for w in words] == [
        ("One,", 0.1, 0.3),
        ("two.", 0.6, 0.9),
    ]
    assert not any(word.estimated for word in words)


def test_parts_end_between_words_and_none_is_tiny() -> None:
    spoken = [Spoken(str(at), ("x",)) for at in range(10)]
    spans = word_spans(spoken, list(range(10)), [(0.3 * at, 0.3 * at + 0.25) for at in range(10)])
    cut = list(parts(spans, (0.4, 1.0)))
    assert ["".join(span.text for span in words) for words, _ in cut] == ["01", "2345", "6789"]
    assert [until and round(until, 2) for _, until in cut] == [0.6, 1.8, None]
    assert list(parts([], (0.4,))) == [([], None)]


def test_spans_know_where_pauses_are() -> None:
    spoken = [Spoken("Yes,", ("yes",), ","), Spoken("1", ("one",)), Spoken("😀", ()), Spoken("it", ("it",))]
    spans = word_spans(spoken, [0, 1, 3], [(0, 1), (1, 2), (2, 3)])
    assert [(s.text, s.opens, s.closes) for s in spans] == [
        ("Yes,", True, True),
        ("1", True, False),
        ("it", False, True),
    ]
