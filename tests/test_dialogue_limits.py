"""How sessions end: what is said before, to whom it yields, and that they do end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dialogue_call import Call
from hypothesis import given
from hypothesis import strategies as st

from duplex.dialogue.events import Commit, PlayoutEnded, PlayoutStarted, SessionEnded, SessionEnding
from duplex.dialogue.limits import LimitSettings

SET = LimitSettings(longest=0, idle=0, grace=20)
TIMED = replace(SET, longest=60, warning=15)
IDLE = replace(SET, idle=30, patience=10)
NOTICE, QUESTION = SET.notice, SET.question
LIMIT, AWAY, DRAIN = SET.goodbyes["limit"], SET.goodbyes["idle"], SET.goodbyes["drain"]


def ends(call: Call) -> list[tuple[str, str]]:
    kinds = (SessionEnding, SessionEnded)
    return [(type(each).__name__, each.reason) for each in call.events if isinstance(each, kinds)]


def whole(call: Call) -> bool:
    """The last thing the agent said was heard to its end before the session was over."""
    last = next(event for event in reversed(call.events) if isinstance(event, PlayoutEnded))
    return not last.interrupted and last.heard == call.spoken()[-1][1]


def test_a_session_without_limits_goes_on() -> None:
    call = Call(SET).at(5_000)
    assert call.ended is None
    assert call.spoken() == []


@pytest.mark.parametrize("delay", [0.0, 1.5])
def test_the_longest_session_is_announced_and_ends_with_a_goodbye(delay: float) -> None:
    call = Call(TIMED, greeting="Hello.", delay=delay).at(200)
    assert call.spoken() == [(0, "Hello."), (45, NOTICE), (60, LIMIT)]
    assert call.ended == pytest.approx(60 + len(LIMIT.split()) * 0.25 + delay, abs=0.05)
    assert whole(call)
    assert ends(call) == [("SessionEnding", "limit"), ("SessionEnded", "limit")]
    assert call.said() == [("agent", text) for text in ("Hello.", NOTICE, LIMIT)]


def test_no_warning_where_none_is_wanted() -> None:
    assert Call(replace(TIMED, warning=0)).at(200).spoken() == [(60, LIMIT)]


def test_nobody_is_interrupted_by_the_end() -> None:
    """The warning and the goodbye wait for the caller's sentence and the answer to it."""
    call = Call(TIMED).says(44, 47).at(58).says(59, 62).at(100)
    assert [text for _, text in call.spoken()] == ["…", NOTICE, "…", LIMIT]
    asked = call.spoken()[2][0]
    assert call.spoken()[3][0] == pytest.approx(asked + 1.65, abs=0.1)
    assert call.over_the_user == 0
    assert whole(call)


def test_a_caller_who_never_stops_is_not_talked_over_but_cut_off_in_the_end() -> None:
    call = Call(TIMED).says(50).at(200)
    assert call.spoken() == [(45, NOTICE)]
    assert call.ended == 60 + SET.grace
    assert ends(call) == [("SessionEnding", "limit"), ("SessionEnded", "limit")]
    assert call.over_the_user == 0


def test_the_goodbye_can_be_interrupted_and_is_said_again() -> None:
    call = Call(TIMED).says(60.4, 63).at(200)
    assert [text for _, text in call.spoken()] == [NOTICE, LIMIT, "…", LIMIT]
    roles = [role for role, _ in call.said()]
    assert roles == ["agent", "agent", "user", "agent", "agent"]
    assert call.said()[1][1] == "Our time", "cut off after what was heard"
    assert whole(call)


@pytest.mark.parametrize("reason", ["limit", "drain"])
def test_interruptions_do_not_put_the_end_off_for_ever(reason: str) -> None:
    call = Call(SET).at(1).end(reason)
    for start in range(2, 200, 3):
        call.says(start + 0.3, start + 1.3)
    assert call.ended is not None
    assert call.ended <= 1 + SET.grace + 30


def test_a_silent_caller_is_asked_and_then_left() -> None:
    call = Call(IDLE, greeting="Hello.", delay=0.1).at(200)
    greeted, asked, left = (at for at, _ in call.spoken())
    assert [text for _, text in call.spoken()] == ["Hello.", QUESTION, AWAY]
    assert greeted == 0
    assert asked == pytest.approx(0.35 + 30, abs=0.05)
    assert left == pytest.approx(asked + 1.1 + 10, abs=0.05)
    assert call.ended == pytest.approx(left + len(AWAY.split()) * 0.25 + 0.1, abs=0.05)
    assert ends(call) == [("SessionEnding", "idle"), ("SessionEnded", "idle")]
    assert whole(call)


def test_a_caller_who_answers_stays_and_is_asked_again_much_later() -> None:
    call = Call(IDLE).says(33, 34, "Yes.").at(64)
    assert [text for _, text in call.spoken()] == [QUESTION, "…"]
    assert [round(at) for at, _ in call.at(67).spoken()] == [30, 34, 66]
    assert call.spoken()[-1][1] == QUESTION
    assert call.ended is None


def test_whoever_types_is_not_idle() -> None:
    call = Call(IDLE).at(29).types("How deep?").at(60)
    assert [text for _, text in call.spoken()] == ["…"]
    call = Call(IDLE).at(29).notes("I read along.").at(58.9)
    assert call.spoken() == []
    assert call.at(59.5).spoken() == [(59, QUESTION)]


def test_noise_is_no_sign_of_life() -> None:
    call = Call(IDLE)
    for start in (10, 20, 28):
        call.says(start, start + 1, text="")
    assert call.at(31).spoken() == [(30, QUESTION)]
    call.says(35, 36, text="").at(60)
    assert [text for _, text in call.spoken()] == [QUESTION, AWAY]
    assert call.ended is not None


