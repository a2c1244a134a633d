"""A reply that was cut off and may be gone on with: who writes and speaks it goes on until it is decided."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import anyio
import numpy as np
import pytest

from asr.types import Hypothesis, Word
from duplex.agent.answering import Sentence
from duplex.dialogue.events import (
    Commit,
    Discarded,
    Duck,
    Eager,
    PlayoutStarted,
    ReplyText,
    Resumed,
    Transcript,
    TurnStarted,
    Unduck,
    UserAudio,
    Yield,
)
from duplex.dialogue.history import History
from duplex.graph import Event, Graph, Lanes, Node, Priority, Source, run_virtual, to_ticks
from duplex.graph import In as Input
from duplex.nodes.answerer import Answerer, SameForAll, ToolCall, ToolResult, UntilCommitted
from duplex.nodes.hearing import Hearer
from duplex.nodes.replying import Responder


class Witness(Node):
    events = Input(ReplyText, Transcript)

    def __init__(self) -> None:
        super().__init__("witness")
        self.got: list[Event] = []

    async def run(self) -> None:
        async for event in self.events:
            self.got.append(event)


class Slow(SameForAll):
    """A sentence a second."""

    async def prepare(self, text: str, history: History) -> None: ...

    async def answer(self, text: str, history: History) -> AsyncIterator[Sentence | ToolCall | ToolResult]:
        for number in ("One.", "Two.", "Three."):
            await anyio.sleep(1)
            yield Sentence(f"{text} {number}")


def final(attempt: int, text: str) -> Transcript:
    return Transcript(t=0, turn=attempt, text=text, final=True, attempt=attempt)


def commit(attempt: int, reason: str = "words") -> Commit:
    return Commit(t=0, attempt=attempt, turn=attempt, end=0, reason=reason)


def replies(*later: Event, answerer: Answerer | None = None) -> list[str]:
    """What is written after "A" was asked, committed, and later things happened at 1.5 s."""

    async def main() -> list[str]:
        user = Source("user", Transcript, Eager, Commit, Resumed, Yield, Discarded)
        responder, witness = Responder(answerer or Slow(), History(), "Sorry."), Witness()
        graph = Graph()
        graph.connect(user.out, responder.events)
        graph.connect(responder.reply, witness.events)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(graph.run)
            for event in (final(1, "A"), commit(1)):
                user.out.send_nowait(event)
            await anyio.sleep(1.5)
            for each in later:
                user.out.send_nowait(each)
            await anyio.sleep(9)
            tasks.cancel_scope.cancel()
        return [event.text for event in witness.got if isinstance(event, ReplyText)]

    return run_virtual(main)


CUT = Yield(t=0, attempt=1, keep=True)
WHOLE = ["A One.", "A Two.", "A Three.", ""]


@pytest.mark.parametrize(
    ("later", "written"),
    [
        ([Yield(t=0, attempt=1)], WHOLE[:1]),
        ([CUT], WHOLE),
        ([CUT, final(2, ""), commit(2, "resumption")], WHOLE),
        ([CUT, Resumed(t=0, attempt=2), final(3, "Mm-hm."), commit(3, "resumption")], WHOLE),
        ([CUT, final(2, "B")], ["A One.", "B One.", "B Two.", "B Three.", ""]),
        (
            [CUT, final(2, "B"), Resumed(t=0, attempt=2), final(3, "Okay."), commit(3, "resumption")],
            ["A One.", ""],
        ),
        (
            [CUT, final(2, "B"), Resumed(t=0, attempt=2), final(3, "B C"), commit(3)],
            ["A One.", "", "B C One.", "B C Two.", "B C Three.", ""],
        ),
        ([CUT, commit(2, "timeout"), final(2, "Okay."), commit(2, "resumption")], WHOLE),
        (
            [CUT, final(2, ""), commit(2, "resumption"), final(3, "Okay.")],
            ["A One.", "Okay. One.", "Okay. Two.", "Okay. Three.", ""],
        ),
        (
            [CUT, Eager(t=0, attempt=2, turn=2, end=0, text="Okay.")],
            ["A One.", "Okay. One.", "Okay. Two.", "Okay. Three.", ""],
        ),
    ],
)
def test_a_reply_that_was_cut_is_written_on_until_words_come(later: list[Event], written: list[str]) -> None:
    assert replies(*later) == written


class Writer(SameForAll):
    """Says a word, waits a second, and does what cannot be undone once it may."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def prepare(self, text: str, history: History) -> None: ...

    async def answer(self, text: str, history: History) -> AsyncIterator[Sentence | UntilCommitted]:
        yield Sentence("One moment.")
        await anyio.sleep(2)
        yield UntilCommitted()
        self.done.append(text)
        yield Sentence("Done.")


