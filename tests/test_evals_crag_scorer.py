"""The answer scorer, on questions and answers written for these tests."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.evals.crag.normal import Date, Number, date, number, tokens
from duplex.evals.crag.scorer import score

ASKED = "how deep is the mill pond at larkspur?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Mill's 1,083 Feet!", ["mill", "1083", "ft"]),
        ("two hundred and five boats", ["205", "boats"]),
        ("in nineteen ninety-eight", ["in", "1998"]),
        ("twenty one and three", ["21", "and", "3"]),
        ("$1.2 billion", ["usd", "1200000000"]),
        ("5km, 6½ lb", ["5", "km", "6.5", "lb"]),
        ("the 3rd of May 1999", ["<1999.05.3>"]),
        ("on March 17, 2024", ["on", "<2024.03.17>"]),
        ("10/15/83 or 2024-02-01", ["<1983.10.15>", "or", "<2024.02.1>"]),
        ("may 2020, and they may go", ["<2020.05.x>", "and", "they", "may", "go"]),
        ("1. Rye 2. Oats", ["rye", "oats"]),
        ("a score of 23–16", ["score", "of", "23", "16"]),
        ("the United States of America", ["usa"]),
        ("Café, naïve; it can't", ["cafe", "naive", "it", "can", "not"]),
        ("", []),
    ],
)
def test_one_spelling(text: str, expected: list[str]) -> None:
    assert list(tokens(text)) == expected


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("62.5", "63", True),  # rounded
        ("62.5", "62", True),
        ("62.5", "64", False),
        ("4", "4.2", False),  # one digit rounds to nothing
        ("1290.16", "1290.70", False),
        ("10000000", "9989000", True),
        ("15000", "15300", True),
        ("2000", "1990", False),
        ("7", "7.0", True),
    ],
)
def test_numbers_within_rounding(a: str, b: str, equal: bool) -> None:
    first, second = number(a), number(b)
    assert first is not None
    assert second is not None
    assert first.equals(second) is equal
    assert second.equals(first) is equal


def test_dates_hold_what_is_wanted() -> None:
    day = date("<2024.03.17>")
    assert day == Date(2024, 3, 17)
    assert day.meets(Date(2024, 3, None))
    assert day.meets(Date(None, 3, 17))
    assert not day.meets(Date(2023, 3, 17))
    assert not Date(2024, 3, None).meets(day)


@pytest.mark.parametrize(
    ("said", "gold", "question", "verdict"),
    [
        # contained, misspelt, in other words
        ("The mill pond is nine metres deep.", "9 meters", ASKED, "accurate"),
        ("It is Edwin Frost who built it.", "Edwin Frost", "who built the theatre?", "accurate"),
        ("Edwin Alan Frost built it.", "edwin frost", "who built the theatre?", "accurate"),
        ("It was Edwin Forst.", "edwin frost", "who built the theatre?", "accurate"),
        ("It was not Edwin Frost.", "edwin frost", "who built the theatre?", "hallucination"),
        ("Mary Stone built it.", "edwin frost", "who built the theatre?", "hallucination"),
        ("Larkspur.", "the pond is in larkspur, near the mill.", "where is the pond?", "accurate"),
        # the question's own words prove nothing
        ("The mill pond is at Larkspur.", "9 m", ASKED, "hallucination"),
        # numbers
        ("About 62 percent of them.", "62.5%", "what percentage of boats are red?", "accurate"),
        ("There are 3 boats.", "4", "how many boats are there?", "hallucination"),
        ("In 2019 there were four boats.", "4", "how many boats are there?", "accurate"),
        ("There are 7 boats, 4 of them red.", "4", "how many boats are there?", "hallucination"),
        (
            "He had 5½ crates, four red barrels and two oars.",
            "4",
            "how many red barrels did he have?",
            "accurate",
        ),
        (
            "He had 5½ crates, four red barrels and two oars.",
            "2",
            "how many barrels had he?",
            "hallucination",
        ),
        ("It cost $1.2 billion.", "1,200,000,000 dollars", "how much did it cost?", "accurate"),
        ("It has never flooded.", "0", "how many times has it flooded?", "accurate"),
        (
            "The fair closed with 12 boats.",
            "the fair closed with 12 boats, up from 9.",
            "how many?",
            "accurate",
        ),
        # dates
        ("It opened on Sunday, March 17, 2024.", "2024-03-17", "when did it open?", "accurate"),
        ("It opened in March 2024.", "2024-03-17", "when did it open?", "hallucination"),
        ("It opened on 3 May 1998.", "1998", "when did it open?", "accurate"),
        # sets
        ("Rye, oats and barley.", "oats, barley, rye", "which grains are sold?", "accurate"),
        ("Rye and oats.", "oats, barley, rye", "which grains are sold?", "hallucination"),
        ("1. Rye 2. Oats 3. Barley 4. Wheat", "oats, barley, rye", "which grains?", "hallucination"),
        # yes or no
        ("Yes, it is.", "yes", "is the mill open?", "accurate"),
        ("No, it closed.", "yes", "is the mill open?", "hallucination"),
        ("The mill is open on Sundays.", "yes", "is the mill open on sundays?", "accurate"),
        ("The mill is not open on Sundays.", "no", "is the mill open on sundays?", "accurate"),
        # choices: the gold is in the question
        ("The pond is, by 2 m.", "pond", "which is deeper, the pond or the canal?", "accurate"),
        (
            "The pond is 9 m deep and the canal 4 m. Therefore the pond is deeper.",
            "pond",
            "which is deeper, the canal or the pond?",
            "accurate",
        ),
        (
            "The canal is deeper than the pond.",
            "pond",
            "which is deeper, the pond or the canal?",
            "hallucination",
        ),
        (
            "The canal is less deep than the pond.",
            "pond",
            "which is deeper, the pond or the canal?",
            "accurate",
        ),
        (
            "The canal has 3 locks, while the river has 6 locks.",
            "the river has more locks than the canal, 6 against 3.",
            "which has more locks, the river or the canal?",
            "accurate",
        ),
        (
            "The canal has 3 locks, while the river has 2 locks.",
            "river",
            "which has more locks, the river or the canal?",
            "hallucination",
        ),
        # refusals
        ("I'm sorry, I don't know that.", "9 m", ASKED, "missing"),
        ("The text does not mention it.", "9 m", ASKED, "missing"),
        ("The text does not say how deep, but the pond is 9 m deep.", "9 m", ASKED, "accurate"),
        (
            "I can't say for sure. However, the mill pond at Larkspur is 4 m deep.",
            "9 m",
            ASKED,
            "hallucination",
        ),
        ("", "9 m", ASKED, "missing"),
        ("...", "9 m", ASKED, "missing"),
    ],
)
def test_answers(said: str, gold: str, question: str, verdict: str) -> None:
    assert score(said, [gold], "answer", question) == verdict


def test_an_alternative_is_as_good() -> None:
    assert score("The old smithy.", ["the forge", "the old smithy"], "answer", "where is it?") == "accurate"


@pytest.mark.parametrize(
    ("said", "gold", "verdict"),
    [
        ("That's an invalid question.", "invalid question", "accurate"),
        ("Edwin Frost never won the Larkspur regatta.", "invalid question", "accurate"),
        ("Edwin Frost won the Larkspur regatta twice.", "invalid question", "hallucination"),
        ("The bakery is not open on Mondays.", "invalid question", "hallucination"),  # denies something else
        ("I don't know.", "invalid question", "missing"),
        ("He has lost all of them.", "he has lost all of them.", "accurate"),
    ],
)
def test_false_premises(said: str, gold: str, verdict: str) -> None:
    question = "how often has edwin frost won the larkspur regatta?"
    assert score(said, [gold], "false_premise", question) == verdict


def test_what_has_no_answer() -> None:
    assert score("I don't know.", ["i don't know"], "no_answer", ASKED) == "missing"
    assert score("It is 9 m deep.", ["i don't know"], "no_answer", ASKED) == "hallucination"


@given(st.text(max_size=300), st.lists(st.text(max_size=60), max_size=3), st.text(max_size=100))
def test_anything_gets_a_verdict(said: str, gold: list[str], question: str) -> None:
    for kind in ("answer", "false_premise", "no_answer"):
        assert score(said, gold, kind, question) in ("accurate", "missing", "hallucination")  # type: ignore[arg-type]


@given(st.integers(0, 999_999_999))
def test_a_number_equals_itself(value: int) -> None:
    found = number(tokens(f"{value:,}")[0])
    assert found is not None
    assert found.equals(Number(Decimal(value), Decimal(1)))
