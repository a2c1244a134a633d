"""What a question takes for true and a passage says otherwise: named where it is sure, and never where it is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.bench.rag_premises import asking, questions
from duplex.llm.places import apart, holders, narrowest, places_in
from duplex.llm.premise import corrected
from tools_rag import MiniLM
from tools_rag.types import Passage

INARI = Passage(
    "Lake Inari is in the north of Finland, near Norway. It is 92 metres deep. Lake Inari was dammed in 1947. "
    "The church of Pielpa above the lake was built in 1760 by Master Aatu.",
    "inari.md",
    "Lake Inari",
    1.0,
)
SAIMAA = Passage(
    "Lake Saimaa is the largest lake in Finland. It is 86 metres deep.", "saimaa.md", "Lake Saimaa", 1.0
)
HARPA = Passage(
    "Harpa was designed by Henning Larsen, a Dane, and opened in Reykjavik in 2011. "
    "A Swiss choir sang there in 2019.",
    "harpa.md",
    "Harpa",
    1.0,
)
ALL = (INARI, SAIMAA, HARPA)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Why is Lake Inari in Kenya?", "Lake Inari isn't in Kenya. Lake Inari is in the north of Finland,"),
        ("who lives around Lake Inari in South America", "Lake Inari isn't in South America. Lake Inari is in"),
        ("Why is Lake Inari 200 metres deep?", "Not 200 metres. Lake Inari is 92 metres deep."),
        ("When was the church of Pielpa built in 1900?", "Not in 1900. The church of Pielpa above the lake was"),
        ("Why did Harpa open in 1980?", "Not in 1980. Harpa was designed"),
        ("When did Zaha Hadid design Harpa?", "It wasn't Zaha Hadid. Harpa was designed"),
        ("Why is Lake Inari the largest lake in Finland?", "Not Lake Inari. Lake Saimaa is the largest"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_what_is_so(question: str, said: str) -> None:
    found = corrected(question, ALL)
    assert found is not None
    assert found.text.startswith(said)


@pytest.mark.parametrize(
    "question",
    [
        "Why is Lake Inari in Finland?",
        "Why is Lake Inari in Europe?",
        "Why is Lake Inari in Norway?",  # the passage names it, and whoever asks may mean that
        "Are there lakes like Lake Inari in Kenya?",
        "Why do people call Lake Inari in Kenya beautiful?",
        "Why is Lake Inari 95 metres deep?",
        "Why is Lake Inari 200 feet deep?",
        "Why is Lake Inari more than 50 metres deep?",
        "What lives in Lake Inari 20 metres deep?",
        "Did Harpa open in 1980?  And in 2011?",
        "Who sang at Harpa in 1999?",
        "How many people were in Harpa in 2015?",
        "Why was the restaurant of Harpa opened in 2014?",
        "When did Henning Larsen design Harpa?",
        "When did Zaha Hadid design garden of Harpa?",
        "Why is Lake Inari the largest lake in Lapland?",
        "Why is Lake Saimaa the largest lake in Finland?",
        "Why is Harpa in Denmark?",  # nothing says where it stands
        "",
    ],
)
def test_who_may_be_right_is_not_corrected(question: str) -> None:
    assert corrected(question, ALL) is None


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=120))
def test_any_question_is_taken(question: str) -> None:
    corrected(question, ALL)
    corrected(f"Why is Lake Inari in Kenya {question}", (Passage(question, "x", question, 1.0), *ALL))


def test_places_hold_one_another() -> None:
    assert places_in("the Scottish Highlands and New South Wales, not in china") == [
        ("Scottish", "Scotland"),
        ("New South Wales", "New South Wales"),
    ]
    assert holders("Texas") == {"United States", "North America"}
    assert holders("Siberia") == {"Russia", "Asia", "Europe"}
    assert (apart("Texas", "Oregon"), apart("Texas", "United States"), apart("Asia", "Siberia")) == (
        True,
        False,
        False,
    )
    assert narrowest({"Oregon", "United States", "Peru"}) == {"Oregon", "Peru"}


@pytest.mark.models
def test_no_ordinary_question_of_the_development_part_is_corrected(
    model_path: Callable[[str], Path], tmp_path: Path
) -> None:
    data = questions()
    ask = asking(data["passages"], tmp_path, MiniLM(model_path("minilm")))
    dev = data["dev"]
    assert [each for each in (*dev["ordinary"], *dev["silent"]) if ask(each)] == []
    assert len([each for each in dev["wrong"] if ask(each)]) >= 18
