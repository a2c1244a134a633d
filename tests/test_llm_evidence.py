"""Does a passage carry the answer? Tables of questions, answers and what the checks must say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.llm.evidence import answers_kind, coverage, missing_names, rank_sentences, support

TITLE = "The Osprey ferry"
TEXT = (
    "The ferry Osprey sails between Port Ellis and the island of Hela four times a day. The crossing takes fifty "
    "minutes. Passengers pay seven euros and a car costs thirty euros. Captain Rosa Lindqvist has commanded the "
    "Osprey since 2015. It does not sail in storms."
)


@pytest.mark.parametrize(
    ("question", "needle"),
    [
        ("How long does the ferry to Hela take?", "fifty minutes"),
        ("How much does a car cost on the ferry?", "thirty euros"),
        ("Who is the captain?", "Lindqvist"),
        ("How often does the Osprey sail to Hella?", "four times"),
        ("Does the ferry sail in a storm?", "storms"),
    ],
)
def test_the_sentence_that_answers_is_first(question: str, needle: str) -> None:
    assert needle in rank_sentences(question, TEXT, TITLE)[0][2]


@pytest.mark.parametrize(
    ("question", "carried"),
    [
        ("What does a car cost on the ferry?", True),
        ("Who is the captain of the Osprey?", True),
        ("How long is the crossing to Hela?", True),
        ("Where was the Osprey built?", False),
        ("Who is the king of Sweden?", False),
        ("Is there a restaurant on board the ferry?", False),
    ],
)
def test_coverage_tells_what_the_passage_has(question: str, carried: bool) -> None:
    assert (coverage(question, TEXT, TITLE) >= 0.55) is carried


def test_another_name_is_missing_a_misheard_one_is_not() -> None:
    assert missing_names("How do I get to Malta?", TEXT, TITLE) == ["malta"]
    assert missing_names("How do I get to Port Elis?", TEXT, TITLE) == []


@pytest.mark.parametrize(
    ("answer", "share", "invented", "adds"),
    [
        ("The crossing takes 50 minutes.", 1.0, (), True),
        ("The captain is Rosa Lindqvist.", 1.0, (), True),
        ("A car costs 100 euros.", 0.75, ("100",), True),
        ("The captain is Edwin Frost.", 1 / 3, ("edwin", "frost"), True),
        ("The ferry Osprey.", 1.0, (), False),
        ("", 0.0, (), False),
    ],
)
def test_support(answer: str, share: float, invented: tuple[str, ...], adds: bool) -> None:
    found = support(answer, "What about the ferry Osprey?", TEXT, TITLE)
    assert found.share == pytest.approx(share, abs=0.01)
    assert (found.invented, found.adds) == (invented, adds)


@pytest.mark.parametrize(
    ("question", "sentence", "fits"),
    [
        ("How long does it take?", "It takes fifty minutes.", True),
        ("How long does it take?", "It sails four times a day.", False),
        ("When is it open?", "It opens on Thursdays.", True),
        ("What does it mean when the lamp is red?", "The tray is empty.", True),
        ("Where is it?", "It lies on the border.", True),
        ("Where is it?", "It is large.", False),
        ("Who built it?", "It was built by Rosa Lindqvist.", True),
        ("Who built it?", "It was built of stone.", False),
        ("Why is it green?", "It is green because of copper.", True),
        ("What is green?", "Tea.", True),
    ],
)
def test_the_kind_of_answer(question: str, sentence: str, fits: bool) -> None:
    assert answers_kind(question, sentence) is fits


@given(st.text(max_size=80), st.text(max_size=200), st.text(max_size=30), st.text(max_size=80))
def test_shares_stay_in_bounds(question: str, text: str, title: str, answer: str) -> None:
    assert 0.0 <= coverage(question, text, title) <= 1.0
    assert 0.0 <= support(answer, question, text, title).share <= 1.0
    assert answer.strip() == "" or support(answer, question, answer, title).share in (0.0, 1.0)
