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


async def judge(text: str, agent: str, early: bool = False) -> float:
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


def test_stable_words_are_read_in_advance_and_give_way_to_the_final_ones() -> None:
    asked: list[tuple[str, bool]] = []

    async def slow(text: str, agent: str, early: bool = False) -> float:
        asked.append((text, early))
        if early:
            await anyio.sleep_forever()
        return 0.9

    async def main() -> list[Event]:
        user, endpointer, judged = Source("user", Transcript), Endpointer(slow, History()), Judged()
        graph = Graph()
        graph.connect(user.out, endpointer.words)
        graph.connect(endpointer.ends, judged.ends)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(graph.run, Clock())
            for text, stable in (("the battery lasts", 2), ("the battery lasts for", 4), ("the battery", 2)):
                user.out.send_nowait(Transcript(t=0, turn=1, text=text, stable=stable))
                await anyio.wait_all_tasks_blocked()
            user.out.send_nowait(Transcript(t=0, turn=1, text=SENTENCE, final=True, attempt=1))
            with anyio.fail_after(5):
                await judged.some.wait()
            tasks.cancel_scope.cancel()
        return judged.got

    (event,) = anyio.run(main)
    assert isinstance(event, EndProbability)
    assert asked == [
        ("the battery", True),
        ("the battery lasts for", True),
        ("the battery", True),
        (SENTENCE, False),
    ]
