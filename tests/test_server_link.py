"""What becomes of a call as its connections come and go: the machine, as tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.server.link import (
    Action,
    Bind,
    Close,
    Due,
    End,
    Gone,
    Heard,
    HungUp,
    Input,
    Link,
    Offered,
    Park,
    Pulse,
    Quiet,
    State,
    Through,
)

UP: list[tuple[float, Input]] = [(0, Offered("a")), (1, Through("a"))]
LEFT, LOST = End("the caller left"), End("the caller did not come back")


def lost(id: str) -> Gone:
    return Gone(id, left=False)


def bye(id: str) -> Gone:
    return Gone(id, left=True)


def run(inputs: list[tuple[float, Input]]) -> tuple[list[Action], State]:
    link = Link(hold=30)
    return [action for t, event in inputs for action in link.on(t, event)], link.state


@pytest.mark.parametrize(
    ("inputs", "actions", "state"),
    [
        ([(0, Offered("a"))], [], State.WAITING),
        (UP, [Bind("a")], State.CARRIED),
        ([(0, Offered("a")), (30, lost("a"))], [End("the caller never got through")], State.ENDED),
        # An answer that was lost on the way: the caller offers again before anything was up.
        (
            [(0, Offered("a")), (2, Offered("b")), (2, lost("a")), (3, Through("b"))],
            [Close("a"), Bind("b")],
            State.CARRIED,
        ),
        ([*UP, (5, bye("a"))], [Bind("a"), LEFT], State.ENDED),
        ([*UP, (5, HungUp("drain"))], [Bind("a"), End("drain")], State.ENDED),
        ([*UP, (5, Quiet("a"))], [Bind("a"), Park()], State.PARKED),
        ([*UP, (5, Quiet("a")), (6, Heard("a"))], [Bind("a"), Park(), Bind("a")], State.CARRIED),
        # Quiet at 5, ICE gives up at 25: the 30 s count from the silence.
        (
            [*UP, (5, Quiet("a")), (25, lost("a")), (34.9, Due()), (35, Due()), (36, Due())],
            [Bind("a"), Park(), LOST],
            State.ENDED,
        ),
        ([*UP, (5, Quiet("a")), (6, bye("a"))], [Bind("a"), Park(), LEFT], State.ENDED),
        (
            [*UP, (5, lost("a")), (20, Offered("b")), (21, Through("b")), (99, Due())],
            [Bind("a"), Park(), Bind("b"), Close("a")],
            State.CARRIED,
        ),
        # An offer that came in time may get through a little later, or not.
        (
            [*UP, (5, lost("a")), (34, Offered("b")), (36, Due()), (37, Through("b"))],
            [Bind("a"), Park(), Bind("b"), Close("a")],
            State.CARRIED,
        ),
        (
            [*UP, (5, lost("a")), (34, Offered("b")), (36, Due()), (64, lost("b"))],
            [Bind("a"), Park(), LOST],
            State.ENDED,
        ),
        (
            [*UP, (5, lost("a")), (6, Offered("b")), (9, lost("b")), (10, Due())],
            [Bind("a"), Park()],
            State.PARKED,
        ),
        # The old connection is alive until the new one is through, and its goodbye means nothing then.
        (
            [*UP, (5, Offered("b")), (6, Through("b")), (6, bye("a"))],
            [Bind("a"), Bind("b"), Close("a")],
            State.CARRIED,
        ),
        (
            [*UP, (5, Offered("b")), (5.5, bye("a")), (6, Through("b"))],
            [Bind("a"), Park(), Bind("b"), Close("a")],
            State.CARRIED,
        ),
        ([*UP, (5, Offered("b")), (35, lost("b"))], [Bind("a")], State.CARRIED),
        (
            [*UP, (5, Offered("b")), (6, Offered("c")), (6, lost("b")), (7, Through("c"))],
            [Bind("a"), Close("b"), Bind("c"), Close("a")],
            State.CARRIED,
        ),
        # News of connections that no longer matter.
        (
            [*UP, (5, Quiet("x")), (5, Heard("a")), (5, Through("x")), (5, lost("x"))],
            [Bind("a")],
            State.CARRIED,
        ),
        (
            [*UP, (5, Offered("b")), (6, Through("b")), (7, Quiet("a"))],
            [Bind("a"), Bind("b"), Close("a")],
            State.CARRIED,
        ),
    ],
)
def test_a_call_and_its_connections(
    inputs: list[tuple[float, Input]], actions: list[Action], state: State
) -> None:
    assert run(inputs) == (actions, state)


KINDS = st.sampled_from(["offered", "through", "quiet", "heard", "lost", "left", "due"])


def event_of(kind: str, which: int, ids: list[str]) -> Input:
    """An event about one of the connections so far, which are named as they are offered."""
    if kind == "offered" or not ids:
        ids.append(str(len(ids)))
        return Offered(ids[-1])
    id = ids[-1 - which % len(ids)]
    others: dict[str, Input] = {
        "through": Through(id),
        "quiet": Quiet(id),
        "heard": Heard(id),
        "lost": lost(id),
        "left": bye(id),
        "due": Due(),
    }
    return others[kind]


@given(st.lists(st.tuples(st.floats(0, 5), KINDS, st.integers(0, 2)), max_size=40))
def test_whatever_happens(steps: list[tuple[float, str, int]]) -> None:
    """One connection at most carries a call, none that was closed; a call that has ended does nothing more."""
    link, t, ids = Link(hold=10), 0.0, list[str]()
    bound: str | None = None
    closed: set[str] = set()
    for wait, kind, which in steps:
        t += wait
        ended = link.state is State.ENDED
        actions = link.on(t, event_of(kind, which, ids))
        assert not (ended and actions)
        for action in actions:
            if isinstance(action, Bind):
                assert action.id not in closed
                bound = action.id
            elif isinstance(action, Park):
                bound = None
            elif isinstance(action, Close):
                assert action.id != bound
                closed.add(action.id)
        assert (bound is not None) == (link.state is State.CARRIED) or link.state is State.ENDED
    # Nothing can keep a call parked for ever.
    if link.state is State.PARKED:
        for id in ids:
            link.on(t, lost(id))
        link.on(t + 11, Due())
        assert link.state is State.ENDED


def silences(packets: list[int], step: float = 0.5) -> list[float]:
    """At which times the caller seems gone, when `packets` have come by each poll."""
    pulse = Pulse(0.0)
    times = [(i + 1) * step for i in range(len(packets))]
    return [t for t, count in zip(times, packets, strict=True) if not pulse.beat(t, count)]


REGULAR = list(range(25, 25 * 21, 25))
"""Ten seconds of audio."""


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        (REGULAR, []),
        (REGULAR + REGULAR[-1:] * 4, []),
        (REGULAR + REGULAR[-1:] * 6, [12.5, 13.0]),
        # It comes back, and is not suspected again before it has been regular for a while.
        (REGULAR + REGULAR[-1:] * 5 + [600] * 7, [12.5]),
        # Audio makes a client regular soon, even if the last of it is half a beat.
        ([25, 50, 75, 76] + [76] * 6, [4.5, 5.0]),
        ([25, 50] + [50] * 40, []),
        # Setting up the connection is no audio.
        ([20] * 8 + [21] * 9 + [22] * 12, []),
        # A ping a second is regular; reports every few seconds are not, and ICE is left to judge.
        ([i // 2 for i in range(2, 20)] + [9] * 5, [11.0, 11.5]),
        ([i // 8 for i in range(60)] + [7] * 20, []),
        # One that falls silent at once was never regular.
        ([5] + [5] * 40, []),
        ([0] * 40, []),
    ],
)
def test_who_falls_silent(packets: list[int], expected: list[float]) -> None:
    assert silences(packets) == expected


def test_our_own_sleep_is_not_the_callers_silence() -> None:
    pulse = Pulse(0.0)
    assert all(pulse.beat(i / 2, 25 * i) for i in range(1, 20))
    assert pulse.beat(30.0, 475)
    assert pulse.beat(30.5, 475)
    assert pulse.beat(31.5, 475)
    assert not pulse.beat(32.2, 475)