def test_the_question_waits_for_a_noise_to_end() -> None:
    call = Call(IDLE).says(29.5, 31, text="").at(33)
    (asked,) = call.spoken()
    assert asked[1] == QUESTION
    assert asked[0] == 31.3
    assert call.over_the_user == 0


def test_a_voice_during_an_idle_goodbye_keeps_the_caller() -> None:
    call = Call(IDLE).at(41.5).says(41.7, 43, "Wait, I am here!").at(70)
    assert [text for _, text in call.spoken()] == [QUESTION, AWAY, "…"]
    assert ends(call) == []
    assert call.at(80).spoken()[-1][1] == QUESTION


def test_a_noise_during_an_idle_goodbye_only_puts_it_off() -> None:
    call = Call(IDLE).at(41.5).says(41.7, 43, text="").at(70)
    assert [text for _, text in call.spoken()] == [QUESTION, AWAY, AWAY]
    assert call.ended is not None
    assert ends(call) == [("SessionEnding", "idle"), ("SessionEnded", "idle")]


def test_a_voice_before_an_announcement_is_heard_takes_the_floor_at_once() -> None:
    """A second passes until the first word is heard; the caller speaks in between and is not talked over for long."""
    call = Call(IDLE, delay=1.0).says(30.5, 32).at(40)
    assert [text for _, text in call.spoken()] == [QUESTION, "…"]
    assert call.over_the_user <= 1
    assert call.said()[:2] == [("agent", "Are you"), ("user", "How deep is it?")], (
        "it had left, and is heard late"
    )


def test_asked_to_end_it_says_goodbye_at_once_where_nobody_speaks() -> None:
    call = Call(SET).at(7).end("drain").at(7.1).end("drain").end("limit").at(20)
    assert call.spoken() == [(7.0, DRAIN)]
    assert ends(call) == [("SessionEnding", "drain"), ("SessionEnded", "drain")]
    assert whole(call)


def test_asked_to_end_it_hears_a_reply_out() -> None:
    call = Call(SET).says(1, 2).at(2.5).end("drain").at(20)
    answered, parted = (at for at, _ in call.spoken())
    assert parted == pytest.approx(answered + len(call.answer.split()) * 0.25 + 0.4, abs=0.1), (
        "a breath between"
    )
    assert [text for _, text in call.spoken()] == ["…", DRAIN]
    assert call.said()[1] == ("agent", call.answer)
    assert whole(call)


def test_asked_to_end_it_lets_the_user_finish_and_answers() -> None:
    call = Call(SET).says(1).end("drain").at(3)
    assert ends(call) == [("SessionEnding", "drain")]
    call.says(1, 4).at(20)
    assert [text for _, text in call.spoken()] == ["…", DRAIN]
    assert call.over_the_user == 0


def test_asked_to_end_for_another_reason_it_just_says_goodbye() -> None:
    assert Call(SET).at(1).end("maintenance").at(9).spoken() == [(1.0, "Goodbye.")]


def test_asked_to_end_in_an_idle_goodbye_it_says_no_other() -> None:
    call = Call(IDLE).at(42).end("drain").at(60)
    assert [text for _, text in call.spoken()] == [QUESTION, AWAY, DRAIN][:2]
    assert ends(call) == [("SessionEnding", "drain"), ("SessionEnded", "drain")]


@pytest.mark.parametrize("settings", [replace(TIMED, idle=30), IDLE])
def test_a_session_whose_audio_nobody_takes_ends_all_the_same(settings: LimitSettings) -> None:
    call = Call(replace(settings, longest=60, warning=15))
    call.pulling = False
    call.at(400)
    assert call.ended is not None
    assert call.ended <= 60 + SET.grace + 30


@given(
    st.lists(st.tuples(st.floats(0.1, 40), st.floats(0.1, 12), st.booleans()), max_size=12),
    st.none() | st.tuples(st.floats(0, 150), st.sampled_from(["drain", "x"])),
    st.sampled_from([0.0, 0.3, 2.0]),
)
def test_whoever_says_what_and_when_a_session_ends_in_time(
    user: list[tuple[float, float, bool]], asked: tuple[float, str] | None, delay: float
) -> None:
    """It ends once and says why; nothing of ours begins while the user speaks."""
    settings = LimitSettings(longest=120, warning=15, idle=30, patience=10, grace=20)
    call = Call(settings, greeting="Hello and welcome.", delay=delay)
    speaking: list[tuple[float, float]] = []
    at = 0.0
    for gap, length, words in user:
        start, at = at + gap, at + gap + length
        if asked is not None and asked[0] < start:
            call.at(asked[0]).end(asked[1])
            asked = None
        call.says(start, at, "How deep is it?" if words else "")
        speaking.append((start + 0.064, at))
        at += 0.07
    if asked is not None:
        call.at(max(asked[0], at)).end(asked[1])
    call.at(1_000)
    assert call.ended is not None
    assert call.ended <= 120 + 20 + 30
    assert [kind for kind, _ in ends(call)] == ["SessionEnding", "SessionEnded"]
    assert len({reason for _, reason in ends(call)}) == 1
    ours = {event.attempt for event in call.events if isinstance(event, Commit) and event.text}
    unasked = [e.seconds for e in call.events if isinstance(e, PlayoutStarted) and e.attempt in ours - {0}]
    assert not [(begun, span) for begun in unasked for span in speaking if span[0] < begun < span[1]]
