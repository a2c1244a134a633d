"""Two faults of other frameworks, replayed: the history after an interruption is what was heard, to the word."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.dialogue.events import Commit, Speech, SpokenWord, Yield
from duplex.dialogue.history import History
from duplex.dialogue.playout import Playout
from duplex.graph.event import TICKS, Event

PULL = TICKS // 50
WORD = TICKS // 5
"""200 ms."""
TEXT = ["one", "two", "three", "four", "five", "six"]


class Replay:
    """A playout and a history, pulled every 20 ms; `at(ms, event)` hands on what happens then."""

    def __init__(self, delay_ms: int = 0) -> None:
        self.playout, self.history = Playout(delay_ms * TICKS // 1_000), History()
        self._t = 0

    def at(self, ms: int, *events: Event) -> Replay:
        while self._t < ms * TICKS // 1_000:
            self._tell(self.playout.pull(self._t)[1])
            self._t += PULL
        for event in events:
            self.history.on(event)
            self._tell(self.playout.on(event))
        return self

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self.history.on(event)

    def agent(self) -> list[str]:
        return [turn.text for turn in self.history.turns if turn.role == "agent"]


def commit(attempt: int, reason: str = "words") -> Commit:
    return Commit(t=0, attempt=attempt, turn=attempt, end=0, reason=reason)


def speech(attempt: int, first: int, last: int) -> Speech:
    words = tuple(SpokenWord(TEXT[i], i * WORD, (i + 1) * WORD) for i in range(first, last))
    pcm = np.full((last - first) * WORD // 2, 1_000, dtype=np.int16)
    return Speech(t=0, attempt=attempt, pcm=pcm, words=words, last=last == len(TEXT))


@pytest.mark.parametrize("keep", [False, True])
def test_words_that_come_in_while_it_is_interrupted_are_neither_lost_nor_invented(keep: bool) -> None:
    """Pipecat #4996: word times that race with an interruption got into the wrong turn, or into none."""
    replay = Replay().at(0, commit(1), speech(1, 0, 3)).at(480)
    replay.at(480, Yield(t=480 * TICKS // 1_000, attempt=1, keep=keep), speech(1, 3, 6))
    assert replay.agent() == ["one two"], "of the third word less than half was heard"
    replay.at(900, commit(2), speech(1, 3, 6), speech(2, 0, 6)).at(4_000)
    assert replay.agent() == ["one two", " ".join(TEXT)]


def test_a_cut_in_the_middle_of_a_word_counts_the_half() -> None:
    for ms, heard in ((480, "one two"), (520, "one two three")):
        replay = Replay().at(0, commit(1), speech(1, 0, 6)).at(ms, Yield(t=ms * TICKS // 1_000, attempt=1))
        assert replay.agent() == [heard]


def test_what_is_on_its_way_to_the_caller_will_be_heard() -> None:
    """The caller's ear is 85 ms behind: what has left sounds there after the cut, and is not said again."""
    for delay in (0, 85):
        replay = Replay(delay).at(0, commit(1), speech(1, 0, 6)).at(560)
        replay.at(560, Yield(t=560 * TICKS // 1_000, attempt=1, keep=True))
        assert replay.agent() == ["one two three"]
        replay.at(900, commit(2, "resumption")).at(4_000)
        assert replay.agent() == [" ".join(TEXT)]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("after", [0, 20, 85, 100])
def test_no_cut_lies_beyond_the_end_of_what_was_said(keep: bool, after: int) -> None:
    """Pipecat #2106: the place of the cut was 85 ms past the end of the audio, as it was counted by other means than
    what had left; from then on the agent was silent."""
    replay = Replay(85).at(0, commit(1), speech(1, 0, 6)).at(1_200 + after)
    replay.at(1_200 + after, Yield(t=(1_200 + after) * TICKS // 1_000, attempt=1, keep=keep))
    assert replay.agent() == [" ".join(TEXT)]
    assert not replay.history.turns[-1].interrupted
    replay.at(1_500, commit(2), speech(2, 0, 6)).at(4_000)
    assert replay.agent() == [" ".join(TEXT)] * 2
