"""Searches that leave early, in virtual time: what is asked when, what is cancelled, and what the answer rests on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest

from duplex.dialogue.events import (
    AgentError,
    Discarded,
    ReplyText,
    Resumed,
    ToolEnded,
    ToolStarted,
    ToolUsed,
    Transcript,
    Yield,
)
from duplex.dialogue.history import History
from duplex.dialogue.speculation import Policy, SpeculationSettings
from duplex.graph import Event, Graph, In, Node, Source, run_virtual
from duplex.nodes.answerer import Report, Sentence, ToolCall, ToolResult
from duplex.nodes.early import EarlySearch
from duplex.nodes.replying import Responder

TAKES = 2.0
"""Seconds that a search takes."""


class Slow:
    """Finds the last word of a query; the word `nothing` breaks it."""

    name = "search"

    async def call(self, query: str) -> str:
        await anyio.sleep(TAKES)
        if query.endswith("nothing"):
            raise RuntimeError("nothing to be found")
        return query.split()[-1]

    def told(self, found: str) -> tuple[str, Sequence[str]]:
        return found, (f"doc-{found}",)


async def look(query: str) -> tuple[tuple[str, ...], float]:
    return (query.split()[-1],), 1.0


class Said:
    """A sentence."""

    sources: tuple[str, ...] = ()

    def __init__(self, text: str) -> None:
        self.text = text


class Finds:
    """Says what is found."""

    def __init__(self, policy: Policy) -> None:
        self._settings = SpeculationSettings(policy, interval=0.1)

    @asynccontextmanager
    async def conversation(self, report: Report) -> AsyncIterator[Finds]:
        self._early = EarlySearch(Slow(), look, self._settings, report)
        async with self._early.running():
            yield self

    async def prepare(self, text: str, history: History) -> None:
        await self._early.hear(text)

    async def answer(self, text: str, history: History) -> AsyncIterator[Sentence | ToolCall | ToolResult]:
        call, found = await self._early.finish(text)
        yield ToolResult(call, found, (f"doc-{found}",))
        yield Said(f"It is {found}.")


class Witness(Node):
    events = In(ToolStarted, ToolEnded, ToolUsed, ReplyText, AgentError)

    def __init__(self) -> None:
        super().__init__("witness")
        self.got: list[str] = []

    async def run(self) -> None:
        async for event in self.events:
            at = f"{anyio.current_time() - self._start:.1f}"
            match event:
                case ToolStarted():
                    self.got.append(f"{at} {event.call} asks {event.arguments['query']}")
                case ToolEnded():
                    self.got.append(f"{at} {event.call} {'cancelled' if event.cancelled else event.result}")
                case ToolUsed():
                    self.got.append(f"{at} {event.call} used by {event.attempt}")
                case ReplyText() if event.text:
                    self.got.append(f"{at} says {event.text}")
                case AgentError():
                    self.got.append(f"{at} {event.message}")

    def begin(self) -> None:
        self._start = anyio.current_time()


def heard(at: float, text: str) -> tuple[float, Event]:
    return at, Transcript(t=0, turn=1, text=text, stable=len(text.split()))


def final(at: float, text: str, attempt: int = 1) -> tuple[float, Event]:
    return at, Transcript(t=0, turn=1, text=text, final=True, attempt=attempt)


def play(policy: Policy, *script: tuple[float, Event]) -> list[str]:
    async def main() -> list[str]:
        user = Source("user", Transcript, Resumed, Yield, Discarded)
        responder, witness = Responder(Finds(policy), History(), "Sorry."), Witness()
        graph = Graph()
        graph.connect(user.out, responder.events)
        for source in (responder.tools, responder.reply, responder.errors):
            graph.connect(source, witness.events)
        async with anyio.create_task_group() as tasks:
            witness.begin()
            start = anyio.current_time()
            tasks.start_soon(graph.run)
            for at, event in script:
                await anyio.sleep_until(start + at)
                user.out.send_nowait(event)
            await anyio.sleep(10)
            tasks.cancel_scope.cancel()
        return witness.got

    return run_virtual(main)


def test_what_is_asked_early_is_there_when_the_user_has_finished() -> None:
    came = play("triggered", heard(1, "how deep is Baikal"), final(4, "how deep is Baikal"))
    assert came == [
        "1.0 1 asks how deep is Baikal",
        "3.0 1 Baikal",
        "4.0 1 used by 1",
        "4.0 says It is Baikal.",
    ]


def test_a_call_that_is_still_running_is_waited_for_and_not_made_again() -> None:
    came = play("triggered", heard(1, "how deep is Baikal"), final(2, "how deep is Baikal"))
    assert came[0] == "1.0 1 asks how deep is Baikal"
    assert came[-1] == "3.0 says It is Baikal."
    assert len(came) == 4


def test_a_wrong_guess_is_cancelled_and_the_final_words_are_asked() -> None:
    came = play("triggered", heard(1, "how deep is Baikal"), final(2, "how deep is Baikal no Como"))
    assert came == [
        "1.0 1 asks how deep is Baikal",
        "2.0 2 asks how deep is Baikal no Como",
        "2.0 1 cancelled",
        "4.0 2 Como",
        "4.0 2 used by 1",
        "4.0 says It is Como.",
    ]


def test_after_the_end_costs_the_whole_time() -> None:
    came = play("end", heard(1, "how deep is Baikal"), final(2, "how deep is Baikal"))
    assert came == [
        "2.0 1 asks how deep is Baikal",
        "4.0 1 Baikal",
        "4.0 1 used by 1",
        "4.0 says It is Baikal.",
    ]


def test_a_user_who_goes_on_loses_nothing_of_what_still_stands() -> None:
    script = [
        heard(1, "how deep is Baikal"),
        final(2, "how deep is Baikal"),
        (2.2, Resumed(t=0, attempt=1)),
        final(2.5, "how deep is lake Baikal", attempt=2),
    ]
    came = play("triggered", *script)
    assert came == [
        "1.0 1 asks how deep is Baikal",
        "3.0 1 Baikal",
        "3.0 1 used by 2",
        "3.0 says It is Baikal.",
    ]


def test_a_search_that_breaks_is_apologised_for() -> None:
    came = play("triggered", heard(1, "there is nothing"), final(2, "there is nothing"))
    assert came == [
        "1.0 1 asks there is nothing",
        "3.0 1 cancelled",
        "3.0 no answer: nothing to be found",
        "3.0 says Sorry.",
    ]


@pytest.mark.parametrize("policy", ["end", "interval", "triggered"])
def test_the_next_turn_begins_afresh(policy: Policy) -> None:
    came = play(policy, final(1, "how deep is Baikal"), final(9, "how deep is Como", attempt=2))
    assert [each for each in came if "asks" in each or "says" in each] == [
        "1.0 1 asks how deep is Baikal",
        "3.0 says It is Baikal.",
        "9.0 2 asks how deep is Como",
        "11.0 says It is Como.",
    ]
