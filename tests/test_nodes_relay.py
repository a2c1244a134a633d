"""The fast path's nodes in virtual time: drafts that are dropped, and words whose audio was there before them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from itertools import pairwise
from typing import cast

import anyio
import pytest

from asr.types import Hypothesis, Word
from duplex.dialogue.events import Commit, Discarded, Eager, ReplyText, Resumed, Speech, Transcript, Yield
from duplex.dialogue.history import History
from duplex.dialogue.relay_events import Drafted, Rehearse, Rehearsed
from duplex.evals.words import WordVoice
from duplex.graph import Event, Graph, Lanes, Node, Sink, Source, run_virtual, to_ticks
from duplex.graph import In as Input
from duplex.llm.drafts import Draft
from duplex.nodes.answerer import Part
from duplex.nodes.drafting import Drafter, Drafting, Relayed
from duplex.nodes.hearing import Hearer, unmarked
from duplex.nodes.speaking import Voice

TAKES = (Transcript, Commit, Resumed, Yield, Discarded)


class Witness(Node):
    events = Input(Drafted, Speech, Rehearsed)

    def __init__(self) -> None:
        super().__init__("witness")
        self.got: list[Event] = []

    async def run(self) -> None:
        async for event in self.events:
            self.got.append(event)


class Slow:
    """Thinks for a tenth of a second of a first draft, and for a second of a better one."""

    def __init__(self) -> None:
        self.dropped: list[float] = []

    async def drafts(self, text: str, history: History) -> AsyncGenerator[Draft, None]:
        if text == "fail now":
            raise RuntimeError("no model")
        try:
            await anyio.sleep(0.1)
            if text != "of nothing":
                yield Draft(f"{text} first", "evidence")
                await anyio.sleep(1)
                yield Draft(f"{text} better", "model")
        except BaseException:
            self.dropped.append(anyio.current_time())
            raise

    async def answer_after(
        self, begun: Callable[[], str], text: str, history: History
    ) -> AsyncIterator[Part]:
        yield Sentence(f"{begun()} {text}")


class Sentence:
    def __init__(self, text: str) -> None:
        self.text, self.sources = text, ()


def partial(text: str) -> Transcript:
    return Transcript(t=0, turn=1, text=text)


def drafted(*later: tuple[float, Event], affordable: bool = True) -> tuple[list[str | None], list[float]]:
    """What is drafted, and when work was dropped, where these events come at these seconds."""

    async def main() -> tuple[list[str | None], list[float]]:
        slow, user, witness = Slow(), Source("user", *TAKES), Witness()
        drafting = Drafting(slow, History(), lambda: affordable)
        graph = Graph()
        graph.connect(user.out, drafting.events)
        graph.connect(drafting.drafts, witness.events)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(graph.run)
            start = anyio.current_time()
            for at, event in later:
                await anyio.sleep(start + at - anyio.current_time())
                user.out.send_nowait(event)
            await anyio.sleep(3)
            tasks.cancel_scope.cancel()
        texts = [
            event.draft.text if event.draft else None for event in witness.got if isinstance(event, Drafted)
        ]
        return texts, [at - start for at in slow.dropped]

    return run_virtual(main)


def test_newer_words_take_the_place_of_older_ones() -> None:
    texts, dropped = drafted(
        (0, partial("how deep")), (0.05, partial("how deep is")), (0.1, partial("how deep is"))
    )
    assert texts == ["how deep is first", "how deep is better"]
    assert len(dropped) == 1


@pytest.mark.parametrize(
    "end", [Resumed(t=0, attempt=1), Yield(t=0, attempt=1), Discarded(t=0, attempt=1, turn=1)]
)
def test_what_is_drafted_is_dropped_within_20_ms(end: Event) -> None:
    texts, dropped = drafted((0, partial("how deep is")), (0.5, end))
    assert texts == ["how deep is first"]
    assert dropped[0] - 0.5 <= 0.02


def test_final_words_end_the_drafting_and_the_same_ones_may_come_again() -> None:
    last = Transcript(t=0, turn=1, text="how deep is it", final=True, attempt=1)
    texts, _ = drafted((0, partial("how deep is")), (0.2, last), (0.4, partial("how deep is")))
    assert texts == ["how deep is first", "how deep is first", "how deep is better"]


def test_nothing_to_say_no_money_and_a_failure() -> None:
    assert drafted((0, partial("of nothing")))[0] == [None]
    assert drafted((0, partial("how")))[0] == []
    assert drafted((0, partial("how deep is")), affordable=False)[0] == []
    assert drafted((0, partial("fail now")), (1, partial("how deep")))[0] == [
        "how deep first",
        "how deep better",
    ]


def test_an_answer_is_asked_to_go_on_from_what_was_said() -> None:
    async def main() -> list[str]:
        slow = Slow()
        assert isinstance(slow, Drafter)
        relayed = Relayed(slow, lambda: "As for tea,")
        async with relayed.conversation(lambda part: None) as conversation:
            return [
                part.text
                async for part in conversation.answer("it is hot", History())
                if isinstance(part, Sentence)
            ]

    assert anyio.run(main) == ["As for tea, it is hot"]


def spoken(*events: Event) -> list[Event]:
    async def main() -> list[Event]:
        async with Lanes() as lanes:
            user = Source("user", ReplyText, Commit, Resumed, Yield, Discarded, Rehearse)
            voice, witness = Voice(WordVoice(), lanes), Witness()
            graph = Graph()
            graph.connect(user.out, voice.events)
            graph.connect(voice.speech, witness.events)
            graph.connect(voice.rehearsed, witness.events)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(graph.run)
                for event in events:
                    user.out.send_nowait(event)
                    await anyio.sleep(1)
                tasks.cancel_scope.cancel()
            return witness.got

    return run_virtual(main)


def piece(text: str, attempt: int = 1, last: bool = False) -> ReplyText:
    return ReplyText(t=0, attempt=attempt, text=text, last=last)


def test_rehearsed_words_and_what_follows_are_one_utterance() -> None:
    whole = spoken(Rehearse(t=0, text="As for tea,"), piece("As for tea,"), piece("it is hot.", last=True))
    made = [event for event in whole if isinstance(event, Rehearsed)]
    assert [event.text for event in made] == ["As for tea,"]
    speech = [event for event in whole if isinstance(event, Speech)]
    words = [word for event in speech for word in event.words]
    assert [word.text for word in words] == ["As", "for", "tea,", "it", "is", "hot."]
    assert all(one.start <= one.end <= after.start for one, after in pairwise(words))
    assert words[3].start >= to_ticks(made[0].seconds)
    assert speech[-1].last
    alone = [
        event for event in spoken(piece("As for tea, it is hot.", last=True)) if isinstance(event, Speech)
    ]
    assert sum(event.pcm.size for event in speech) == pytest.approx(
        sum(event.pcm.size for event in alone), rel=0.05
    )


def test_nothing_that_was_only_rehearsed_is_said() -> None:
    events = spoken(Rehearse(t=0, text="As for tea,"), Resumed(t=0, attempt=1), piece("No.", 2, last=True))
    words = [word.text for event in events if isinstance(event, Speech) for word in event.words]
    assert words == ["No."]


def test_what_was_rehearsed_before_is_there_at_once_and_serves_again() -> None:
    again = Rehearse(t=0, text="As for tea,")
    events = spoken(again, again, piece("As for tea,", last=True), piece("As for tea,", 2, last=True))
    assert sum(isinstance(event, Rehearsed) for event in events) == 2
    words = [
        (event.attempt, word.text) for event in events if isinstance(event, Speech) for word in event.words
    ]
    assert words == [(attempt, text) for attempt in (1, 2) for text in ("As", "for", "tea,")]


class Reader:
    """A recogniser's stream that hears the same words whatever it is given."""

    def reset(self) -> None: ...
    def accept(self, pcm: object) -> None: ...

    def hypothesis(self) -> Hypothesis:
        return Hypothesis((Word("how?", 0.0, 0.2), Word("deep?", 0.3, 0.5)), stable=1)

    def finalise(self) -> Hypothesis:
        return Hypothesis((Word("How", 0.0, 0.2), Word("deep?", 0.3, 0.5)), stable=2, final=True, last=0.4)


