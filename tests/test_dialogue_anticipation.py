"""What the core adds to the floor: tables of frames, words and silences, and what comes of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.bench.core_floor import Play
from duplex.dialogue.anticipation import FRAME, SIGNS, CoreFrame, Reliance, Sure, fused, signs
from duplex.dialogue.events import (
    Commit,
    Discarded,
    Eager,
    EndProbability,
    OverlapKind,
    PlayoutEnded,
    PlayoutStarted,
    Resumed,
    SessionStarted,
    Transcript,
    TurnStarted,
    Unduck,
    VoiceStarted,
    VoiceStopped,
    Yield,
)
from duplex.dialogue.floor import FloorSettings
from duplex.graph.event import Event, to_ticks

MS = 48
BOTH = Reliance(weights=(1.0, 0.0, 0.0, 1.0, 0.0, 0.0))
"""The core and the words count alike."""
KINDS: dict[OverlapKind, Sure] = {"turn": Sure(0.7, 2), "echo": Sure(0.7, 2), "side": Sure(0.7, 2)}
CLASSES = Reliance(overlaps=KINDS, again=Sure(0.7, 2))
SURE, UNSURE = 0.999, 0.001


def frames(since: float, until: float, **said: float) -> list[CoreFrame]:
    """One each 80 ms, in milliseconds."""
    return [
        CoreFrame(t=at * FRAME, state="listen", **said)  # type: ignore[arg-type]
        for at in range(round(since / 80), round(until / 80))
    ]


def voice(start: float, stop: float | None = None) -> list[Event]:
    """Detected 64 ms late."""
    began = VoiceStarted(t=to_ticks(start / 1e3 + 0.064), onset=to_ticks(start / 1e3))
    if stop is None:
        return [began]
    return [began, VoiceStopped(t=to_ticks(stop / 1e3 + 0.064), end=to_ticks(stop / 1e3))]


def words(at: float, p: float, text: str = "how deep is it") -> list[Event]:
    said = Transcript(t=to_ticks(at / 1e3), turn=1, text=text, final=True, attempt=1)
    return [said, EndProbability(t=said.t, attempt=1, p=p)]


def decided(events: list[Event], reliance: Reliance | None) -> list[Event]:
    play = Play(FloorSettings(), reliance)
    play.put(*events)
    return list(play.run())


def committed(events: list[Event], reliance: Reliance | None) -> float:
    """When, in milliseconds."""
    return next(event.t / MS for event in decided(events, reliance) if isinstance(event, Commit))


@pytest.mark.parametrize(
    ("p", "core", "at"),
    [
        (0.95, None, 1240),  # no frames: as the words have it
        (0.6, None, 1800),
        (0.6, SURE, 1240),  # the core is sure
        (0.95, UNSURE, 2600),  # it has a doubt, and the longest silence decides
        (0.3, SURE, 1240),
        (0.01, 0.5, 2600),
    ],
)
def test_core_and_words_end_a_turn_together(p: float, core: float | None, at: float) -> None:
    heard = [] if core is None else frames(0, 4000, over=core)
    assert committed([*voice(0, 1000), *words(1150, p), *heard], BOTH) == pytest.approx(at, abs=1)


def test_a_sure_moment_in_the_silence_ends_the_turn_there() -> None:
    heard = [*frames(0, 1440, over=UNSURE), *frames(1440, 3000, over=SURE)]
    assert committed([*voice(0, 1000), *words(1150, 0.9), *heard], BOTH) == pytest.approx(1440, abs=1)


def test_old_frames_say_nothing_of_now() -> None:
    heard = frames(0, 1100, over=UNSURE)
    assert committed([*voice(0, 1000), *words(1150, 0.95), *heard], BOTH) == pytest.approx(2600, abs=1)
    assert committed([*voice(0, 1000), *words(1600, 0.95), *heard], BOTH) == pytest.approx(1600, abs=1)


events = st.lists(
    st.one_of(
        st.builds(
            lambda t, start, length: voice(t + start, t + start + length), *[st.integers(70, 3000)] * 3
        ),
        st.builds(words, st.integers(1, 6000), st.floats(0, 1)),
        st.builds(
            lambda since, over, turn: frames(since, since + 800, over=over, turn=turn, side=1 - turn),
            st.integers(0, 6000),
            st.floats(0, 1),
            st.floats(0, 1),
        ),
        st.builds(
            lambda t: [SessionStarted(t=t * MS, greeting="Hello."), PlayoutStarted(t=t * MS, attempt=0)],
            st.integers(0, 5000),
        ),
    ),
    max_size=12,
).map(lambda groups: [event for group in groups for event in group])


@given(events)
def test_a_core_that_is_not_relied_on_changes_nothing(happens: list[Event]) -> None:
    rules = [event for event in happens if not isinstance(event, CoreFrame)]
    assert decided(happens, Reliance()) == decided(rules, None)


@given(
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
    st.integers(0, 200_000),
    st.lists(st.floats(0, 5), min_size=5, max_size=5),
    st.integers(0, 3),
)
def test_more_evidence_is_never_less_probable(
    said: list[float], silence: int, weights: list[float], at: int
) -> None:
    def probability(values: list[float]) -> float:
        over, start, complete, p = values
        frame = CoreFrame(t=0, state="listen", over=over, start=start, complete=complete)
        assert len(signs(frame, p, silence)) == len(SIGNS)
        return fused(frame, p, silence, (*weights, -1.0))

    p, more = probability(said), [*said]
    more[at] = min(1.0, more[at] + 0.3)
    assert 0 <= p <= 1
    assert probability(more) >= p - 1e-12


def over_speech(happens: list[Event], reliance: Reliance | None) -> list[tuple[str, float]]:
    """What is decided, and when in milliseconds, while the agent speaks from the first moment on."""
    start: list[Event] = [SessionStarted(t=0, greeting="Hello."), PlayoutStarted(t=0, attempt=0)]
    found = decided([*start, *happens], reliance)
    told = {Yield: "yield", Unduck: "go on"}
    return [
        (told[type(event)], round(event.t / MS))
        for event in found
        if isinstance(event, Yield) or (isinstance(event, Unduck) and event.decided)
    ]


def guess(at: float, text: str) -> Transcript:
    return Transcript(t=to_ticks(at / 1e3), turn=1, text=text)


@pytest.mark.parametrize(
    ("heard", "came"),
    [
        (frames(2000, 4000), [("yield", 2640)]),  # it lasts: no class is sure
        (frames(2000, 4000, turn=0.9), [("yield", 2240)]),  # the first that counts ends at 2160
        (frames(2000, 4000, turn=0.6), [("yield", 2640)]),
        (frames(2000, 2240, turn=0.9), [("yield", 2640)]),  # one that counts is not enough
        (frames(2000, 6000, echo=0.9), [("go on", 2240)]),
        (frames(2000, 6000, side=0.8, echo=0.75), [("go on", 2240)]),
        (frames(2000, 6000, noise=1.0), [("yield", 2640)]),  # it is not asked for noise
        ([*frames(2000, 2800, echo=0.9), *frames(2800, 4000, turn=0.8)], [("go on", 2240), ("yield", 2880)]),
    ],
)
def test_the_class_of_a_voice_over_the_agents_decides_early(
    heard: list[CoreFrame], came: list[tuple[str, int]]
) -> None:
    assert over_speech([*voice(2000), *heard], CLASSES) == [
        (what, pytest.approx(at, abs=1)) for what, at in came
    ]


def test_what_is_not_the_user_is_nobody() -> None:
    nobody = Reliance(overlaps={"nobody": Sure(0.8, 3)})
    heard = [*frames(2000, 2240, user=0.9), *frames(2240, 4000, user=0.1)]
    assert over_speech([*voice(2000), *heard], nobody) == [("go on", pytest.approx(2400, abs=1))]
    assert over_speech([*voice(2000), *frames(2000, 4000, user=0.9)], nobody) == [("yield", 2640)]


def test_a_voice_that_was_let_pass_stays_so_where_nothing_else_is_asked() -> None:
    heard = [*frames(2000, 2800, echo=0.9), *frames(2800, 4000, turn=0.9)]
    assert over_speech([*voice(2000), *heard], replace(CLASSES, again=None)) == [("go on", 2240)]


def test_words_of_an_echo_do_not_stop_the_agent_but_before_the_class_they_do() -> None:
    echo = [*voice(2000), *frames(2000, 6000, echo=0.9)]
    assert over_speech([*echo, guess(2300, "Lake Garda is")], CLASSES) == [("go on", 2240)]
    assert over_speech([*echo, guess(2200, "Lake Garda is")], CLASSES) == [("yield", 2200)]


def test_a_voice_that_was_let_pass_and_ended_is_not_watched_any_more() -> None:
    passed = [
        *voice(2000, 2500),
        *frames(2000, 2600, echo=0.9),
        *frames(2600, 2880),
        *frames(2880, 4000, turn=0.9),
    ]
    assert over_speech(passed, CLASSES) == [("go on", 2240)]


@pytest.mark.parametrize(
    ("user", "begins"),
    [(0.1, False), (0.9, True)],  # its echo dies away; somebody does speak
)
def test_what_was_let_pass_and_outlasts_the_agent_begins_a_turn_where_it_is_the_user(
    user: float, begins: bool
) -> None:
    start: list[Event] = [SessionStarted(t=0, greeting="Hello."), PlayoutStarted(t=0, attempt=0)]
    ends = PlayoutEnded(t=3000 * MS, attempt=0, heard="Hello.")
    heard = [*frames(2000, 3000, echo=0.9), *frames(3000, 5000, user=user, turn=0.1)]
    came = decided([*start, *voice(2000, 4000), ends, *heard], CLASSES)
    began = [event.t / MS for event in came if isinstance(event, TurnStarted)]
    assert began == ([3120.0] if begins else [])
    assert len([event for event in came if isinstance(event, Eager)]) == len(began)


def test_after_an_echo_the_next_voice_is_heard() -> None:
    start: list[Event] = [SessionStarted(t=0, greeting="Hello."), PlayoutStarted(t=0, attempt=0)]
    ends = PlayoutEnded(t=3000 * MS, attempt=0, heard="Hello.")
    happens = [*start, *voice(2000, 3100), ends, *voice(3300, 4000), *frames(2000, 3000, echo=0.9)]
    came = decided(happens, CLASSES)
    assert [event.onset for event in came if isinstance(event, TurnStarted)] == [3300 * MS]


@pytest.mark.parametrize("kind", ["backchannel", "nobody"])
@pytest.mark.parametrize(("text", "came"), [("Is it deep?", []), ("It is deep.", [("go on", 2240)])])
def test_an_answer_to_what_is_being_asked_is_let_speak(
    text: str, kind: OverlapKind, came: list[tuple[str, int]]
) -> None:
    happens: list[Event] = [SessionStarted(t=0, greeting=text), PlayoutStarted(t=0, attempt=0)]
    happens += [*voice(2000, 2500), *frames(2000, 2480, backchannel=0.9, user=0.1)]
    found = decided(happens, Reliance(overlaps={kind: Sure(0.7, 2)}))
    assert [
        ("go on", event.t // MS) for event in found if isinstance(event, Unduck) and event.t < 2300 * MS
    ] == came


@pytest.mark.parametrize(("echo", "came"), [(0.9, ["go on"]), (0.1, ["yield"])])
def test_an_agent_that_has_heard_itself_takes_no_echo_for_a_turn_that_goes_on(
    echo: float, came: list[str]
) -> None:
    """Its answer begins at 5000 ms, and 40 ms later a voice: before, one over its greeting was an echo, or not."""
    happens: list[Event] = [SessionStarted(t=0, greeting="Hello."), PlayoutStarted(t=0, attempt=0)]
    happens += [*voice(1000, 1300), PlayoutEnded(t=2000 * MS, attempt=0, heard="Hello."), *voice(3000, 4000)]
    happens += [*words(4150, 0.99), PlayoutStarted(t=5000 * MS, attempt=1), *voice(5040, 5200)]
    happens += [*frames(960, 2000, echo=echo), *frames(5000, 6000, echo=0.9)]
    found = [event for event in decided(happens, CLASSES) if event.t > 5000 * MS]
    told = {Yield: "yield", Unduck: "go on"}
    assert [told[type(event)] for event in found if type(event) in told] == came


def test_words_that_decide_first_leave_nothing_to_the_class() -> None:
    said = [*voice(2000, 2150), guess(2230, "Mm-hm."), *frames(2000, 4000, turn=0.9)]
    assert over_speech(said, CLASSES) == [("go on", 2230)]


@pytest.mark.parametrize(("ignore", "kind"), [(0.9, Discarded), (0.6, Commit)])
def test_a_turn_for_somebody_else_is_none(ignore: float, kind: type[Event]) -> None:
    heard = [*frames(0, 1040, ignore=ignore), *frames(1040, 4000, ignore=1.0)]  # only while there is a voice
    came = decided([*voice(0, 1000), *words(1150, 0.99), *heard], replace(CLASSES, ignore=0.8))
    assert [type(event) for event in came if isinstance(event, Commit | Discarded)] == [kind]


EARLY = Reliance(eager=Sure(0.8, 2))


def foreseen(happens: list[Event]) -> list[tuple[str, float]]:
    """Attempts and what became of them, in milliseconds."""
    kinds = {Eager: "eager", Resumed: "resumed", Commit: "commit"}
    return [
        (kinds[type(event)], round(event.t / MS)) for event in decided(happens, EARLY) if type(event) in kinds
    ]


SOON = frames(800, 1120, soon=0.9)


@pytest.mark.parametrize(
    ("stop", "heard", "came"),
    [
        # All of the voice had been heard when the end was foreseen: what was prepared then counts.
        (870, SOON, [("eager", 880), ("commit", 1110)]),
        # There was more of it: once more.
        (1000, SOON, [("eager", 880), ("resumed", 1064), ("eager", 1064), ("commit", 1240)]),
        # It is not so near any more, or does not come.
        (
            2000,
            [*frames(800, 960, soon=0.9), *frames(960, 2000, soon=0.3)],
            [("eager", 880), ("resumed", 960), ("eager", 2064)],
        ),
        (2000, frames(800, 1800, soon=0.6), [("eager", 2064)]),
        (2000, frames(800, 1840, soon=0.9), [("eager", 880), ("resumed", 1760), ("eager", 2064)]),
    ],
)
def test_an_end_is_foreseen_while_the_user_speaks_and_nothing_comes_of_it_before(
    stop: float, heard: list[CoreFrame], came: list[tuple[str, int]]
) -> None:
    judged = [EndProbability(t=to_ticks(1.1), attempt=attempt, p=0.99) for attempt in (1, 2)]
    found = foreseen([*voice(0, stop), *heard, *(judged if stop < 2000 else ())])
    assert [what for what, _ in found[: len(came)]] == [what for what, _ in came]
    assert [at for _, at in found[: len(came)]] == pytest.approx([at for _, at in came], abs=1)


@given(st.lists(st.floats(0, 1), max_size=40), st.integers(500, 3000))
def test_before_the_voice_ends_nobody_speaks_whatever_is_foreseen(soon: list[float], stop: int) -> None:
    heard = [CoreFrame(t=(at + 1) * FRAME, state="listen", soon=p) for at, p in enumerate(soon)]
    judged = [EndProbability(t=at * FRAME, attempt=n, p=1.0) for at in range(40) for n in (1, 2, 3)]
    found = foreseen([*voice(0, stop), *heard, *judged])
    assert all(at >= stop for what, at in found if what == "commit")
    openings = [what for what, _ in found if what != "commit"]
    assert openings == [("eager", "resumed")[at % 2] for at in range(len(openings))]


def test_silence_counts_by_its_logarithm() -> None:
    frame = CoreFrame(t=0, state="listen", over=0.5, start=0.5, complete=0.5)
    assert signs(frame, 0.5, 3 * FRAME) == pytest.approx((0, 0, 0, 0, math.log(4), 1))
    assert signs(frame, 1.0, -5)[3:5] == (6.0, 0.0)
