"""Whole sessions that begin to speak before they know their answer, with real models in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import numpy as np
import pytest
import yaml

from duplex.agent.engines import load_engines
from duplex.agent.loader import load_agent
from duplex.agent.session import Engines, Session
from duplex.audio.detect import first_audible
from duplex.dialogue.events import Commit, PlayoutEnded, PlayoutStarted, ReplyText, Speech, Transcript
from duplex.dialogue.history import Turn
from duplex.dialogue.relay import Spent
from duplex.dialogue.relay_events import Prefix
from duplex.graph import Event, Lanes, run_virtual
from duplex.resources import config_path

pytestmark = pytest.mark.models

RATE = 16_000
Pcm = np.ndarray[tuple[int], np.dtype[np.int16]]
NOTES = "# Tea\n\nGreen tea should be brewed in water of eighty degrees. Black tea takes four minutes.\n"


def talk(folder: Path, user: Pcm) -> tuple[Pcm, list[Event], tuple[Turn, ...], Spent]:
    """The agent's audio at 24 kHz, the events, the history and what speculation cost."""
    (folder / "notes").mkdir()
    (folder / "notes" / "tea.md").write_text(NOTES, encoding="utf-8")
    (folder / "agent.yaml").write_text("name: test\nknowledge: notes\nrelay: on\n", encoding="utf-8")
    events: list[Event] = []
    heard: list[Pcm] = []

    async def converse(engines: Engines) -> Session:
        session = Session(engines)
        session.subscribe(events.append)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.run)
            await session.started.wait()
            start = anyio.current_time()
            for at in range(0, len(user) - 319, 320):
                await anyio.sleep(start + at / RATE - anyio.current_time())
                session.push(user[at : at + 320])
                heard.append(session.pull())
            tasks.cancel_scope.cancel()
        return session

    async def main() -> Session:
        engines = await load_engines(load_agent(folder / "agent.yaml"), Lanes(), folder / "cache")
        try:
            return await converse(engines)
        finally:
            assert engines.close is not None
            await engines.close()
            await engines.lanes.aclose()

    costs = yaml.safe_load(config_path("costs.yaml").read_text(encoding="utf-8"))
    session = run_virtual(main, compute="fixed", costs=costs)
    assert session.spent is not None
    return np.concatenate(heard), events, session.history.turns, session.spent


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), dtype=np.int16)


def test_an_answer_begins_before_it_is_known_and_is_one_answer(
    tmp_path: Path, voice: Callable[[str], Pcm]
) -> None:
    asked = voice("What temperature is best for green tea?")
    _, events, history, spent = talk(tmp_path, np.concatenate([silence(0.5), asked, silence(6)]))
    (prefix,) = [event for event in events if isinstance(event, Prefix)]
    (final,) = [event for event in events if isinstance(event, Transcript) and event.final]
    (commit,) = [event for event in events if isinstance(event, Commit)]
    (begun,) = [event for event in events if isinstance(event, PlayoutStarted)]
    assert prefix.t <= commit.t <= begun.t < final.t, "it speaks before the final words are there"
    said = [event.text for event in events if isinstance(event, ReplyText) and event.text]
    assert said[0] == prefix.text
    (user, agent) = history
    assert (user.role, agent.role, agent.text) == ("user", "agent", " ".join(said))
    assert "eighty" in agent.text.lower()
    words = [word for event in events if isinstance(event, Speech) for word in event.words]
    assert " ".join(word.text for word in words) == agent.text
    assert [word.start for word in words] == sorted(word.start for word in words)
    (ended,) = [event for event in events if isinstance(event, PlayoutEnded)]
    assert (ended.heard, ended.interrupted) == (agent.text, False)
    assert spent.drafts > 0
    assert spent.used == 1


def test_while_the_user_only_pauses_nothing_of_it_is_heard(
    tmp_path: Path, voice: Callable[[str], Pcm]
) -> None:
    first, second = voice("What is the best temperature of the"), voice("water for green tea?")
    user = np.concatenate([silence(0.5), first, silence(0.7), second, silence(5)])
    audio, events, history, spent = talk(tmp_path, user)
    resumes = 0.5 + len(first) / RATE + 0.7
    heard = first_audible(audio, 24_000)
    assert heard is not None
    assert heard > resumes
    assert not [event for event in events if isinstance(event, Prefix) and event.t / 48_000 < resumes]
    assert [turn.role for turn in history] == ["user", "agent"]
    assert spent.drafts > 0
