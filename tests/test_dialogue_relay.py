"""The fast path's decisions: what is drafted, rehearsed, and said before the answer is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.dialogue.events import (
    Commit,
    Discarded,
    Eager,
    EndProbability,
    ReplyText,
    Resumed,
    Transcript,
    TurnStarted,
    Yield,
)
from duplex.dialogue.relay import FRAMES, PATIENCE, SILENCE, Relay, RelaySettings, Sight
from duplex.dialogue.relay_events import Drafted, EarlyEnd, Prefix, Rehearse, Rehearsed
from duplex.graph import Event, to_ticks
from duplex.graph.event import SetTimer, TimerFired
from duplex.llm.drafts import Draft

WORDS = "how deep is Lake Baikal"
NO_OPENERS = RelaySettings(openers=())


def draft(text: str = "Lake Baikal is", words: str = WORDS, source: str = "evidence") -> Drafted:
    return Drafted(t=0, turn=1, words=words, draft=Draft(text, source))  # type: ignore[arg-type]


def heard(text: str = WORDS, attempt: int = 0, final: bool = False) -> Transcript:
    return Transcript(t=0, turn=1, text=text, attempt=attempt, final=final)


def eager(attempt: int = 1) -> Eager:
    return Eager(t=to_ticks(3.1), attempt=attempt, turn=1, end=to_ticks(3))


def rehearsed(text: str = "Lake Baikal is") -> Rehearsed:
    return Rehearsed(t=0, text=text, seconds=0.8)


DUE = TimerFired(t=to_ticks(3.16), id=SILENCE)
LATE = TimerFired(t=to_ticks(3.28), id=PATIENCE)
SURE, UNSURE = (EarlyEnd(t=0, attempt=1, p=p) for p in (0.95, 0.6))


def said(relay: Relay, *events: Event) -> list[Event]:
    """All that comes of these events, but timers."""
    out = [action for event in events for action in relay.on(event)]
    return [action for action in out if isinstance(action, Prefix | EndProbability)]


def test_a_prefix_is_said_when_silence_words_and_audio_are_there_in_any_order() -> None:
    rest = [eager(), heard(attempt=1), SURE, DUE, rehearsed()]
    for turned in range(1, len(rest)):
        relay = Relay(NO_OPENERS)
        relay.on(draft())
        events = [eager(), *rest[1:][turned:], *rest[1:][:turned]]
        assert not said(relay, *events[:-1])
        prefix, go = said(relay, events[-1])
        assert isinstance(prefix, Prefix)
        assert (prefix.attempt, prefix.text, prefix.source) == (1, "Lake Baikal is", "evidence")
        assert isinstance(go, EndProbability)
        assert (go.attempt, go.p) == (1, 0.95)


@pytest.mark.parametrize(
    "between",
    [
        Resumed(t=0, attempt=1),
        Discarded(t=0, attempt=1, turn=1),
        Commit(t=0, attempt=1, turn=1, end=0, reason="words"),
        Yield(t=0, attempt=1),
        heard(attempt=1, final=True),
        UNSURE,
        heard("how deep is the ocean", attempt=1),
    ],
)
def test_nothing_is_said_once_it_is_decided_or_unsure_or_about_other_words(between: Event) -> None:
    relay = Relay(NO_OPENERS)
    events = [draft(), rehearsed(), eager(), heard(attempt=1)]
    if between is not UNSURE:
        assert not said(relay, *events, SURE, between, DUE, LATE)
    else:
        assert not said(relay, *events, between, DUE, LATE)


@pytest.mark.parametrize(
    ("drafted", "words", "stands"),
    [
        ("how deep is", "how deep is Lake Baikal", True),
        ("How deep is Lake Bay?", "How deep is Lake Baikal?", True),  # its last word was cut
        ("how deep is", "how old is Lake Baikal", False),
        ("how deep is Lake Baikal", "how deep is Lake", False),
    ],
)
def test_a_draft_stands_for_words_that_go_on_from_its_own(drafted: str, words: str, stands: bool) -> None:
    relay = Relay(NO_OPENERS)
    events = (draft(words=drafted, source="model"), rehearsed(), eager(), heard(words), SURE, DUE)
    assert bool(said(relay, *events)) is stands


def test_what_costs_no_time_to_draft_is_said_once_it_was_drafted_for_all_the_words() -> None:
    relay = Relay(NO_OPENERS)
    before = (draft(words="how deep is"), rehearsed(), eager(), heard(), SURE, DUE)
    assert not said(relay, *before)
    assert said(relay, draft())


def test_a_reply_to_small_talk_is_one_to_all_the_words() -> None:
    for words, stands in (("okay", True), ("okay how deep is it", False)):
        relay = Relay(NO_OPENERS)
        talk = draft("Is there anything else", "Okay.", "talk")
        events = (talk, rehearsed("Is there anything else"), eager(), heard(words), SURE, DUE)
        assert bool(said(relay, *events)) is stands


def test_openers_come_late_one_after_the_other_and_only_where_somebody_drafts() -> None:
    relay = Relay(RelaySettings(openers=("Well,", "So,")))
    nothing = Drafted(t=0, turn=1, words=WORDS, draft=None)
    heard_now: list[str] = []
    for attempt in (1, 2, 3):
        (rehearse,) = relay.on(TurnStarted(t=0, turn=attempt, onset=0)) or [None]
        if isinstance(rehearse, Rehearse):
            relay.on(rehearsed(rehearse.text))
        p = EarlyEnd(t=0, attempt=attempt, p=0.95)
        assert not said(relay, nothing, eager(attempt), heard(f"{WORDS} then"), p, DUE)
        prefix, _ = said(relay, LATE)
        assert isinstance(prefix, Prefix)
        heard_now.append(prefix.text)
    assert heard_now == ["Well,", "So,", "Well,"]
    silent = Relay(RelaySettings(openers=("Well,",)))
    assert not said(silent, rehearsed("Well,"), eager(), heard(), SURE, DUE, LATE)


def test_an_opener_does_not_wait_where_there_is_no_draft_for_these_very_words() -> None:
    relay = Relay(RelaySettings(openers=("Well,",)))
    nothing = Drafted(t=0, turn=1, words=WORDS, draft=None)
    assert said(relay, rehearsed("Well,"), nothing, eager(), heard(), SURE, DUE)


def test_the_subject_is_put_into_one_frame_after_the_other() -> None:
    relay = Relay(NO_OPENERS)
    texts = []
    for attempt in range(1, len(FRAMES) + 2):
        relay.on(TurnStarted(t=0, turn=1, onset=0))
        relay.on(heard())
        (asked,) = [a for a in relay.on(draft("Lake Baikal", source="topic")) if isinstance(a, Rehearse)]
        p = EarlyEnd(t=0, attempt=attempt, p=0.95)
        prefix, _ = said(relay, rehearsed(asked.text), eager(attempt), heard(), p, DUE)
        assert isinstance(prefix, Prefix)
        texts.append(prefix.text)
    assert texts == [frame.format("Lake Baikal") for frame in (*FRAMES, FRAMES[0])]


ABOUT = FRAMES[0].format("Lake Baikal")


def test_where_a_better_draft_is_dropped_or_not_made_the_subject_is_said() -> None:
    class Strict:
        def verified(self, draft: Draft, sight: Sight, least: float | None) -> Draft | None:
            return None

    subject = draft("Lake Baikal", source="topic")
    for verifier, made in ((Strict(), (ABOUT, "Lake Baikal is")), (None, (ABOUT,))):
        relay = Relay(NO_OPENERS, verifier)
        made_up = [rehearsed(text) for text in made]
        prefix, _ = said(relay, heard(), subject, draft(), *made_up, eager(), SURE, DUE)
        assert isinstance(prefix, Prefix)
        assert (prefix.text, prefix.source) == (ABOUT, "topic")


def test_the_subject_stays_it_until_another_is_named_or_nothing_is_found() -> None:
    nothing = Drafted(t=0, turn=1, words=f"{WORDS} today", draft=None)
    subject = draft("Lake Baikal", source="topic")
    for words, later, stands in (
        (f"{WORDS} today", [], True),
        (f"{WORDS} and Lake Como", [], False),
        (f"{WORDS} today", [nothing], False),
    ):
        relay = Relay(NO_OPENERS)
        events = (heard(), subject, rehearsed(ABOUT), *later, eager(), heard(words), SURE, DUE)
        assert bool(said(relay, *events)) is stands


@pytest.mark.parametrize(
    ("words", "p", "stands"),
    [
        (WORDS, 0.75, True),
        (WORDS, 0.65, False),
        ("I heard that Lake Baikal freezes", 0.75, False),
        ("what I want to ask is", 0.75, False),
    ],
)
def test_a_whole_question_with_a_draft_need_not_sound_as_complete(words: str, p: float, stands: bool) -> None:
    relay = Relay(RelaySettings(openers=("Well,",)))
    before = (rehearsed("Well,"), rehearsed(), eager(), heard(words, 1), EarlyEnd(t=0, attempt=1, p=p), DUE)
    came = said(relay, draft(words=words), *before, LATE)
    assert [type(event) for event in came] == [Prefix, EndProbability] * stands
    if stands:
        assert isinstance(go := came[1], EndProbability)
        assert go.p == RelaySettings().sure, "the floor is asked for"
    nothing = Drafted(t=0, turn=1, words=words, draft=None)
    assert not said(Relay(RelaySettings(openers=("Well,",))), nothing, *before, LATE), "not for an opener"


def committed(attempt: int = 1) -> Commit:
    return Commit(t=to_ticks(3.4), attempt=attempt, turn=1, end=to_ticks(3), reason="words")


@pytest.mark.parametrize(
    ("final", "later", "stands"),
    [
        (WORDS, [committed()], True),
        (f"{WORDS} exactly", [committed()], True),
        (f"{WORDS} and Lake Como", [committed()], False),
        (WORDS, [ReplyText(t=0, attempt=1, text="It is deep."), committed()], False),
        (WORDS, [Resumed(t=0, attempt=1), committed(2)], False),
        (WORDS, [committed(), committed()], True),
    ],
)
def test_a_turn_that_is_committed_before_its_answer_is_there_begins_with_the_subject(
    final: str, later: list[Event], stands: bool
) -> None:
    relay = Relay(RelaySettings(openers=("Well,",)))
    drafts = (
        draft("Lake Baikal", source="topic"),
        rehearsed(ABOUT),
        draft(),
        rehearsed(),
        rehearsed("Well,"),
    )
    events = (heard(), *drafts, eager(), heard(attempt=1), UNSURE)
    assert not said(relay, *events, heard(final, 1, final=True), DUE, LATE)
    texts = [event.text for event in said(relay, *later) if isinstance(event, Prefix)]
    assert texts == [ABOUT] * stands


def test_while_it_is_open_whether_the_user_wants_anything_nothing_is_said() -> None:
    relay = Relay(NO_OPENERS)
    events = (draft(), rehearsed(), Yield(t=0, attempt=0, keep=True), eager(), heard(), SURE, DUE)
    assert not said(relay, *events)


def test_the_timers_are_those_of_the_settings() -> None:
    timers = Relay(RelaySettings(silence=0.1, patience=0.05)).on(eager())
    assert timers == [SetTimer(SILENCE, to_ticks(3.1)), SetTimer(PATIENCE, to_ticks(3.15))]


def test_what_it_costs_is_counted_and_ends_it() -> None:
    relay = Relay(RelaySettings(openers=(), tokens=20, speech=0))
    relay.on(heard())
    spend = Drafted(t=0, turn=1, words=WORDS, draft=Draft("Lake Baikal is", "model", tokens=12))
    assert [type(action) for action in relay.on(spend)] == [Rehearse]
    assert relay.affordable
    relay.on(rehearsed())
    relay.on(rehearsed())  # from what was kept
    relay.on(spend)
    assert not relay.affordable
    assert (relay.spent.drafts, relay.spent.tokens, relay.spent.speech) == (2, 24, 0.8)
    assert not relay.on(draft("Lake Baikal holds"))  # no audio is made for it


class Shortens:
    def verified(self, draft: Draft, sight: Sight, least: float | None) -> Draft | None:
        return Draft("Lake Baikal", draft.source) if sight.heard == WORDS else None


def test_the_verifier_shortens_and_drops() -> None:
    relay = Relay(NO_OPENERS, Shortens())
    events = (heard(), draft(), rehearsed("Lake Baikal"), eager(), SURE, DUE)
    prefix, _ = said(relay, *events)
    assert isinstance(prefix, Prefix)
    assert prefix.text == "Lake Baikal"
    relay = Relay(NO_OPENERS, Shortens())
    assert not said(relay, heard(f"{WORDS} now"), *events[1:])


CHOICES = st.sampled_from(
    [
        *(draft(), rehearsed(), eager(1), eager(2), heard(), heard(attempt=1, final=True), SURE, DUE, LATE),
        *(Resumed(t=0, attempt=1), Commit(t=0, attempt=1, turn=1, end=0, reason="words")),
        *(Yield(t=0, attempt=1), Discarded(t=0, attempt=2, turn=1), TurnStarted(t=0, turn=2, onset=0)),
    ]
)


@given(st.lists(CHOICES, max_size=25))
def test_at_most_one_prefix_an_attempt_and_none_for_one_that_is_over(events: list[Event]) -> None:
    relay, open_attempt, prefixed = Relay(), None, set()
    for event in events:
        if isinstance(event, Eager):
            open_attempt = event.attempt
            prefixed.discard(event.attempt)
        elif isinstance(event, Resumed | Commit | Yield | Discarded):
            open_attempt = None
        for action in said(relay, event):
            if isinstance(action, Prefix):
                assert action.attempt == open_attempt
                assert action.attempt not in prefixed
                prefixed.add(action.attempt)
