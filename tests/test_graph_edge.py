"""Edges keep their order, their bound and their counts; ports keep arrival order over several edges."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.graph import Edge, Event, In, Out, Overflow, run_virtual, to_ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Event):
    n: int = 0


class Other(Event):
    """An event of another type."""


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


pushes_and_pops = st.lists(st.one_of(st.just("push"), st.just("pop"), st.integers(1, 30)), max_size=80)
dropping = st.sampled_from([Overflow.DROP_OLDEST, Overflow.KEEP_LATEST])


@given(pushes_and_pops, st.integers(1, 8), dropping, st.one_of(st.none(), st.integers(0, 40)))
def test_a_dropping_edge(
    steps: list[str | int], capacity: int, overflow: Overflow, age_ms: int | None
) -> None:
    time, sent, got = Time(), 0, []
    edge = Edge(
        "a → b",
        capacity=capacity,
        overflow=overflow,
        max_age=None if age_ms is None else to_ticks(age_ms / 1000),
        time=time,
    )
    for step in steps:
        if isinstance(step, int):
            time.now += step / 1000
        elif step == "push":
            edge.push(Item(t=to_ticks(time.now), n=sent))
            sent += 1
        elif isinstance(event := edge.pop(), Item):
            got.append(event.n)
            if age_ms is not None:
                assert to_ticks(time.now) - event.t <= to_ticks(age_ms / 1000)
            if overflow is Overflow.KEEP_LATEST:
                assert event.n == sent - 1
        figures = edge.statistics()
        assert figures.depth <= edge.capacity
        assert figures.sent == sent == figures.received + figures.dropped + figures.depth
    assert got == sorted(set(got))
    if age_ms is not None:
        assert edge.statistics().max_age <= to_ticks(age_ms / 1000)


@given(st.integers(1, 30), st.integers(1, 10))
def test_drop_oldest_keeps_the_newest(n: int, capacity: int) -> None:
    edge = Edge("a → b", capacity=capacity, overflow=Overflow.DROP_OLDEST, time=Time())
    for i in range(n):
        edge.push(Item(t=0, n=i))
    kept = [event.n for _ in range(capacity) if isinstance(event := edge.pop(), Item)]
    assert kept == list(range(n))[-capacity:]
    assert edge.statistics().max_depth == min(n, capacity)


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(0, 40), st.lists(st.integers(0, 3), max_size=40))
def test_a_blocking_edge_loses_nothing(capacity: int, n: int, pauses: list[int]) -> None:
    out, into = Out(Item), In(Item)
    edge = Edge("a → b", capacity=capacity)
    out.edges.append(edge)
    into.attach(edge)

    async def send() -> None:
        for i in range(n):
            await out.send(Item(t=i, n=i))
        edge.close()

    async def main() -> list[int]:
        got = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            async for item in into:
                got.append(item.n)
                if len(got) <= len(pauses):
                    await anyio.sleep(pauses[len(got) - 1])
        return got

    assert run_virtual(main) == list(range(n))
    figures = edge.statistics()
    assert (figures.dropped, figures.depth, figures.sent) == (0, 0, n)
    assert figures.max_depth <= capacity


def test_after_a_stall_only_what_is_fresh_is_left() -> None:
    time = Time()
    edge = Edge("a → b", capacity=100, overflow=Overflow.DROP_OLDEST, max_age=to_ticks(0.1), time=time)
    for i in range(50):  # the reader stalls for a second of 20 ms frames
        time.now = i * 0.02
        edge.push(Item(t=to_ticks(time.now), n=i))
    assert isinstance(first := edge.pop(), Item)
    assert first.n == 44
    assert edge.statistics().dropped == 44


@given(st.lists(st.integers(0, 2), max_size=40))
def test_several_edges_are_read_in_arrival_order(choices: list[int]) -> None:
    into = In(Item)
    edges = [Edge(f"{i} → b", time=Time()) for i in range(3)]
    for edge in edges:
        into.attach(edge)
    for n, choice in enumerate(choices):
        edges[choice].push(Item(t=0, n=n))
    assert [into.receive_nowait().n for _ in choices] == list(range(len(choices)))
    with pytest.raises(anyio.WouldBlock):
        into.receive_nowait()
    for edge in edges:
        edge.close()
    with pytest.raises(anyio.EndOfStream):
        into.receive_nowait()


def test_an_output_feeds_all_its_edges_or_none() -> None:
    async def main() -> None:
        out = Out(Item)
        out.edges += [Edge("a → b", capacity=1), Edge("a → c", capacity=2)]
        out.send_nowait(Item(t=0))
        with pytest.raises(anyio.WouldBlock):
            out.send_nowait(Item(t=1))
        assert [edge.statistics().sent for edge in out.edges] == [1, 1]

    run_virtual(main)


def test_an_edge_for_some_types_only() -> None:
    async def main() -> None:
        out = Out(Item, Other)
        out.edges.append(Edge("a → b", capacity=1, only=(Item,)))
        out.send_nowait(Other(t=0))
        await out.send(Item(t=1))
        await out.send(Other(t=2))  # the edge is full, but this is not for it
        assert out.edges[0].statistics().sent == 1

    run_virtual(main)


def test_a_reader_that_is_cancelled_loses_nothing() -> None:
    async def main() -> int:
        into, edge = In(Item), Edge("a → b")
        into.attach(edge)
        reader = asyncio.create_task(into.receive())
        await anyio.sleep(1)
        edge.push(Item(t=0, n=7))  # wakes the reader ...
        reader.cancel()  # ... which is cancelled in the same moment
        with pytest.raises(asyncio.CancelledError):
            await reader
        return (await into.receive()).n

    assert run_virtual(main) == 7


def test_senders_go_on_when_the_reader_has_ended() -> None:
    async def main() -> tuple[int, int]:
        out, edge = Out(Item), Edge("a → b", capacity=1)
        out.edges.append(edge)

        async def send() -> None:
            for _ in range(3):
                await out.send(Item(t=0))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            await anyio.sleep(1)
            edge.abandon()
        return edge.statistics().sent, edge.statistics().dropped

    assert run_virtual(main) == (3, 3)


def test_one_sender_at_a_time_gets_the_room() -> None:
    async def main() -> list[int]:
        out, into, edge = Out(Item), In(Item), Edge("a → b", capacity=1)
        out.edges.append(edge)
        into.attach(edge)
        out.send_nowait(Item(t=0, n=0))
        senders = [asyncio.create_task(out.send(Item(t=0, n=n))) for n in (1, 2, 3)]
        await anyio.sleep(1)
        got = [into.receive_nowait().n]  # wakes sender 1 ...
        senders[0].cancel()  # ... which is cancelled in the same moment, and lets sender 2 go
        got += [(await into.receive()).n, (await into.receive()).n]
        await asyncio.wait(senders)
        return got

    assert run_virtual(main) == [0, 2, 3]


def test_two_readers_are_an_error() -> None:
    async def main() -> None:
        into = In(Item)
        into.attach(Edge("a → b"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(into.receive)
            await anyio.sleep(1)
            with pytest.raises(anyio.BusyResourceError):
                await into.receive()
            tasks.cancel_scope.cancel()

    run_virtual(main)


def test_bad_declarations() -> None:
    with pytest.raises(ValueError, match="capacity"):
        Edge("a → b", capacity=0)
    with pytest.raises(ValueError, match="maximum age"):
        Edge("a → b", max_age=10)
    with pytest.raises(TypeError, match="Event types"):
        In(int)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="not Other"):
        Out(Item).send_nowait(Other(t=0))  # type: ignore[arg-type]
