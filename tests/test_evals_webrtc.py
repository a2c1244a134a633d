"""Scenarios over real calls: times are the client's, the path is as bad as was asked for, nothing is left running."""

from __future__ import annotations

import pickle
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import numpy as np
import pytest
from evals_contenders import Beeper
from evals_scenes import scenario
from transport_peers import tone

from duplex.audio.detect import first_audible
from duplex.audio.pcm import Pcm
from duplex.evals.baselines import Baseline, EchoSide
from duplex.evals.drivers import webrtc
from duplex.evals.drivers.client import Order, PlayerMicrophone
from duplex.evals.drivers.floor import measure_floor, probe
from duplex.evals.prepare import Prepared
from duplex.evals.record import RATE, Replay
from duplex.evals.scenario import Channel, Scenario
from duplex.evals.side import Contender, Side
from duplex.evals.timeline import FRAME, Player
from duplex.graph import Clock, Event


def chirp(seconds: float = 0.5) -> Pcm:
    """A sound that is like itself at one shift alone."""
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * (300 * t + 1_200 * t * t)) * 8_000).astype(np.int16)


def shift(sound: Pcm, within: Pcm) -> float:
    """Seconds at which `sound` stands in `within`."""
    found = np.correlate(within.astype(float), sound.astype(float))
    return int(found.argmax()) / RATE


def said(id: str, at: object, seconds: float = 0.5, **rest: Any) -> dict[str, Any]:
    return {"id": id, "kind": "user_speech", "at": at, "dur": seconds, "speech": [[0, seconds]]} | rest


def over_a_call(scene: Scenario, contender: Contender, monkeypatch: pytest.MonkeyPatch) -> Replay:
    """The replay, without its echo floor."""

    async def no_floor(channel: Channel) -> None:
        return None

    monkeypatch.setattr(webrtc, "echo_floor", no_floor)
    audio = {item.id: chirp(item.dur or 0) for item in scene.timeline}

    async def run() -> Replay:
        await contender.load()
        return await webrtc.replay_webrtc(Prepared(scene, audio), contender)

    return anyio.run(run)


class Stamping(EchoSide):
    """An echo that tells when it was given a sound, on its session's clock."""

    def __init__(self, given: list[Pcm]) -> None:
        super().__init__()
        self._given = given

    async def run(self, ready: anyio.Event) -> None:
        await anyio.sleep(0.05)
        await super().run(ready)

    def push(self, pcm: Pcm) -> None:
        super().push(pcm)
        self._given.append(pcm)
        if np.abs(pcm).max() > 1_000 and self._clock is not None:
            self._tell(Event(t=Clock.now(self._clock)))


class Echoing(Baseline):
    def __init__(self) -> None:
        super().__init__("echo")
        self.given: list[Pcm] = []

    @asynccontextmanager
    async def side(self, scenario: Scenario) -> AsyncIterator[Side]:
        yield Stamping(self.given)


def test_both_directions_and_the_sessions_events_are_on_the_clients_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contender = Echoing()
    follows = said("b", {"after": "agent.speech_start", "nth": 1, "offset": 1.0})
    replay = over_a_call(scenario(said("a", 0.5), follows, duration=3.0), contender, monkeypatch)
    assert replay.error == ""
    assert (replay.lane, replay.compute, len(replay.user)) == ("webrtc", "real", 3 * RATE)
    first, second = replay.placed
    for placed in replay.placed:
        near = replay.user[round((placed.start - 0.2) * RATE) : round((placed.start + 1) * RATE)]
        assert shift(chirp(), near) == pytest.approx(0.2, abs=0.0005)
    heard = shift(chirp(), replay.agent[: round(second.start * RATE)])
    assert 0.02 < heard - first.start < 0.3
    # What follows from the agent's speech follows from what the client heard.
    assert second.start == pytest.approx(heard + 1.0, abs=0.03)
    # A frame can be given once its last sample was spoken, and must have been before it is heard again.
    told = min(record.t for record in replay.of("Event"))
    assert first.start + 0.02 < told < heard + 0.02
    sent, lost = (next(iter(replay.of("path"))).payload[key] for key in ("sent", "lost"))
    assert min(sent) > 10
    assert tuple(lost) == (0, 0)
    assert len(contender.given) == pytest.approx(150, abs=5)


