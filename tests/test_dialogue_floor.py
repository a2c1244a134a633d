"""The floor as tables: what happened, in order, and what must follow."""

from __future__ import annotations

import pytest

from duplex.dialogue.events import (
    Announce,
    Commit,
    Discarded,
    Duck,
    Eager,
    EndProbability,
    PlayoutEnded,
    PlayoutStarted,
    Resumed,
    SessionStarted,
    Transcript,
    TurnStarted,
    TypedText,
    Unduck,
    VoiceStarted,
    VoiceStopped,
    Yield,
)
from duplex.dialogue.floor import Floor, FloorSettings, State
from duplex.dialogue.floor_timers import BARGE, DOUBT, SILENCE, TIMEOUT
from duplex.graph.event import CancelTimer, Event, SetTimer, TimerFired

MS = 48
"""Ticks in a millisecond."""
ANY = FloorSettings(overlap="any", barge=0.16)
"""Stops for any voice; what words change is in test_dialogue_overlap."""


class Run:
    """A floor with its timers, driven by (milliseconds, event) rows; collects the events that it gives."""

    def __init__(self, settings: FloorSettings = ANY) -> None:
        self.floor = Floor(settings)
        self.timers: dict[str, int] = {}
        self.out: list[Event] = []

    def _apply(self, actions: list[Event | SetTimer | CancelTimer]) -> None:
        for action in actions:
            match action:
                case SetTimer():
                    self.timers[action.id] = action.at
                case CancelTimer():
                    self.timers.pop(action.id, None)
                case Event():
                    self.out.append(action)

    def at(self, ms: float, event: Event | None = None) -> Run:
        t = int(ms * MS)
        while due := sorted((at, name) for name, at in self.timers.items() if at <= t):
            at, name = due[0]
            del self.timers[name]
            self._apply(self.floor.on(TimerFired(id=name, t=at)))
        if event is not None:
            self._apply(self.floor.on(event))
        return self

    def voice(self, start: float, stop: float | None = None, latency: float = 64) -> Run:
        self.at(start + latency, VoiceStarted(t=int((start + latency) * MS), onset=int(start * MS)))
        return self if stop is None else self.ends(stop, latency)

    def ends(self, stop: float, latency: float = 64) -> Run:
        return self.at(stop + latency, VoiceStopped(t=int((stop + latency) * MS), end=int(stop * MS)))

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.out]

    def last(self, kind: type[Event]) -> Event:
        return next(event for event in reversed(self.out) if isinstance(event, kind))


def words(attempt: int, text: str = "how deep is it") -> Transcript:
    return Transcript(t=0, turn=1, text=text, final=True, attempt=attempt)


def ended(attempt: int, p: float) -> EndProbability:
    return EndProbability(t=0, attempt=attempt, p=p)


def test_complete_words_end_the_turn_after_the_short_silence() -> None:
    run = Run().voice(0, 1000).at(1100, words(1)).at(1110, ended(1, 0.9)).at(3000)
    assert run.kinds() == ["TurnStarted", "Eager", "Commit"]
    commit = run.last(Commit)
    assert isinstance(commit, Commit)
    assert (commit.t, commit.reason, commit.end) == (1240 * MS, "words", 1000 * MS)


@pytest.mark.parametrize(("p", "at"), [(0.95, 1240), (0.6, 1800), (0.4, 2200), (0.09, 2600)])
def test_the_surer_the_words_the_shorter_the_silence(p: float, at: int) -> None:
    commit = Run().voice(0, 1000).at(1100, words(1)).at(1110, ended(1, p)).at(3000).last(Commit)
    assert commit.t == at * MS


def test_late_probability_commits_when_it_comes() -> None:
    run = Run().voice(0, 1000)
    event = EndProbability(t=1500 * MS, attempt=1, p=0.9)
    commit = run.at(1500, event).last(Commit)
    assert commit.t == 1500 * MS


def test_incomplete_words_wait_for_the_timeout() -> None:
    run = Run().voice(0, 1000).at(1100, words(1)).at(1110, ended(1, 0.05)).at(2599)
    assert "Commit" not in run.kinds()
    commit = run.at(2601).last(Commit)
    assert isinstance(commit, Commit)
    assert (commit.t, commit.reason) == (2600 * MS, "timeout")


def test_a_voice_in_the_pause_drops_the_attempt_and_keeps_the_turn() -> None:
    run = Run().voice(0, 1000).at(1110, ended(1, 0.1)).voice(1700, 2500).at(2600, ended(2, 0.9)).at(2800)
    assert run.kinds() == ["TurnStarted", "Eager", "Resumed", "Eager", "Commit"]
    second = run.last(Eager)
    assert isinstance(second, Eager)
    assert (second.attempt, second.turn) == (2, 1)


def test_an_old_attempts_probability_is_ignored() -> None:
    run = Run().voice(0, 1000).voice(1300, 2000).at(2100, ended(1, 0.99)).at(2400)
    assert "Commit" not in run.kinds()


@pytest.mark.parametrize("text", ["", "  "])
def test_noise_without_words_is_discarded(text: str) -> None:
    run = Run().voice(0, 300).at(500, words(1, text)).at(3000)
    assert run.kinds() == ["TurnStarted", "Eager", "Discarded"]
    assert isinstance(run.last(Discarded), Discarded)
    assert run.floor.state is State.QUIET
    assert run.timers == {}


def speaking(settings: FloorSettings = ANY) -> Run:
    """The agent has been speaking its first reply since 1500 ms."""
    run = Run(settings).voice(0, 1000).at(1100, words(1)).at(1110, ended(1, 0.9)).at(1400)
    return run.at(1500, PlayoutStarted(t=1500 * MS, attempt=1))


