"""What the measures of requests and faults count; and one real fault."""

from __future__ import annotations

from typing import Any

import pytest

from duplex.bench.rag_disfluent import Request, Written, measures, requests, written
from duplex.bench.rag_faults import Told, told
from duplex.bench.rag_faults import measures as fault_measures
from duplex.evals.scenario import ToolCall
from duplex.evals.words import as_words

LATTE, MOCHA = {"order": {"drink": "latte"}}, {"order": {"drink": "mocha"}}


def came(calls: list[dict[str, Any]], *made: dict[str, Any], forbidden: tuple[Any, ...] = ()) -> Written:
    request = Request(id="r", agent="a", say=("x",), calls=tuple(calls), forbidden=forbidden)
    calls_made = tuple(ToolCall(name=name, args=args) for each in made for name, args in each.items())
    return Written(request, calls_made, ())


@pytest.mark.parametrize(
    ("result", "forbidden", "unwanted", "right"),
    [
        (came([LATTE], LATTE), 0, 0, True),
        (came([LATTE], LATTE, LATTE), 0, 1, False),
        (came([LATTE]), 0, 0, False),
        (came([], MOCHA, forbidden=(MOCHA,)), 1, 1, False),
        (came([LATTE], MOCHA, LATTE, forbidden=(MOCHA,)), 1, 1, False),
        (came([LATTE], MOCHA), 0, 1, False),
        (came([]), 0, 0, True),
    ],
)
def test_what_is_counted(result: Written, forbidden: int, unwanted: int, right: bool) -> None:
    assert (result.forbidden, result.unwanted, result.right) == (forbidden, unwanted, right)
    values = {each.name: each.value for each in measures([result])}
    assert values["rag.forbidden_calls"] == forbidden


def test_the_shipped_requests_can_be_played() -> None:
    asked = requests()
    assert len(asked) >= 40
    assert len({each.id for each in asked}) == len(asked)
    for each in asked:
        prepared = as_words(each.scenario())
        assert len(prepared.audio) == len(each.say)
        assert not any(call in each.forbidden for call in each.calls)


@pytest.mark.models
def test_what_is_taken_back_while_the_agent_reads_back_is_not_ordered() -> None:
    (asked,) = (each for each in requests() if each.id == "missing_drink")
    (result,) = written([asked])
    assert (result.forbidden, result.right) == (0, True), result.said


def test_a_fault_is_measured() -> None:
    spoken = told("half", writes=True)
    assert (spoken.honest, spoken.goes_on, spoken.calls) == (True, True, 1)
    values = {each.name: each.value for each in fault_measures([spoken, Told(2.9, False, True, 3)])}
    assert (values["rag.fault_untold"], values["rag.fault_repeated_calls"]) == (1, 2)
    assert values["rag.fault_told_s"] == 2.9
