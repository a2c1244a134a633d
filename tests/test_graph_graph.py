"""Graphs: what is refused before they run, how they run, crash, restart and end, and what they log."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import anyio
import numpy as np
import pytest
from numpy.typing import NDArray

from duplex.graph import (
    Action,
    CancelTimer,
    Event,
    Graph,
    GraphError,
    In,
    Lanes,
    MachineNode,
    Node,
    Out,
    Overflow,
    Priority,
    Restart,
    SetTimer,
    Sink,
    Source,
    TimerFired,
    run_virtual,
    to_ticks,
)
from duplex.graph.log import line


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Event):
    text: str = ""


class Shout(Word):
    """A kind of word."""


class Noise(Event):
    """Not a word."""


class Echo(Node):
    heard = In(Word)
    said = Out(Word)

    async def run(self) -> None:
        async for word in self.heard:
            await self.said.send(word)


class Mixer(Echo):
    """An echo with one input more than it needs."""

    extra = In(Noise, optional=True)
    louder = Out(Shout)


class Feeder(Node):
    """Sends its words, one each 20 ms, and ends."""

    out = Out(Word)

    def __init__(self, *words: str) -> None:
        super().__init__()
        self.words = words

    async def run(self) -> None:
        for text in self.words:
            await self.clock.sleep(0.02)
            await self.out.send(Word(t=self.clock.now(), text=text))


def unconnected(graph: Graph) -> None:
    graph.add(Echo("b"))


def wrong_type(graph: Graph) -> None:
    graph.connect(Source("a", Noise).out, Echo("b").heard)


def too_wide(graph: Graph) -> None:
    graph.connect(Source("a", Event).out, Mixer("b").heard)


def only_what_is_not_sent(graph: Graph) -> None:
    graph.connect(Source("a", Noise).out, Mixer("b").heard, only=Word)


def same_names(graph: Graph) -> None:
    source = Source("a", Word)
    graph.connect(source.out, Echo("b").heard)
    graph.connect(source.out, Echo("b").heard)


def cycle(graph: Graph) -> None:
    a, b = Echo("a"), Echo("b")
    graph.connect(a.said, b.heard)
    graph.connect(b.said, a.heard)


def own_cycle(graph: Graph) -> None:
    a = Echo("a")
    graph.connect(a.said, a.heard)


def blocking_feedback(graph: Graph) -> None:
    a = Echo("a")
    graph.connect(a.said, a.heard, feedback=True, overflow=Overflow.BLOCK)


def stray_port(graph: Graph) -> None:
    graph.connect(Out(Word, name="nowhere"), Echo("b").heard)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (unconnected, "b.heard: this input is not connected"),
        (wrong_type, "a.out → b.heard: b.heard does not take Noise, only Word"),
        (too_wide, "a.out → b.heard: b.heard does not take Event, only Word"),
        (only_what_is_not_sent, "a.out: does not send Word, which the edge to b.heard is for"),
        (same_names, "b: 2 nodes have this name"),
        (cycle, "a.said → b.heard, b.said → a.heard: a cycle without a feedback edge"),
        (own_cycle, "a.said → a.heard: a cycle without a feedback edge"),
        (blocking_feedback, "a.said → a.heard: a feedback edge may not block: its cycle could stand still"),
        (stray_port, "nowhere: its node is not in the graph"),
    ],
)
def test_what_is_refused(build: Callable[[Graph], None], message: str) -> None:
    graph = Graph()
    build(graph)
    with pytest.raises(GraphError) as error:
        graph.check()
    assert str(error.value).splitlines() == [message]


def test_everything_wrong_is_said_at_once() -> None:
    graph = Graph()
    unconnected(graph)
    cycle(graph)
    with pytest.raises(GraphError) as error:
        graph.check()
    assert len(str(error.value).splitlines()) == 3  # the name b is there twice as well


def test_two_cycles_through_one_node_are_both_found() -> None:
    a, b, c = Echo("a"), Echo("b"), Echo("c")
    graph = Graph()
    for one, other in ((a, b), (b, a), (b, c), (c, b)):
        graph.connect(one.said, other.heard)
    with pytest.raises(GraphError) as error:
        graph.check()
    assert len(str(error.value).splitlines()) == 2


def test_a_finite_graph_ends_by_itself() -> None:
    got: list[str] = []
    feeder, echo = Feeder("one", "two"), Mixer("echo")
    sink = Sink("sink", Word, call=lambda event: got.append(event.text))  # type: ignore[attr-defined]
    graph = Graph()
    graph.connect(feeder.out, echo.heard)
    graph.connect(echo.said, sink.into)
    graph.connect(echo.louder, sink.into)
    run_virtual(graph.run)
    assert got == ["one", "two"]
    figures = graph.statistics()["feeder.out → echo.heard"]
    assert (figures.sent, figures.received, figures.dropped, figures.depth) == (2, 2, 0, 0)
    with pytest.raises(GraphError, match="runs once"):
        run_virtual(graph.run)


def test_a_cycle_with_feedback_ends_with_its_source() -> None:
    """Collatz by going in circles: what one event leads to comes back to the node that made it."""

    class Step(Node):
        seed = In(Word)
        again = Out(Word)

        async def run(self) -> None:
            async for word in self.seed:
                seen.append(n := int(word.text))
                if n > 1:
                    await self.again.send(Word(t=0, text=str(n // 2 if n % 2 == 0 else 3 * n + 1)))

    seen: list[int] = []
    feeder, step = Feeder("6"), Step()
    graph = Graph()
    graph.connect(feeder.out, step.seed)
    graph.connect(step.again, step.seed, feedback=True)
    run_virtual(graph.run)
    assert seen == [6, 3, 10, 5, 16, 8, 4, 2, 1]


def test_ports_belong_to_their_instance() -> None:
    one, other = Mixer("one"), Mixer("other")
    assert one.heard is one.heard
    assert one.heard is not other.heard
    assert [str(port) for port in one.ports()] == ["one.heard", "one.said", "one.extra", "one.louder"]
    assert one.extra.optional
    assert repr(one.said) == "<Out one.said: Word>"


class Faulty(Node):
    out = Out(Word)

    def __init__(self, crashes: int) -> None:
        super().__init__()
        self.crashes = crashes
        self.starts: list[int] = []

    async def run(self) -> None:
        self.starts.append(self.clock.now())
        if len(self.starts) <= self.crashes:
            raise ValueError(f"crash {len(self.starts)}")
        await self.out.send(Word(t=self.clock.now(), text="at last"))


class Lasting(Faulty):
    restart = Restart(times=2, within=10, backoff=0.5)


class Bystander(Node):
    """Waits forever, and needs a moment to clean up."""

    cleaned = False

    async def run(self) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(1)
            self.cleaned = True


def test_a_crash_cancels_the_others_cleanly_and_is_raised() -> None:
    bystander = Bystander()
    with pytest.raises(ExceptionGroup) as caught:
        run_virtual(Graph([bystander, Faulty(1)]).run)
    (error,) = caught.value.exceptions
    assert isinstance(error, ValueError)
    assert error.__notes__ == ["in node 'faulty', crash 1"]
    assert bystander.cleaned


def test_a_node_restarts_as_it_declares(caplog: pytest.LogCaptureFixture) -> None:
    node, got = Lasting(2), []
    graph = Graph()
    graph.connect(node.out, Sink("sink", Word, call=got.append).into)
    run_virtual(graph.run)
    assert node.starts == [0, to_ticks(0.5), to_ticks(1.5)]
    assert len(got) == 1
    told = [record.levelname for record in caplog.records if record.name.startswith("duplex")]
    assert told == ["WARNING", "WARNING"]


def test_a_node_that_crashes_too_often_ends_the_graph() -> None:
    node = Lasting(3)
    with pytest.raises(ExceptionGroup) as caught:
        run_virtual(Graph([node]).run)
    assert "crash 3" in str(caught.value.exceptions[0])
    assert len(node.starts) == 3


@pytest.mark.parametrize(
    ("crashes", "delay"),
    [
        ([0.0], 0.5),
        ([0.0, 1.0], 1.0),
        ([0.0, 1.0, 2.0], None),
        ([0.0, 1.0, 10.5], 1.0),
        ([0.0, 1.0, 20.0], 0.5),
    ],
)
def test_the_restart_window_slides(crashes: list[float], delay: float | None) -> None:
    policy = Restart(times=2, within=10, backoff=0.5)
    assert policy.delay([to_ticks(t) for t in crashes], to_ticks(crashes[-1])) == delay


def test_leaving_the_context_stops_the_nodes() -> None:
    got: list[Event] = []
    source, bystander = Source("source", Word), Bystander()
    graph = Graph([bystander])
    graph.connect(source.out, Sink("sink", Word, call=got.append).into)

    async def main() -> None:
        async with graph:
            source.out.send_nowait(Shout(t=0, text="hey"))
            await anyio.sleep(1)
        source.out.send_nowait(Word(t=0, text="nobody reads this"))

    run_virtual(main)
    assert len(got) == 1
    assert bystander.cleaned
    assert graph.statistics()["source.out → sink.into"].dropped == 1


def test_a_source_can_be_closed_from_outside() -> None:
    got: list[Event] = []
    source = Source("source", Word)
    graph = Graph()
    graph.connect(source.out, Sink("sink", Word, call=got.append).into)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(graph.run)
            await anyio.sleep(1)
            source.out.send_nowait(Word(t=0))
            source.close()

    run_virtual(main)
    assert len(got) == 1


class Patience:
    """Says "still there?" when no word came for a second, and "bye" at the third time."""

    def __init__(self) -> None:
        self.asked = 0
        self.seen: list[Event] = []

    def on(self, event: Event) -> list[Action]:
        self.seen.append(event)
        if isinstance(event, TimerFired):
            self.asked += 1
            if self.asked == 3:
                return [Word(t=event.t, text="bye"), CancelTimer("wait"), CancelTimer("unknown")]
            return [Word(t=event.t, text="still there?"), SetTimer("wait", event.t + to_ticks(1))]
        if isinstance(event, Word) and event.text == "stop":
            return [CancelTimer("wait")]
        return [SetTimer("wait", event.t + to_ticks(1))]


def patience(send: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """What the machine says, and when, to words sent at the given seconds."""
    got: list[tuple[float, str]] = []
    machine = MachineNode(Patience(), "patience", takes=(Word,), gives=(Word,))

    class Speaker(Node):
        out = Out(Word)

        async def run(self) -> None:
            for at, text in send:
                await self.clock.sleep_until(to_ticks(at))
                await self.out.send(Word(t=self.clock.now(), text=text))

    graph = Graph()
    graph.connect(Speaker().out, machine.events)
    sink = Sink("sink", Word, call=lambda event: got.append((machine.clock.now() / 48_000, event.text)))  # type: ignore[attr-defined]
    graph.connect(machine.actions, sink.into)
    run_virtual(graph.run)
    return got


@pytest.mark.parametrize(
    ("send", "expected"),
    [
        ([], []),
        ([(0.5, "hi")], [(1.5, "still there?"), (2.5, "still there?"), (3.5, "bye")]),
        ([(0.5, "hi"), (1.0, "so"), (1.5, "stop")], []),
        ([(0.5, "hi"), (1.2, "so"), (2.1, "stop")], []),
        ([(0.0, "hi"), (1.5, "stop")], [(1.0, "still there?")]),
    ],
)
def test_a_machine_with_timers(send: list[tuple[float, str]], expected: list[tuple[float, str]]) -> None:
    assert patience(send) == expected


def test_a_timer_moved_while_it_waited_does_not_fire() -> None:
    """Both come due in the same moment: the word is first, and moves the timer that stands behind it."""
    machine = Patience()
    node = MachineNode(machine, "patience", takes=(Word,), gives=(Word,))
    source = Source("source", Word)
    graph = Graph()
    graph.connect(source.out, node.events)

    async def main() -> None:
        async with graph:
            source.out.send_nowait(Word(t=0, text="hi"))
            just_before = 1 - 5e-10  # within the loop's resolution of the timer, so both are due in one go
            asyncio.get_running_loop().call_at(
                just_before, source.out.send_nowait, Word(t=to_ticks(1), text="so")
            )
            await anyio.sleep(1.9)

    run_virtual(main)
    assert [type(event) for event in machine.seen] == [Word, Word]


class Mood(Enum):
    GOOD = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rich(Event):
    pcm: NDArray[np.int16] = field(repr=False)
    mood: Mood = Mood.GOOD
    words: tuple[str, ...] = ("é", "b")
    flags: frozenset[str] = frozenset({"y", "x"})
    raw: bytes = b"abc"
    more: dict[str, float] = field(default_factory=lambda: {"b": 0.1, "a": 1e-9})


def test_a_log_line_is_stable_json() -> None:
    event = Rich(t=5, pcm=np.arange(4, dtype=np.int16))
    text = line("a.out → b.in", 7, event)
    assert text == line("a.out → b.in", 7, Rich(t=5, pcm=np.arange(4, dtype=np.int16)))
    assert text != line("a.out → b.in", 7, Rich(t=5, pcm=np.arange(1, 5, dtype=np.int16)))
    entry = json.loads(text)
    assert list(entry) == sorted(entry)
    assert (entry["edge"], entry["at"], entry["t"], entry["type"]) == ("a.out → b.in", 7, 5, "Rich")
    assert entry["mood"] == "GOOD"
    assert entry["flags"] == ["x", "y"]
    assert entry["pcm"]["shape"] == [4]


class Worker(Node):
    """Computes on every word for real, in parallel, so that only virtual time decides the order of results."""

    words = In(Word)
    done = Out(Word)

    def __init__(self, lanes: Lanes, seed: int) -> None:
        super().__init__()
        self.lanes, self.random = lanes, random.Random(seed)

    async def run(self) -> None:
        async with anyio.create_task_group() as tasks:
            async for word in self.words:
                tasks.start_soon(self.compute, word, self.random.choice(list(Priority)))

    async def compute(self, word: Word, priority: Priority) -> None:
        length = await self.lanes.heavy(priority, self.burn, word.text, name=priority.name)
        await self.done.send(Word(t=self.clock.now(), text=f"{word.text}:{length}"))

    def burn(self, text: str) -> int:
        return sum(range(self.random.randrange(20_000))) * 0 + len(text)


def logged(seed: int) -> bytes:
    """The event log of a graph with parallel computing, as bytes."""
    lines: list[str] = []
    costs = {priority.name: 0.013 * (priority + 1) for priority in Priority}

    async def main() -> None:
        async with Lanes() as lanes:
            worker = Worker(lanes, seed)
            machine = MachineNode(Patience(), "patience", takes=(Word,), gives=(Word,))
            graph = Graph(log=lines.append)
            feeder = Feeder(*(f"word{random.Random(seed).random()}{i}" for i in range(60)))
            graph.connect(feeder.out, worker.words, overflow=Overflow.DROP_OLDEST, capacity=4)
            graph.connect(worker.done, machine.events)
            graph.connect(machine.actions, Sink("sink", Word, call=lambda event: None).into)
            await graph.run()

    run_virtual(main, compute="fixed", costs=costs, workers=3)
    return "\n".join(lines).encode()


def test_equal_runs_log_equal_bytes() -> None:
    first = logged(1)
    assert first.count(b"\n") > 100
    assert all(logged(1) == first for _ in range(4))
    assert logged(2) != first


def test_mermaid() -> None:
    a, b = Echo("a"), Mixer("b")
    graph = Graph()
    graph.connect(Source("mic", Word, Noise).out, a.heard, only=Word)
    graph.connect(a.said, b.heard)
    graph.connect(b.said, a.heard, feedback=True)
    graph.check()
    assert graph.mermaid().splitlines() == [
        "flowchart LR",
        '    n0["mic"]',
        '    n1["a"]',
        '    n2["b"]',
        '    n0 -->|"Word"| n1',
        '    n1 -->|"Word"| n2',
        '    n2 -.->|"Word"| n1',
    ]