def test_barge_in_ducks_at_once_then_yields_and_begins_a_turn() -> None:
    run = speaking().voice(2500, latency=64).at(2700)
    assert run.kinds()[3:] == ["Duck", "Yield", "TurnStarted"]
    assert run.last(Duck).t == 2564 * MS
    assert run.last(Yield).t == 2660 * MS
    started = run.last(TurnStarted)
    assert isinstance(started, TurnStarted)
    assert started.onset == 2500 * MS


def test_a_short_noise_only_ducks() -> None:
    run = speaking().voice(2500, 2560, latency=60).at(2900)
    assert run.kinds()[3:] == ["Duck", "Unduck"]
    assert isinstance(run.last(Unduck), Unduck)
    assert run.floor.state is State.AGENT


def test_going_on_before_the_reply_was_heard_continues_the_turn() -> None:
    run = Run().voice(0, 1000).at(1110, ended(1, 0.9)).at(1300).voice(1450)
    assert run.kinds()[2:] == ["Commit", "Yield", "Resumed"]
    run.voice(1450, 2400)
    again = run.last(Eager)
    assert isinstance(again, Eager)
    assert again.turn == 1


def test_a_voice_within_reaction_time_is_no_answer_to_the_reply() -> None:
    run = speaking().voice(1650, latency=64)
    assert run.kinds()[3:] == ["Yield", "Resumed"]
    assert run.floor.state is State.USER


def test_reaction_time_counts_from_when_the_reply_is_heard() -> None:
    """The reply leaves at 1300 ms and is heard at 1500: a voice at 1650 does not answer it, one at 1750 does."""
    for onset, kinds in ((1650, ["Yield", "Resumed"]), (1750, ["Duck"])):
        run = Run().voice(0, 1000).at(1110, ended(1, 0.9)).at(1250)
        run.at(1300, PlayoutStarted(t=1300 * MS, attempt=1, delay=200 * MS)).voice(onset)
        assert run.kinds()[3:] == kinds


def test_the_reply_ends_and_the_floor_is_free() -> None:
    run = speaking().at(4000, PlayoutEnded(t=4000 * MS, attempt=1, heard="It is deep."))
    assert run.floor.state is State.QUIET
    run.voice(5000, 6000)
    eager = run.last(Eager)
    assert isinstance(eager, Eager)
    assert (eager.turn, eager.attempt) == (2, 2)


def test_a_reply_that_ends_under_a_voice_hands_the_floor_over() -> None:
    run = speaking().voice(2500, latency=64).at(2600, PlayoutEnded(t=2600 * MS, attempt=1, heard="x"))
    assert run.kinds()[-1] == "TurnStarted"
    assert BARGE not in run.timers


def test_greeting_can_be_interrupted_but_is_never_taken_for_an_answer() -> None:
    run = Run()
    run.at(0, SessionStarted(t=0, greeting="Hello."))
    run.at(100, PlayoutStarted(t=100 * MS, attempt=0)).voice(150, latency=64).at(400)
    assert run.kinds() == ["Commit", "Duck", "Yield", "TurnStarted"]


def test_an_announcement_takes_a_free_floor_and_no_other() -> None:
    announce = Announce(t=0, text="Are you there?")
    for run in (Run().voice(0), Run().voice(0, 1000), speaking()):
        assert run.floor.on(announce) == []
    run = speaking().at(4000, PlayoutEnded(t=4000 * MS, attempt=1, heard="It is.")).at(5000, announce)
    commit = run.last(Commit)
    assert isinstance(commit, Commit)
    assert (commit.attempt, commit.reason, commit.text) == (2, "announcement", "Are you there?")
    assert run.floor.state is State.AGENT


def test_an_announcement_is_interrupted_like_a_reply_but_is_never_taken_for_an_answer() -> None:
    run = Run().at(1000, Announce(t=1000 * MS, text="Are you there?"))
    run.at(1100, PlayoutStarted(t=1100 * MS, attempt=1)).voice(1150).at(1400)
    assert run.kinds() == ["Commit", "Duck", "Yield", "TurnStarted"]


def test_a_voice_before_an_announcement_is_heard_comes_first() -> None:
    announced = Run().at(1000, Announce(t=1000 * MS, text="Are you there?"))
    assert announced.voice(1050).kinds() == ["Commit", "Yield", "TurnStarted"]
    announced = Run().at(1000, Announce(t=1000 * MS, text="Are you there?"))
    announced.at(1050, PlayoutStarted(t=1050 * MS, attempt=1, delay=200 * MS))
    assert announced.voice(1200).kinds() == ["Commit", "Yield", "TurnStarted"]


def test_typed_text_takes_the_floor() -> None:
    run = speaking().at(2000, TypedText(t=2000 * MS, text="stop, how deep?"))
    assert run.kinds()[3:] == ["Yield", "TurnStarted", "Eager", "Commit"]
    commit = run.last(Commit)
    assert isinstance(commit, Commit)
    assert commit.reason == "typed"


def test_typed_text_in_a_pause_drops_the_spoken_attempt() -> None:
    run = Run().voice(0, 1000).at(1100, TypedText(t=1100 * MS, text="hello")).at(5000)
    assert run.kinds() == ["TurnStarted", "Eager", "Resumed", "TurnStarted", "Eager", "Commit"]
    assert SILENCE not in run.timers
    assert DOUBT not in run.timers
    assert TIMEOUT not in run.timers


def test_resumed_names_the_attempt() -> None:
    run = Run().voice(0, 1000).voice(1300)
    resumed = run.last(Resumed)
    assert isinstance(resumed, Resumed)
    assert resumed.attempt == 1
