"""History holds what was said by the user and heard from the agent, and nothing else."""

from __future__ import annotations

from duplex.dialogue.events import Commit, Noted, PlayoutEnded, Resumed, Transcript, TypedText
from duplex.dialogue.history import History
from duplex.dialogue.voice import VoiceHint, VoiceMachine, VoiceProbability
from duplex.graph.event import Event


def told(*events: Event) -> list[tuple[str, str]]:
    history = History()
    for event in events:
        history.on(event)
    return [(turn.role, turn.text) for turn in history.turns]


def final(attempt: int, text: str) -> Transcript:
    return Transcript(t=0, turn=1, text=text, final=True, attempt=attempt)


def commit(attempt: int, reason: str = "words") -> Commit:
    return Commit(t=0, attempt=attempt, turn=1, end=0, reason=reason)


def played(attempt: int, heard: str, interrupted: bool = False) -> PlayoutEnded:
    return PlayoutEnded(t=0, attempt=attempt, heard=heard, interrupted=interrupted)


def test_a_plain_exchange() -> None:
    said = told(final(1, "How deep?"), commit(1), played(1, "Very."))
    assert said == [("user", "How deep?"), ("agent", "Very.")]


def test_words_that_come_after_the_commit() -> None:
    assert told(commit(1, "timeout"), final(1, "How deep?")) == [("user", "How deep?")]


def test_an_uncommitted_attempt_leaves_nothing() -> None:
    assert told(final(1, "How"), Resumed(t=0, attempt=1)) == []


def test_a_turn_that_goes_on_after_commit_is_taken_back() -> None:
    events = (final(1, "How"), commit(1), Resumed(t=0, attempt=1), final(2, "How deep?"), commit(2))
    assert told(*events) == [("user", "How deep?")]


def test_a_late_final_of_a_dropped_attempt_is_not_remembered() -> None:
    assert told(commit(1, "timeout"), Resumed(t=0, attempt=1), final(1, "How")) == []


def test_only_heard_words_of_an_interrupted_reply() -> None:
    assert told(final(1, "q"), commit(1), played(1, "It is", True))[-1] == ("agent", "It is")
    assert told(final(1, "q"), commit(1), played(1, "", True)) == [("user", "q")]


def test_greeting_and_typed_text() -> None:
    greeting = [commit(0, "greeting"), played(0, "Hello.")]
    said = told(*greeting, TypedText(t=0, text="hi"), commit(1, "typed"))
    assert said == [("agent", "Hello."), ("user", "hi")]


def test_what_is_noted_stays_whatever_becomes_of_the_turn() -> None:
    note = Noted(t=0, text="I am in Turku.")
    assert told(note, final(1, "How"), commit(1), Resumed(t=0, attempt=1)) == [("user", "I am in Turku.")]


def test_an_announcement_answers_nobody() -> None:
    said = told(
        final(1, "q"), commit(1), played(1, "a"), commit(2, "announcement"), played(2, "Still there?")
    )
    assert said == [("user", "q"), ("agent", "a"), ("agent", "Still there?")]


def test_voice_needs_a_run_and_reports_its_edge() -> None:
    machine = VoiceMachine()
    out: list[tuple[str, int]] = []
    hints: list[int] = []
    for i, p in enumerate([0.1, 0.9, 0.1, 0.9, 0.9, 0.4, 0.2, 0.9, 0.1, 0.1, 0.1], start=1):
        for event in machine.on(VoiceProbability(t=i * 1_536, p=p)):
            if isinstance(event, VoiceHint):
                hints.append(i)
                continue
            moment = getattr(event, "onset", None) or getattr(event, "end", None)
            assert moment is not None
            out.append((type(event).__name__, moment // 1_536))
    assert out == [("VoiceStarted", 3), ("VoiceStopped", 8)]
    assert hints == [2, 4], "each first window of voice after silence"