@pytest.mark.parametrize(
    ("later", "done"),
    [
        ([], ["A"]),
        ([Yield(t=0, attempt=1)], []),
        ([CUT], []),
        ([CUT, final(2, ""), commit(2, "resumption")], ["A"]),
        ([CUT, final(2, "No, B"), commit(2)], ["No, B"]),
        ([Yield(t=0, attempt=1, keep=True, asked=True), final(2, "Yes."), commit(2)], ["Yes."]),
        ([CUT, final(2, "Yes."), commit(2, "resumption")], ["A"]),
    ],
)
def test_nothing_is_done_while_it_is_open_what_the_user_wants(later: list[Event], done: list[str]) -> None:
    writer = Writer()
    replies(*later, answerer=writer)
    assert writer.done == done


class Reader:
    """A recogniser's stream that reads a word in each 100 ms of sound, with a given probability."""

    def __init__(self, probability: float = 1.0) -> None:
        self._samples, self._probability = 0, probability

    def reset(self) -> None:
        self._samples = 0

    def accept(self, pcm: np.ndarray[tuple[int], np.dtype[np.int16]]) -> None:
        self._samples += int(np.count_nonzero(pcm))

    def hypothesis(self) -> Hypothesis:
        count = self._samples // 1_600
        return Hypothesis(tuple(Word(f"w{i}", 0, 0, self._probability) for i in range(count)))

    def finalise(self) -> Hypothesis:
        return self.hypothesis()


COSTS = {"asr.partial": 0.0, "other": 0.5}


def overheard(reader: Reader, *later: tuple[float, Event], others: int = 0) -> list[tuple[float, str, int]]:
    """A voice from 1.0 s on over the agent's, 20 ms at a time; `later` events by their time in seconds.

    At 1.4 s so many `others` begin half a second of more urgent work.
    """

    async def main() -> list[tuple[float, str, int]]:
        user = Source("user", UserAudio, *(set(Hearer.events.types) - {UserAudio}))
        async with Lanes() as lanes:
            hearer, witness = Hearer(reader, lanes), Witness()
            graph = Graph()
            graph.connect(user.out, hearer.events)
            graph.connect(hearer.words, witness.events)
            waiting = [(1.06, Duck(t=to_ticks(1.06), attempt=1, onset=to_ticks(1.0))), *later]
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(graph.run)
                for frame in range(1, 101):
                    t = frame * 0.02
                    await anyio.sleep(0.02)
                    pcm = np.full(320, 1_000 if t > 1.0 else 0, dtype=np.int16)
                    user.out.send_nowait(UserAudio(t=to_ticks(t), pcm=pcm))
                    for _ in range(others if frame == 70 else 0):
                        tasks.start_soon(partial(lanes.heavy, Priority.LLM, int, name="other"))
                    while waiting and waiting[0][0] <= t:
                        user.out.send_nowait(waiting.pop(0)[1])
                tasks.cancel_scope.cancel()
        said = [event for event in witness.got if isinstance(event, Transcript)]
        return [(round(event.seconds, 2), event.text, event.turn) for event in said]

    return run_virtual(main, compute="fixed", costs=COSTS)


def test_the_words_of_a_voice_over_the_agents_are_guessed_early_and_kept_for_its_turn() -> None:
    began = TurnStarted(t=to_ticks(1.3), turn=1, onset=to_ticks(1.0))
    said = overheard(Reader(), (1.3, began))
    assert said[0] == (1.26, "w0 w1", 1)
    assert said[1] == (1.38, "w0 w1 w2", 1), "they are guessed again soon"
    assert said[2] == (1.64, "w0 w1 w2 w3 w4 w5", 1), "nothing was read again from its beginning"


def test_where_cores_run_out_words_are_guessed_less_often() -> None:
    """Both workers are busy until 1.9 s, and a third job waits: of the turn's words its end will tell."""
    began = TurnStarted(t=to_ticks(1.3), turn=1, onset=to_ticks(1.0))
    for others, times in ((2, [1.26, 1.38, 1.9, 1.92]), (3, [1.26, 1.38, 1.9])):
        assert [at for at, _, _ in overheard(Reader(), (1.3, began), others=others)] == times


def test_after_it_was_decided_nobody_listens() -> None:
    said = overheard(Reader(), (1.3, Unduck(t=to_ticks(1.3), attempt=1)))
    assert [text for _, text, _ in said] == ["w0 w1"]
    undecided = Unduck(t=to_ticks(1.3), attempt=1, decided=False)
    assert len(overheard(Reader(), (1.3, undecided))) > 2


def test_words_that_are_guessed_are_not_told() -> None:
    assert overheard(Reader(0.1)) == []
    began = TurnStarted(t=to_ticks(1.3), turn=1, onset=to_ticks(1.0))
    assert overheard(Reader(0.1), (1.3, began)), "in a turn they are"


def test_a_hum_that_was_guessed_is_told() -> None:
    """It claims nothing, so it does no harm if it is wrong."""

    class Hum(Reader):
        def hypothesis(self) -> Hypothesis:
            return Hypothesis(tuple(replace(word, text="Um") for word in super().hypothesis().words))

    assert overheard(Hum(0.1))[0][1] == "Um Um"


def test_a_reply_that_begins_ends_the_listening() -> None:
    started = PlayoutStarted(t=to_ticks(1.3), attempt=2)
    assert len(overheard(Reader(), (1.3, started))) == 1