def recognised(partial: float, quick: bool = True) -> list[Transcript]:
    """What is told of an attempt at 1 s, where partial words take so many seconds and final ones 0.2 s."""

    async def main() -> list[Transcript]:
        user = Source("user", *Hearer.events.types)
        heard: list[Transcript] = []
        async with Lanes() as lanes:
            hearer = Hearer(Reader(), lanes, quick=quick)
            sink = Sink("sink", Transcript, call=lambda event: heard.append(cast("Transcript", event)))
            graph = Graph()
            graph.connect(user.out, hearer.events)
            graph.connect(hearer.words, sink.into)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(graph.run)
                await anyio.sleep(1)
                user.out.send_nowait(Eager(t=to_ticks(1), attempt=3, turn=1, end=to_ticks(0.9)))
                await anyio.sleep(2)
                tasks.cancel_scope.cancel()
        return heard

    return run_virtual(main, compute="fixed", costs={"asr.partial": partial, "asr.final": 0.2})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("What was the reason? for it?", "What was the reason for it?"),
        ("It costs 3.5 ... or, so", "It costs 3.5 ... or so"),
        ("", ""),
    ],
)
def test_marks_between_words_that_were_guessed_are_left_out(text: str, told: str) -> None:
    assert unmarked(text) == told


def test_quick_words_are_told_before_the_final_ones_unless_they_are_slow() -> None:
    quick, final = recognised(0.08)
    assert (quick.text, quick.final, quick.attempt, quick.stable) == ("how deep?", False, 3, 1)
    assert quick.last is not None
    assert (final.text, final.final, final.attempt, final.last) == ("How deep?", True, 3, to_ticks(0.4))
    assert 0 < final.t - quick.t - to_ticks(0.2) <= to_ticks(0.01)
    assert [said.final for said in recognised(0.4)] == [True]
    assert [said.final for said in recognised(0.08, quick=False)] == [True]
