"""The core in a session's graph: the shipped weights on recorded speech in virtual time, and calls without them."""

from __future__ import annotations

import gc
import json
import tracemalloc
from pathlib import Path

import anyio
import numpy as np
import pytest
import soxr

from duplex.agent.anticipating import RELIANCE, limited, load_controller, load_reliance, save_reliance
from duplex.audio.pcm import Pcm
from duplex.audio.wav import read_speech
from duplex.core.runtime import DuplexCore
from duplex.core.streams.layout import AGENT_WORDS, DECISION, FRAME_SAMPLES, HINT, STATES, TOOL
from duplex.dialogue.anticipation import CoreFrame, Reliance, Sure
from duplex.dialogue.events import (
    Duck,
    Heard,
    PlayoutEnded,
    PlayoutStarted,
    ToolEnded,
    ToolStarted,
    Transcript,
    TurnStarted,
    UserAudio,
)
from duplex.dialogue.relay_events import Drafted
from duplex.graph import Event, Graph, In, Lanes, Node, Source, run_virtual
from duplex.llm.drafts import Draft
from duplex.nodes.core import Listener, frame
from duplex.resources import config_path

STEP = 320
KINDS = (
    *(UserAudio, Transcript, TurnStarted, Duck, Heard, PlayoutStarted, PlayoutEnded),
    *(ToolStarted, ToolEnded, Drafted),
)


@pytest.fixture(scope="module")
def core() -> DuplexCore:
    return DuplexCore()


@pytest.fixture(scope="module")
def speech() -> Pcm:
    """Three seconds of a person."""
    pcm = read_speech(Path(__file__).parent / "data" / "asr_ferry.flac", 16_000, 60.0)
    return pcm[: 3 * 16_000]


class Told(Node):
    frames = In(CoreFrame)

    def __init__(self) -> None:
        super().__init__("told")
        self.got: list[CoreFrame] = []
        self.at: list[float] = []

    async def run(self) -> None:
        async for event in self.frames:
            self.got.append(event)
            self.at.append(anyio.current_time())


class Call:
    """A listener with its neighbours, on its own in a graph."""

    def __init__(self, core: DuplexCore, lanes: Lanes) -> None:
        self.user, self.told, self.listener = Source("user", *KINDS), Told(), Listener(core, lanes)
        self.graph = Graph()
        self.graph.connect(self.user.out, self.listener.events, capacity=1_000)
        self.graph.connect(self.listener.frames, self.told.frames)

    def send(self, event: Event) -> None:
        self.user.out.send_nowait(event)

    def hear(self, number: int, pcm: Pcm, agent: Pcm | None = None) -> None:
        """20 ms of both sides."""
        self.listener.played(np.zeros(480, np.int16) if agent is None else agent)
        self.send(UserAudio(t=(number + 1) * 960, pcm=pcm))