def test_a_bad_path_is_as_bad_as_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = {"loss": 0.2, "rtt_ms": 300, "jitter_ms": 40}
    scene = scenario(said("a", 0.3, 2.0), duration=3.0, channel=channel)
    replay = over_a_call(scene, Baseline("echo"), monkeypatch)
    assert replay.error == ""
    onset = first_audible(replay.agent, RATE)
    assert onset is not None
    assert 0.3 + 0.3 < onset < 0.3 + 0.3 + 0.4
    (sent, _), (lost, _) = (next(iter(replay.of("path"))).payload[key] for key in ("sent", "lost"))
    assert 0.1 < lost / sent < 0.3


def test_the_echo_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duplex.evals.drivers.floor.SOUNDS", 6)
    monkeypatch.setattr(webrtc, "_floors", {})

    async def floors() -> tuple[float | None, ...]:
        plain = await webrtc.echo_floor(Channel())
        return (
            plain,
            await webrtc.echo_floor(Channel(rtt_ms=200)),
            await webrtc.echo_floor(Channel(echo_db=-20)),
        )

    plain, longer, again = anyio.run(floors)
    assert plain is not None
    assert longer is not None
    assert 0.02 < plain < 0.3
    assert longer - plain == pytest.approx(0.2, abs=0.1)
    assert again == plain


def test_a_floor_is_the_median_from_onset_to_onset() -> None:
    prepared, _ = probe(Channel(rtt_ms=100))
    user = prepared.audio["sounds"]
    late = np.concatenate([np.zeros(round(0.123 * RATE), np.int16), user])[: len(user)]
    assert measure_floor(user, late) == pytest.approx(0.123, abs=1e-3)
    late[: len(late) // 3] = 0
    assert measure_floor(user, late) == pytest.approx(0.123, abs=1e-3)
    assert measure_floor(user, np.zeros_like(user)) is None
    assert len(probe(Channel(rtt_ms=10_000, jitter_ms=5_000))[0].audio["sounds"]) < 60 * RATE


@pytest.mark.parametrize(
    ("id", "why"), [("raises", "ValueError: it broke"), ("ends", "ended the conversation")]
)
def test_an_agent_that_gives_up_fails_its_scenario(
    id: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay = over_a_call(scenario(said("a", 0.5), id=id, duration=4.0), Beeper(), monkeypatch)
    assert why in replay.error
    assert 0.5 < len(replay.agent) / RATE < 3.5


def test_a_callers_fault_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = scenario(said("a", {"after": "nobody.end"}))
    replay = over_a_call(scene, Baseline("never"), monkeypatch)
    assert "nobody" in replay.error


def client(*, order: Order | None) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", webrtc._CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    if order is not None:
        process.stdin.write(pickle.dumps(order))
        process.stdin.flush()
    return process


def test_a_caller_ends_with_who_started_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        order = Order(f"http://127.0.0.1:{silent.getsockname()[1]}", scenario(duration=60), {})
        process = client(order=order)
        assert process.stdin is not None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(4)
        process.stdin.close()
        assert process.wait(10) == 1
        assert process.stdout is not None
        process.stdout.close()


def test_nobody_to_call() -> None:
    with client(order=Order("http://127.0.0.1:9", scenario(duration=60), {})) as process:
        assert process.stdout is not None
        line, _, answer = process.stdout.read().partition(b"\n")
        assert line == b"nan"
        assert pickle.loads(answer).startswith("CallError: http://127.0.0.1:9")


def test_what_a_stalled_microphone_missed_is_missing_and_all_else_in_its_place() -> None:
    scene = scenario(said("a", 0.0, 1.0), duration=1.0)
    microphone = PlayerMicrophone(Player(scene, {"a": tone(1.0, RATE)}, RATE))
    for number in range(3):
        assert not microphone.frame().any()
        microphone.sent(5.0 + 0.02 * number + 0.001 * (3 - number), 0.02 * number)
    zero = microphone.begin(lambda start, end: np.zeros(round((end - start) * RATE), np.int16))
    assert zero == pytest.approx(5.001 + 0.02 * (3 + 5) - 0.02)
    place, sent = 0.06, []
    while not microphone.over.is_set():
        sent.append((round(place / 0.02) - 8, microphone.frame()))
        microphone.sent(5.0 + place + 0.001, place)
        place += 0.02 if len(sent) != 20 else 0.1
    whole = tone(1.0, RATE)
    assert microphone.stalled == 4
    assert len(microphone.frames) == 50
    for number, frame in sent:
        if 0 <= number < 50:
            said_at = 15 if number == 19 else number  # it was spoken before the stall, and left after it
            assert np.array_equal(frame, whole[said_at * FRAME :][:FRAME])
    assert [at for at, frame in enumerate(microphone.frames) if not frame.any()] == [16, 17, 18, 19]
