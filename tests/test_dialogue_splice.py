"""The prefix, the answer and what holds the floor between them, as one reply."""

from __future__ import annotations

from duplex.dialogue.events import Commit, Discarded, Eager, ReplyText, Resumed, Transcript, Yield
from duplex.dialogue.relay_events import Prefix
from duplex.dialogue.splice import HOLD, HOLDS, NOT_HEARD, QUIET, Splice
from duplex.graph import CancelTimer, Event, SetTimer, TimerFired, to_ticks
from duplex.llm.drafts import Source

APOLOGY = "Sorry, something went wrong."


def eager(attempt: int = 1, text: str | None = None) -> Eager:
    return Eager(t=0, attempt=attempt, turn=1, end=0, text=text)


def prefix(text: str = "Lake Baikal is", source: Source = "evidence", attempt: int = 1) -> Prefix:
    return Prefix(t=0, attempt=attempt, text=text, source=source)


def piece(text: str, attempt: int = 1, last: bool = False) -> ReplyText:
    return ReplyText(t=0, attempt=attempt, text=text, last=last, sources=("baikal.md",))


def commit(attempt: int = 1, reason: str = "words") -> Commit:
    return Commit(t=0, attempt=attempt, turn=1, end=0, reason=reason)


def texts(splice: Splice, *events: Event) -> list[str]:
    actions = [action for event in events for action in splice.on(event)]
    return [action.text for action in actions if isinstance(action, ReplyText)]


def test_the_answer_follows_its_prefix_without_saying_it_again() -> None:
    splice = Splice(APOLOGY)
    answer = piece("Lake Baikal is 1,642 metres deep.")
    assert texts(splice, eager(), prefix(), commit()) == ["Lake Baikal is"]
    assert splice.begun == "Lake Baikal is"
    (told,) = [action for action in splice.on(answer) if isinstance(action, ReplyText)]
    assert (told.text, told.sources) == ("1,642 metres deep.", ("baikal.md",))
    assert splice.begun == ""
    assert texts(splice, piece("It is old."), piece("", last=True)) == ["It is old.", ""]


def test_what_does_not_fit_is_repaired_and_never_twice_in_the_same_way() -> None:
    splice = Splice(APOLOGY)
    repairs = set()
    for attempt in (1, 2):
        (_, told) = texts(splice, eager(attempt), prefix(attempt=attempt), piece("Olkhon is one.", attempt))
        assert told.endswith("Olkhon is one.")
        repairs.add(told)
    assert len(repairs) == 2


def test_a_model_is_not_asked_to_go_on_from_an_opener() -> None:
    splice = Splice(APOLOGY)
    splice.on(eager())
    splice.on(prefix("Well,", "opener"))
    assert splice.begun == ""
    assert texts(splice, piece("The lake is deep.")) == ["the lake is deep."]


def test_a_model_does_not_go_on_framing_and_a_subject_is_not_named_twice() -> None:
    splice = Splice(APOLOGY)
    splice.on(eager())
    splice.on(prefix("As for Lake Baikal,", "topic"))
    assert splice.begun == ""
    assert texts(splice, piece("Lake Baikal is deep.")) == ["it is deep."]


def test_a_prefix_that_comes_after_the_answer_is_not_said() -> None:
    splice = Splice(APOLOGY)
    assert texts(splice, eager(), piece("It is deep.")) == ["It is deep."]
    assert texts(splice, prefix()) == []


def test_a_dropped_attempt_says_nothing_more() -> None:
    for end in (Resumed(t=0, attempt=1), Discarded(t=0, attempt=1, turn=1), Yield(t=0, attempt=1)):
        splice = Splice(APOLOGY)
        splice.on(eager())
        splice.on(end)
        assert texts(splice, prefix(), piece("It is deep.")) == []
        assert splice.begun == ""


def test_what_was_cut_goes_on_being_told_while_it_may_be_taken_up() -> None:
    splice = Splice(APOLOGY)
    assert texts(splice, eager(), commit(), piece("One."), Yield(t=0, attempt=1, keep=True)) == ["One."]
    assert texts(splice, piece("Two."), eager(2), piece("Three.")) == ["Two.", "Three."]


def test_what_was_cut_right_after_its_prefix_is_still_joined_with_it() -> None:
    splice = Splice(APOLOGY)
    assert texts(splice, eager(), prefix(), commit(), Yield(t=0, attempt=1, keep=True)) == ["Lake Baikal is"]
    assert texts(splice, eager(2), piece("Lake Baikal is deep.")) == ["deep."]


def test_a_late_answer_is_waited_for_aloud_each_time_in_other_words_and_in_the_end_given_up() -> None:
    splice = Splice(APOLOGY)
    splice.on(eager())
    timers = [action for action in splice.on(commit()) if isinstance(action, SetTimer)]
    assert timers == [SetTimer(HOLD, to_ticks(QUIET))]
    told: list[str] = []
    while timers:
        actions = splice.on(TimerFired(t=timers[-1].at, id=HOLD))
        told += [action.text for action in actions if isinstance(action, ReplyText)]
        timers = [action for action in actions if isinstance(action, SetTimer)]
    assert sorted(told[:-1]) == sorted(HOLDS)
    assert told[-1] == APOLOGY
    assert texts(splice, piece("At last.")) == []


def test_an_answer_in_time_ends_the_waiting() -> None:
    splice = Splice(APOLOGY)
    splice.on(eager())
    splice.on(commit())
    assert CancelTimer(HOLD) in splice.on(piece("It is deep.", last=True))
    assert texts(splice, TimerFired(t=0, id=HOLD)) == []


def test_nobody_waits_for_what_is_taken_up_or_said_unasked() -> None:
    for reason, attempt in (("resumption", 1), ("greeting", 0), ("announcement", 2)):
        splice = Splice(APOLOGY)
        splice.on(eager())
        assert not [a for a in splice.on(commit(attempt, reason)) if isinstance(a, SetTimer)]


def test_a_prefix_without_a_question_is_taken_back() -> None:
    splice = Splice(APOLOGY)
    none = Transcript(t=0, turn=1, text=" ", final=True, attempt=1)
    assert texts(splice, eager(), none) == []
    assert texts(splice, eager(), prefix(), commit(), none) == ["Lake Baikal is", NOT_HEARD]
