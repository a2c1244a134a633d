"""The tools that an answer uses, as a session shows them: begun, ended, or cancelled with their attempt."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import anyio
import pytest

from duplex.agent.answering import Sentence
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
from duplex.graph import Event, Graph, Node, Source, run_virtual
from duplex.graph import In as Input
from duplex.graph.log import line
from duplex.nodes.answerer import SameForAll, ToolCall, ToolResult
from duplex.nodes.replying import Responder


class Witness(Node):
    events = Input(ToolStarted, ToolEnded, ToolUsed, ReplyText, AgentError)

    def __init__(self) -> None:
        super().__init__("witness")
        self.got: list[Event] = []

    async def run(self) -> None:
        async for event in self.events:
            self.got.append(event)


class UsesTools(SameForAll):
    """Looks up two things at once, one of which takes a second; `broken` fails in between."""

    def __init__(self, broken: bool = False) -> None:
        self._broken = broken

    async def prepare(self, text: str, history: History) -> None: ...

    async def answer(self, text: str, history: History) -> AsyncIterator[Sentence | ToolCall | ToolResult]:
        quick, slow = ToolCall("clock"), ToolCall("weather", {"place": text})
        yield quick
        yield slow
        yield ToolResult(quick, "noon")
        await anyio.sleep(1)
        if self._broken:
            raise RuntimeError("no weather")
        yield ToolResult(slow, "rain")
        yield Sentence("It rains.")


def respond(answerer: UsesTools, *later: Event, after: float = 0.5) -> list[Event]:
    async def main() -> list[Event]:
        user = Source("user", Transcript, Resumed, Yield, Discarded)
        responder, witness = Responder(answerer, History(), "Sorry."), Witness()
        graph = Graph()
        graph.connect(user.out, responder.events)
        for source in (responder.tools, responder.reply, responder.errors):
            graph.connect(source, witness.events)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(graph.run)
            user.out.send_nowait(Transcript(t=0, turn=1, text="Turku", final=True, attempt=1))
            await anyio.sleep(after)
            for event in later:
                user.out.send_nowait(event)
            await anyio.sleep(5)
            tasks.cancel_scope.cancel()
        return witness.got

    return run_virtual(main)


def told(events: list[Event]) -> list[str]:
    out = []
    for event in events:
        match event:
            case ToolStarted():
                out.append(f"{event.attempt}/{event.call} {event.name} {dict(event.arguments)}")
            case ToolEnded():
                mark = "cancelled" if event.cancelled else event.result
                out.append(f"{event.attempt}/{event.call} {event.name}: {mark}")
            case ReplyText():
                out.append(event.text)
            case AgentError():
                out.append(event.message)
    return out


BEGUN = ["1/1 clock {}", "1/2 weather {'place': 'Turku'}", "1/1 clock: noon"]


def test_tools_are_shown_with_their_results() -> None:
    assert told(respond(UsesTools())) == [*BEGUN, "1/2 weather: rain", "It rains.", ""]


@pytest.mark.parametrize(
    "dropped", [Resumed(t=1, attempt=1), Yield(t=1, attempt=1), Discarded(t=1, attempt=1, turn=1)]
)
def test_a_dropped_attempt_cancels_what_is_at_work(dropped: Event) -> None:
    assert told(respond(UsesTools(), dropped)) == [*BEGUN, "1/2 weather: cancelled"]


def test_a_new_attempt_cancels_the_old_ones_tools() -> None:
    again = Transcript(t=1, turn=1, text="Turku?", final=True, attempt=2)
    later = ["2/3 clock {}", "2/4 weather {'place': 'Turku?'}", "2/3 clock: noon", "2/4 weather: rain"]
    came = told(respond(UsesTools(), again))
    assert "1/2 weather: cancelled" in came
    assert [each for each in came if each.startswith("2/")] == later


def test_a_tool_that_fails_leaves_none_open() -> None:
    came = told(respond(UsesTools(broken=True)))
    assert came == [*BEGUN, "1/2 weather: cancelled", "no answer: no weather", "Sorry.", ""]


def test_arguments_are_a_copy_that_nobody_can_change() -> None:
    given = {"place": "Turku"}
    event = ToolStarted(t=0, attempt=1, call="1", name="weather", arguments=given)
    given["place"] = "Oulu"
    with pytest.raises(TypeError):
        event.arguments["place"] = "Oulu"  # type: ignore[index]
    assert json.loads(line("session", 0, event))["arguments"] == {"place": "Turku"}
    assert event == ToolStarted(t=0, attempt=1, call="1", name="weather", arguments={"place": "Turku"})
