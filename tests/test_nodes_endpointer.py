"""The node that judges whether a turn is over, with a judge that knows one whole sentence."""

from __future__ import annotations

import anyio
import pytest

from duplex.dialogue.events import EndProbability, Transcript
from duplex.dialogue.history import History
from duplex.graph import Clock, Event, Graph, Node, Source, to_ticks
from duplex.graph import In as Input
from duplex.nodes.replying import Endpointer

SENTENCE = "the battery lasts for two hours"


class Judged(Node):
    ends = Input(EndProbability)

    def __init__(self) -> None:
        super().__init__("judged")
        self.got: list[Event] = []
        self.some = anyio.Event()

    async def run(self) -> None:
        async for event in self.ends:
            self.got.append(event)
            self.some.set()


async def judge(text: str, agent: str) -> float:
    return 0.9 if text == SENTENCE else 0.1


@pytest.mark.parametrize(
    ("last", "p"),
    [
        (None, 0.9),  # a recogniser that knows no times
        (0.31, 0.9),
        (0.04, 0.1),  # "hours" was made up to complete "for two"
    ],
)
def test_a_last_word_without_sound_completes_no_sentence(last: float | None, p: float) -> None:
    async def main() -> list[Event]:
        user, endpointer, judged = Source("user", Transcript), Endpointer(judge, History()), Judged()
        graph = Graph()
        graph.connect(user.out, endpointer.words)
        graph.connect(endpointer.ends, judged.ends)
        ticks = None if last is None else to_ticks(last)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(graph.run, Clock())
            said = Transcript(t=0, turn=1, text=SENTENCE, final=True, attempt=1, last=ticks)
            user.out.send_nowait(said)
            with anyio.fail_after(5):
                await judged.some.wait()
            tasks.cancel_scope.cancel()
        return judged.got

    (event,) = anyio.run(main)
    assert isinstance(event, EndProbability)
    assert event.p == p