def listened(
    core: DuplexCore, speech: Pcm, agent: Pcm | None = None, costs: dict[str, float] | None = None
) -> Told:
    """What the listener tells while it hears the speech and, at 24 kHz, the agent; words come at 1 s."""

    async def main() -> Told:
        async with Lanes() as lanes, anyio.create_task_group() as tasks:
            call = Call(core, lanes)
            tasks.start_soon(call.graph.run)
            for number in range(len(speech) // STEP):
                if number == 50:
                    call.send(TurnStarted(t=0, turn=1, onset=1))
                    call.send(Transcript(t=0, turn=1, text="when does the", stable=2))
                played = None if agent is None else agent[480 * number : 480 * (number + 1)]
                call.hear(number, speech[STEP * number : STEP * (number + 1)], played)
                await anyio.sleep(0.02)
            await anyio.sleep(1)
            tasks.cancel_scope.cancel()
        return call.told

    return run_virtual(main, compute="fixed", costs=costs or {"core": 0.001})


def test_every_80_ms_are_told_as_the_core_itself_tells_them(core: DuplexCore, speech: Pcm) -> None:
    told = listened(core, speech)
    assert [event.t for event in told.got] == [3_840 * (i + 1) for i in range(len(speech) // FRAME_SAMPLES)]
    session, silent = core.session(), np.zeros(FRAME_SAMPLES, np.int16)
    for number, event in enumerate(told.got):
        if number == 12:  # the frame in which they came
            session.streams.hear(("when", "does", "the"), 2)
        session.streams.token(DECISION, 0)
        session.offer(speech[number * FRAME_SAMPLES : (number + 1) * FRAME_SAMPLES], silent)
        core.step()
        assert session.output is not None
        assert event == frame(event.t, session.output)
    assert max(event.user for event in told.got) > 0.9, "there is a voice"


def test_late_frames_are_merged_and_do_not_queue_up(core: DuplexCore, speech: Pcm) -> None:
    told = listened(core, speech, costs={"core": 0.3})
    steps = len(speech) / 16_000 / 0.3
    assert steps - 2 <= len(told.got) <= steps + 3
    late = [at - event.t / 48_000 - told.at[0] for at, event in zip(told.at, told.got, strict=True)]
    assert max(late) <= 0.62 - told.got[0].t / 48_000, "never by more than a step and what waited for it"


def test_the_agents_own_voice_is_known_for_an_echo(core: DuplexCore, speech: Pcm) -> None:
    """The same sound in the user's channel, 120 ms later and softer: with the agent's channel it is no user."""
    agent = np.clip(soxr.resample(speech.astype(np.float32), 16_000, 24_000), -32_768, 32_767).astype(
        np.int16
    )
    late = np.concatenate([np.zeros(1_920, np.int16), speech])[: len(speech)]
    echo = (late * 0.1).astype(np.int16)
    with_it, without = listened(core, echo, agent), listened(core, echo)
    voiced = [at for at, event in enumerate(without.got) if event.user > 0.7]
    assert len(voiced) > 10
    assert np.mean([with_it.got[at].user for at in voiced]) < 0.3


def test_both_channels_begin_together(core: DuplexCore) -> None:
    """Of an agent's click in the third 20 ms of a frame the core hears the same place."""
    heard: list[Pcm] = []

    async def main() -> None:
        async with Lanes() as lanes, anyio.create_task_group() as tasks:
            call = Call(core, lanes)
            session = call.listener._session
            offer = session.offer
            session.offer = lambda user, agent: (heard.append(agent), offer(user, agent))[1]  # type: ignore[method-assign]
            tasks.start_soon(call.graph.run)
            for number in range(12):
                agent = np.zeros(480, np.int16)
                agent[240] = 20_000 if number == 6 else 0
                call.hear(number, np.zeros(STEP, np.int16), agent)
                await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()

    run_virtual(main)
    played = np.concatenate(heard)
    assert abs(int(np.abs(played).argmax()) - (6 * STEP + 160)) <= 12  # the filter's own delay is .65 ms
    assert abs(int(played.astype(np.int32).sum()) - 20_000 * 2 // 3) < 200, "the level is kept"


def happened(core: DuplexCore, happens: dict[int, Event]) -> list[tuple[str, int | str]]:
    """What the core is told by stream in six frames; events come before the 20 ms of these numbers."""

    async def main() -> list[tuple[str, int | str]]:
        told: list[tuple[str, int | str]] = []
        async with Lanes() as lanes, anyio.create_task_group() as tasks:
            call = Call(core, lanes)
            streams = call.listener._session.streams
            streams.word = lambda stream, text: told.append((stream, text))  # type: ignore[method-assign]
            streams.token = lambda stream, value: told.append((stream, value))  # type: ignore[method-assign]
            tasks.start_soon(call.graph.run)
            for number in range(24):
                if number in happens:
                    call.send(happens[number])
                call.hear(number, np.zeros(STEP, np.int16))
                await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()
        return told

    return run_virtual(main)


def test_what_the_agent_says_and_does_is_told_to_the_core(core: DuplexCore) -> None:
    told = happened(
        core,
        {
            4: PlayoutStarted(t=0, attempt=0),
            5: Heard(t=0, attempt=0, text="It is"),
            9: Heard(t=0, attempt=0, text="It is deep"),
            13: PlayoutEnded(t=0, attempt=0, heard="It is deep", interrupted=True),
        },
    )
    assert [text for stream, text in told if stream == AGENT_WORDS] == ["It", "is", "deep"]
    start, stopped = (1 + STATES.index(name) for name in ("start", "yield"))
    decided = [value for stream, value in told if stream == DECISION]
    assert decided == [0, 0, start, start, stopped, stopped], "known before the frame in which it counts"


def test_what_the_slow_path_does_is_told_to_the_core(core: DuplexCore) -> None:
    told = happened(
        core,
        {
            0: ToolStarted(t=0, attempt=0, call="c1", name="search"),
            4: Drafted(t=0, turn=1, words="", draft=Draft("The deepest lake", "evidence")),
            8: ToolEnded(t=0, attempt=0, call="c1", name="search", result="Baikal"),
            17: PlayoutStarted(t=0, attempt=0),
        },
    )
    assert [value for stream, value in told if stream == TOOL] == [0, 1, 1, 2, 2, 0]
    assert [text for stream, text in told if stream == HINT] == ["The", "deepest", "lake"]


def test_sessions_that_wait_are_stepped_by_one_call(core: DuplexCore, speech: Pcm) -> None:
    rows: list[int] = []
    step = core.step

    def counted() -> int:
        rows.append(step())
        return rows[-1]

    async def main() -> list[Told]:
        async with Lanes() as lanes, anyio.create_task_group() as tasks:
            calls = [Call(core, lanes) for _ in range(3)]
            for call in calls:
                tasks.start_soon(call.graph.run)
            for number in range(48):
                for call in calls:
                    call.hear(number, speech[STEP * number : STEP * (number + 1)])
                await anyio.sleep(0.02)
            await anyio.sleep(0.1)
            tasks.cancel_scope.cancel()
        return [call.told for call in calls]

    core.step = counted  # type: ignore[method-assign]
    try:
        told = run_virtual(main, compute="fixed", costs={"core": 0.001})
    finally:
        del core.step  # type: ignore[method-assign]
    assert [row for row in rows if row] == [3] * 12
    assert told[0].got == told[1].got == told[2].got
    assert len(told[0].got) == 12


def test_a_core_that_fails_is_not_asked_again_and_the_call_goes_on(
    core: DuplexCore, speech: Pcm, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    def fails() -> int:
        asked.append(1)
        raise RuntimeError("no memory")

    core.step = fails  # type: ignore[method-assign]
    try:
        told = listened(core, speech)
    finally:
        del core.step  # type: ignore[method-assign]
        core.step()  # what waited
    assert told.got == []
    assert len(asked) == 1
    assert "no memory" in caplog.text


def test_memory_is_flat_over_a_call(core: DuplexCore, speech: Pcm) -> None:
    async def main() -> list[int]:
        sizes = []
        async with Lanes() as lanes, anyio.create_task_group() as tasks:
            call = Call(core, lanes)
            call.told.got = call.told.at = NoList()  # type: ignore[assignment]
            tasks.start_soon(call.graph.run)
            pieces = speech[: len(speech) // STEP * STEP].reshape(-1, STEP)
            for number in range(5_000):  # 100 s
                call.hear(number, pieces[number % len(pieces)])
                await anyio.sleep(0.02)
                if number in (1_000, 4_999):
                    gc.collect()
                    sizes.append(_of_duplex(tracemalloc.take_snapshot()))
            tasks.cancel_scope.cancel()
        return sizes

    tracemalloc.start()
    try:
        before, after = run_virtual(main, compute="fixed", costs={"core": 0.001})
    finally:
        tracemalloc.stop()
    assert after - before < 30_000


def _of_duplex(snapshot: tracemalloc.Snapshot) -> int:
    """Bytes that were allocated in the project's own code; threads of other tests' libraries come and go."""
    ours = snapshot.filter_traces([tracemalloc.Filter(True, "*/duplex/*")])
    return sum(each.size for each in ours.statistics("filename"))


class NoList(list[object]):
    def append(self, _: object) -> None: ...


def test_without_usable_files_the_rules_decide_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_controller("off") is None
    assert not caplog.text
    assert load_controller("full", tmp_path) is None
    assert RELIANCE in caplog.text
    for name in ("frame.onnx", "words.onnx"):
        (tmp_path / name).write_bytes(config_path(f"core/{name}").read_bytes())
    (tmp_path / RELIANCE).write_text("{}", encoding="utf-8")
    caplog.clear()
    assert load_controller("full", tmp_path) is None
    assert "does not say how far" in caplog.text
    save_reliance(tmp_path / RELIANCE, Reliance(), {})
    assert load_controller("full", tmp_path) is not None
    (tmp_path / "frame.onnx").write_bytes(b"broken")
    assert load_controller("full", tmp_path) is None


WHOLE = Reliance(
    (1.0, 0.0, 0.5, 1.0, 0.25, -2.0), {"turn": Sure(0.6, 2), "echo": Sure(0.5, 1)}, Sure(0.8, 4), 0.9
)


def test_a_reliance_comes_back_as_it_was_written(tmp_path: Path) -> None:
    for reliance in (Reliance(), WHOLE):
        save_reliance(tmp_path / RELIANCE, reliance, {"validation": {"turns": 3}})
        assert load_reliance(tmp_path / RELIANCE) == reliance


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": [1, 2]},
        {"weights": ["1"] * 6},
        {"weights": [float("nan")] * 6},
        {"overlaps": {"cough": {"p": 0.5, "frames": 1}}},
        {"overlaps": {"turn": 0.5}},
        {"again": {"p": 0.5}},
        {"ignore": True},
    ],
)
def test_a_reliance_that_is_none_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    whole: dict[str, object] = {"weights": None, "overlaps": {}, "again": None, "ignore": None}
    path = tmp_path / RELIANCE
    path.write_text(json.dumps({"reliance": whole | wrong}), encoding="utf-8")
    with pytest.raises(ValueError, match="relied on"):
        load_reliance(path)


def test_modes_take_their_part_of_it() -> None:
    assert limited(WHOLE, "full") == WHOLE
    assert limited(WHOLE, "ends") == Reliance(weights=WHOLE.weights)
    assert limited(WHOLE, "voices") == Reliance(None, WHOLE.overlaps, WHOLE.again, WHOLE.ignore)
