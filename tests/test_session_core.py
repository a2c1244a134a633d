"""The core in whole sessions: real models and the shipped weights in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import numpy as np
import pytest
import soxr
from test_session import RATE, Pcm, engines, silence, talk

from duplex.agent.blueprint import mermaid
from duplex.agent.loader import load_agent
from duplex.agent.session import Session
from duplex.dialogue.anticipation import CoreFrame
from duplex.dialogue.events import Commit, EndProbability, OverlapClass, PlayoutEnded, PlayoutStarted, Yield
from duplex.graph import Event, run_virtual

pytestmark = pytest.mark.models

TEXT = "llm: smollm2-135m\n"
FULL = f"{TEXT}turns: {{core: full}}\n"
STORY = (
    "Tea is older than all the books about it. It was first drunk as a medicine, and only much later for pleasure. "
    "Today it is drunk in nearly every country."
)


def test_a_question_is_answered_and_the_core_has_its_say(tmp_path: Path, voice: Callable[[str], Pcm]) -> None:
    user = np.concatenate([silence(0.5), voice("What temperature is best for green tea?"), silence(4)])
    came = talk(tmp_path, FULL, user)
    frames = came.of(CoreFrame)
    assert len(frames) == pytest.approx(len(user) / RATE / 0.08, abs=2)
    assert max(frame.user for frame in frames) > 0.8  # type: ignore[attr-defined]
    (commit,) = came.of(Commit)
    told = [event for event in came.of(EndProbability) if event.t <= commit.t]
    assert told[-1].p >= 0.5  # type: ignore[attr-defined]
    assert came.of(PlayoutStarted)


def test_switched_off_nothing_of_it_is_there(tmp_path: Path, voice: Callable[[str], Pcm]) -> None:
    user = np.concatenate([silence(0.5), voice("What temperature is best for green tea?"), silence(3)])
    came = talk(tmp_path, f"{TEXT}turns: {{core: off}}\n", user)
    assert not came.of(CoreFrame)
    assert not came.of(OverlapClass)
    # A pause may be judged too, where the machine is quick; the core alone tells of one attempt twice.
    attempts = [event.attempt for event in came.of(EndProbability)]  # type: ignore[attr-defined]
    assert len(set(attempts)) == len(attempts)
    assert [event.attempt for event in came.of(Commit)] == attempts[-1:]  # type: ignore[attr-defined]
    assert "controller" not in mermaid(load_agent(tmp_path / "agent.yaml"))


def echoing(folder: Path, text: str) -> list[Event]:
    """An agent that hears itself 20 dB softer and 120 ms late while it greets."""

    async def main() -> list[Event]:
        loaded = await engines(folder, text)
        session = Session(loaded)
        events: list[Event] = []
        session.subscribe(events.append)
        line = [np.zeros(320, np.int16)] * 6
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.run)
                await session.started.wait()
                for _ in range(12 * 50):
                    heard = session.pull().astype(np.float32)
                    line.append((soxr.resample(heard, 24_000, RATE) * 0.1).astype(np.int16))
                    await anyio.sleep(0.02)
                    session.push(line.pop(0))
                tasks.cancel_scope.cancel()
        finally:
            assert loaded.close is not None
            await loaded.close()
            await loaded.lanes.aclose()
        return events

    return run_virtual(main)


def test_an_echo_does_not_stop_the_agent(tmp_path: Path) -> None:
    came = echoing(tmp_path, f'{FULL}greeting: "{STORY}"\n')
    classes = [event.kind for event in came if isinstance(event, OverlapClass)]
    assert classes, "its own voice was heard"
    assert "turn" not in classes
    (ended,) = [event for event in came if isinstance(event, PlayoutEnded)]
    assert not ended.interrupted
    assert not [event for event in came if isinstance(event, Yield)]
    assert ended.heard.split() == STORY.split()


def test_the_graph_shows_the_core_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text(f"name: test\n{FULL}", encoding="utf-8")
    assert load_agent(path).turns.core == "full"
    drawn = mermaid(load_agent(path))
    assert '"core"' in drawn
    assert '"controller"' in drawn
