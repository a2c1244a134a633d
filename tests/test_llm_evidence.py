"""Does a passage carry the answer? Tables of questions, answers and what the checks must say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.llm.evidence import answers_kind, counted, missing_names, support

TITLE = "The Osprey ferry"
TEXT = (
    "The ferry Osprey sails between Port Ellis and the island of Hela four times a day. The crossing takes fifty "
    "minutes. Passengers pay seven euros and a car costs thirty euros. Captain Rosa Lindqvist has commanded the "
    "Osprey since 2015. It does not sail in storms."
)


def test_another_name_is_missing_a_misheard_one_is_not() -> None:
    assert missing_names("How do I get to Malta?", TEXT, TITLE) == ["malta"]
    assert missing_names("How do I get to Port Elis?", TEXT, TITLE) == []
    assert missing_names("Is it an African lake?", "Lake Malawi is in Africa.") == []
    assert missing_names("Was Volta from Kamau?", "Alessandro Volta was born in Como.") == []


@pytest.mark.parametrize(
    ("answer", "share", "invented", "adds"),
    [
        ("The crossing takes 50 minutes.", 1.0, (), True),
        ("The captain is Rosa Lindqvist.", 1.0, (), True),
        ("A car costs 100 euros.", 0.75, ("100",), True),
        ("The captain is Edwin Frost.", 1 / 3, ("edwin", "frost"), True),
        ("The ferry Osprey.", 1.0, (), False),
        ("The fastest crossing takes 50 minutes.", 0.8, ("fastest",), True),
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
        ("Why is it green?", "It has been green since 1960.", False),
        ("How many passengers does it take?", "It was built in 1913.", False),
        ("How many passengers does it take?", "It takes 600 passengers.", True),
        ("What is green?", "Tea.", True),
        ("How deep is it?", "It covers 50 square kilometres.", False),
        ("How long is the lake?", "The greatest depth is 310 metres.", False),
        ("How long is the lake?", "It is 35 kilometres long and 501 metres deep.", True),
        ("How high is it?", "It is 900 metres above sea level.", True),
        ("How deep is it?", "It was built in 1950.", False),
        ("How long does it take?", "It stays for two days.", True),
        ("How fast is it falling?", "It falls by one metre a year.", True),
        ("What does a ticket cost?", "It is open until nine.", False),
        ("Which country has the most lakes?", "Canada has more than any other.", True),
        ("Which river leaves it?", "The river is long.", False),
        ("What is Lake Como called?", "Lake Como is called Lario.", True),
        ("Who built it?", "It stands on the shore of Lake Como.", False),
        ("How big is it?", "It is 505 metres deep.", False),
        ("Where is it?", "It is 900 metres above sea level.", False),
        ("How old is it?", "The oldest piece is blue.", False),
        ("Which river flows out of it?", "The Kagera flows into the lake.", False),
        ("Which river flows out of it?", "The Rhone flows into the lake and out of it.", True),
        ("Which rivers flow into the lake?", "The Angara leaves the lake.", False),
    ],
)
def test_the_kind_of_answer(question: str, sentence: str, fits: bool) -> None:
    assert answers_kind(question, sentence) is fits


@pytest.mark.parametrize(
    ("question", "sentence", "told"),
    [
        ("How many arches does it have?", "It stands on seven stone arches.", True),
        ("How many arches does it have?", "It is 214 metres long, and its arches are of stone.", False),
        ("How many people live there?", "It has about 20,000 inhabitants.", True),
        ("How deep is it?", "It is 20 metres deep.", None),
    ],
)
def test_the_number_is_of_what_is_counted(question: str, sentence: str, told: bool | None) -> None:
    assert counted(question, sentence) is told


@given(st.text(max_size=80), st.text(max_size=200), st.text(max_size=30), st.text(max_size=80))
def test_shares_stay_in_bounds(question: str, text: str, title: str, answer: str) -> None:
    assert 0.0 <= support(answer, question, text, title).share <= 1.0
    assert answer.strip() == "" or support(answer, question, answer, title).share in (0.0, 1.0)
