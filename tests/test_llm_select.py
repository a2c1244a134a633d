"""Which sentence answers: its order and its chance, by words and by meaning."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from duplex.llm.select import BY_MEANING, BY_WORDS, WEIGHTS, WORD_WEIGHTS, Candidate, Meaning, candidates
from tools_rag import MiniLM
from tools_rag.types import Passage

FERRY = Passage(
    "The ferry Osprey sails between Port Ellis and the island of Hela four times a day. The crossing takes fifty "
    "minutes. Passengers pay seven euros and a car costs thirty euros. Captain Rosa Lindqvist has commanded the "
    "Osprey since 2015. It does not sail in storms.",
    "ferry.md",
    "The Osprey ferry",
    0.4,
)
OWL = Passage("A barn owl weighs about 350 grams. It hunts at night.", "owl.md", "The barn owl", 0.3)
ANSWERED = [
    ("How long does the ferry to Hela take?", "fifty minutes"),
    ("How much does a car cost on the ferry?", "thirty euros"),
    ("Who is the captain?", "Lindqvist"),
    ("How much does a barn owl weigh?", "350 grams"),
]
PARAPHRASED = [
    ("How long does it take to get to the island?", "fifty minutes"),
    ("Does the boat go in bad weather?", "storms"),
    ("At what time of day do barn owls look for food?", "at night"),
]
UNKNOWN = [
    "Where was the Osprey built?",
    "Who is the king of Sweden?",
    "Is there a restaurant on board the ferry?",
    "How do I get to Malta?",
    "How many eggs does a barn owl lay?",
]


@pytest.fixture(scope="module")
def minilm(model_path: Callable[[str], Path]) -> MiniLM:
    return MiniLM(model_path("minilm"))


def by_meaning(question: str, minilm: MiniLM) -> Candidate:
    async def embed(texts: Sequence[str], early: bool) -> NDArray[np.float32]:
        return minilm.embed(texts)

    vectors = asyncio.run(Meaning(embed).vectors(question, [FERRY, OWL]))
    return candidates(question, [FERRY, OWL], vectors)[0]


@pytest.mark.parametrize(("question", "needle"), ANSWERED)
def test_the_sentence_that_answers_is_first_by_words_alone(question: str, needle: str) -> None:
    assert needle in candidates(question, [OWL, FERRY])[0].sentence


@pytest.mark.models
@pytest.mark.parametrize(("question", "needle"), ANSWERED + PARAPHRASED)
def test_meaning_finds_paraphrases_too(question: str, needle: str, minilm: MiniLM) -> None:
    best = by_meaning(question, minilm)
    assert needle in best.sentence
    assert best.chance >= 0.35


@pytest.mark.models
@pytest.mark.parametrize("question", UNKNOWN)
def test_what_is_not_told_has_little_chance(question: str, minilm: MiniLM) -> None:
    assert by_meaning(question, minilm).chance < 0.35


def test_a_passage_without_the_name_has_no_chance() -> None:
    assert all(one.chance == 0.0 for one in candidates("How much does the owl of Malta weigh?", [FERRY, OWL]))


def test_a_sentence_without_the_kind_of_thing_asked_for_has_no_chance() -> None:
    chances = {one.sentence: one.chance for one in candidates("When does the owl hunt?", [OWL])}
    assert chances["A barn owl weighs about 350 grams."] == 0.0 < chances["It hunts at night."]


def test_a_passage_that_only_mentions_another_of_its_kind_has_no_chance() -> None:
    lakes = [
        Passage(
            "Its water flows into Lake Huron. The greatest depth is 406 metres.", "a", "Lake Superior", 0.4
        ),
        Passage("Lake Como is 400 metres deep.", "b", "Lake Como", 0.4),
    ]
    chances = {one.sentence: one.chance for one in candidates("How deep is Lake Huron?", lakes)}
    assert set(chances.values()) == {0.0}
    assert candidates("How deep is Lake Como?", lakes)[0].chance > 0.0


def test_a_sentence_in_two_passages_is_one_candidate() -> None:
    twice = [OWL, Passage(OWL.text, "other.md", "Owls", 0.2)]
    assert [one.passage.source for one in candidates("How heavy is an owl?", twice)] == ["owl.md", "owl.md"]
    assert candidates("How heavy is an owl?", []) == []


def test_vectors_are_computed_once() -> None:
    asked: list[Sequence[str]] = []

    async def embed(texts: Sequence[str], early: bool) -> NDArray[np.float32]:
        asked.append(texts)
        return np.full((len(texts), 4), 0.5, np.float32)

    meaning = Meaning(embed)
    for question in ("How heavy?", "How old?"):
        vectors = asyncio.run(meaning.vectors(question, [OWL]))
        assert set(vectors) == {
            question,
            OWL.title,
            "A barn owl weighs about 350 grams.",
            "It hunts at night.",
        }
    assert list(asked[1]) == ["How old?"]


@given(st.text(max_size=80), st.text(max_size=200), st.text(max_size=30))
def test_chances_stay_in_bounds(question: str, text: str, title: str) -> None:
    passages = [Passage(text, "a", title, 0.5), OWL]
    vectors: dict[str, NDArray[np.float32]] = {}
    for key in {question, title, OWL.title, *(one.sentence for one in candidates(question, passages))}:
        vectors[key] = np.full(3, 3**-0.5, np.float32)
    for found in (candidates(question, passages), candidates(question, passages, vectors)):
        chances = [one.chance for one in found]
        assert chances == sorted(chances, reverse=True)
        assert all(0.0 <= chance <= 1.0 for chance in chances)
    assert len(WEIGHTS) == len(BY_WORDS) + len(BY_MEANING)
    assert len(WORD_WEIGHTS) == len(BY_WORDS)
