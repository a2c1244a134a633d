"""When tools are asked while the user speaks, as tables; and what must hold whatever is heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.dialogue.speculation import (
    Action,
    Arrived,
    Ask,
    Drop,
    Ended,
    Input,
    Look,
    Policy,
    Speculation,
    SpeculationSettings,
    Use,
    WentOn,
)

SECOND = 48_000


def look(at: float, best: str, margin: float = 0.0, end: bool = False) -> Look:
    kind = Ended if end else Look
    return kind(round(at * SECOND), f"words until {at:g}", tuple(best), margin)


def played(settings: SpeculationSettings, *events: Input) -> list[list[Action]]:
    machine = Speculation(settings)
    return [machine.on(event) for event in events]


def test_after_the_end_nothing_is_asked_before_it() -> None:
    got = played(
        SpeculationSettings("end"), look(1, "ab"), look(2, "ab"), look(3, "ab", end=True), Arrived(9, 1)
    )
    assert got == [[], [], [Ask(1, "words until 3")], [Use(1)]]


def test_the_reflector_keeps_the_earliest_query_that_found_the_same() -> None:
    got = played(
        SpeculationSettings("interval", interval=1.0, budget=9),
        look(1.0, "ab"),
        look(1.5, "cb"),
        look(2.0, "cd"),
        Arrived(1, 2),
        look(3.1, "ce"),
        look(3.4, "cf", end=True),
    )
    assert got[:5] == [
        [Ask(1, "words until 1")],
        [],
        [Ask(2, "words until 2")],
        [],
        [Ask(3, "words until 3.1")],
    ]
    assert got[5] == [Drop(1), Drop(3), Use(2)], "its result is already there"


def test_a_document_that_stays_is_asked_for_and_a_new_one_replaces_the_query() -> None:
    got = played(
        SpeculationSettings(settle=2, sure=0.5),
        look(1, "a"),
        look(2, "b"),
        look(3, "b"),
        look(4, "b"),
        look(5, "c", margin=0.6),
        look(6, "c", end=True),
        Arrived(7, 2),
    )
    assert got == [[], [], [Ask(1, "words until 3")], [], [Drop(1), Ask(2, "words until 5")], [], [Use(2)]]


def test_where_the_guess_was_wrong_the_final_words_are_asked() -> None:
    got = played(
        SpeculationSettings(settle=1), look(1, "a"), look(2, "b", end=True), Arrived(3, 1), Arrived(4, 2)
    )
    assert got == [[Ask(1, "words until 1")], [Drop(1), Ask(2, "words until 2")], [], [Use(2)]]


def test_nothing_found_is_asked_for_at_the_end_alone() -> None:
    got = played(SpeculationSettings(settle=1), look(1, ""), look(2, "", end=True))
    assert got == [[], [Ask(1, "words until 2")]]


def test_a_user_who_goes_on_is_listened_to_again() -> None:
    got = played(
        SpeculationSettings(settle=1),
        look(1, "a"),
        look(2, "a", end=True),
        WentOn(3),
        Arrived(4, 1),
        look(5, "b"),
        look(6, "b", end=True),
    )
    assert got == [[Ask(1, "words until 1")], [], [], [], [Drop(1), Ask(2, "words until 5")], []]


def test_the_budget_leaves_the_final_query() -> None:
    events = [look(n, "abcdefgh"[n]) for n in range(6)]
    got = played(SpeculationSettings(settle=1, budget=2), *events, look(7, "z", end=True))
    asked = [action for actions in got for action in actions if isinstance(action, Ask)]
    assert [each.query for each in asked] == ["words until 0", "words until 1", "words until 7"]


looks = st.builds(
    lambda at, best, margin: Look(at, str(at), tuple(best), margin),
    st.integers(0, 10 * SECOND),
    st.text("abc", max_size=3),
    st.floats(0, 1),
)


@given(
    st.sampled_from(["end", "interval", "triggered"]),
    st.integers(0, 4),
    st.lists(looks, max_size=30),
    st.text("abc", max_size=3),
)
def test_whatever_is_heard_one_call_is_used_and_it_stands(
    policy: Policy, budget: int, heard: list[Look], final: str
) -> None:
    machine = Speculation(SpeculationSettings(policy, budget=budget))
    best: dict[int, tuple[str, ...]] = {}
    alive: set[int] = set()

    def take(event: Look) -> None:
        for action in machine.on(event):
            match action:
                case Ask(call):
                    best[call] = event.best
                    alive.add(call)
                case Drop(call):
                    alive.remove(call)

    for event in sorted(heard, key=lambda each: each.t):
        take(event)
        assert machine.asked <= budget
    take(Ended(11 * SECOND, "end", tuple(final)))
    assert len(alive) == 1, "all others are cancelled"
    (call,) = alive
    assert best[call][:1] == tuple(final)[:1]
    assert machine.on(Arrived(12 * SECOND, call)) == [Use(call)]


def test_what_arrives_after_it_was_dropped_changes_nothing() -> None:
    machine = Speculation(SpeculationSettings(settle=1))
    machine.on(look(1, "a"))
    machine.on(look(2, "b", end=True))
    assert machine.on(Arrived(3, 1)) == []
    assert machine.on(Arrived(3, 99)) == []


@pytest.mark.parametrize("policy", ["end", "interval", "triggered"])
def test_a_result_that_is_there_at_the_end_is_used_at_once(policy: Policy) -> None:
    machine = Speculation(SpeculationSettings(policy, settle=1))
    machine.on(look(1, "a"))
    machine.on(Arrived(2, 1))
    used = machine.on(look(3, "a", end=True))
    assert used == ([Ask(1, "words until 3")] if policy == "end" else [Use(1)])
