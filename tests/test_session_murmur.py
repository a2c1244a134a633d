"""The agent's own backchannels in a whole session: real models, the shipped core, virtual time at fixed costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from test_session import RATE, Conversation, Pcm, converse, engines, silence

from duplex.agent.blueprint import mermaid
from duplex.agent.loader import AgentFileError, load_agent
from duplex.dialogue.backchannel import Backchannel
from duplex.dialogue.events import AGENT_RATE, Commit, Duck, PlayoutStarted, VoiceStarted, Yield
from duplex.graph import run_virtual, to_ticks
from duplex.resources import config_path

pytestmark = pytest.mark.models

STORY = (
    "Last week my sister bought a box of green tea at the market, and",
    "because the man at the stall told her that it was the best of the",
    "whole year, she now wants to know whether the water for her",
    "green tea should be boiling or not.",
)


def told(folder: Path, voice: Callable[[str], Pcm], turns: str) -> Conversation:
    """The story, with pauses of 0.7 s, and what comes of it."""
    parts = [part for text in STORY for part in (voice(text), silence(0.7))]
    user = np.concatenate([silence(0.6), *parts, silence(3)])

    async def main() -> Conversation:
        loaded = await engines(folder, f"llm: smollm2-135m\nturns: {turns}\n")
        try:
            return await converse(loaded, user)
        finally:
            assert loaded.close is not None
            await loaded.close()
            await loaded.lanes.aclose()

    costs = yaml.safe_load(config_path("costs.yaml").read_text(encoding="utf-8"))
    return run_virtual(main, compute="fixed", costs=costs)


def test_a_murmur_is_heard_while_the_caller_goes_on_and_is_no_reply(
    tmp_path: Path, voice: Callable[[str], Pcm]
) -> None:
    came = told(tmp_path, voice, "{backchannels: on}")
    murmurs, (commit,) = came.of(Backchannel), came.of(Commit)
    assert murmurs
    assert all(event.t < commit.t - to_ticks(1.0) for event in murmurs), "the caller went on"
    for event in murmurs:
        first = round(event.t / to_ticks(1.0) * AGENT_RATE)
        assert np.abs(came.agent[first : first + AGENT_RATE].astype(int)).max() > 1_000
        assert any(0 < voiced.t - event.t < to_ticks(1.0) for voiced in came.of(VoiceStarted))
    started = came.of(PlayoutStarted)[0].t
    spoken = came.agent[: round(started / to_ticks(1.0) * AGENT_RATE)]
    assert np.count_nonzero(spoken) < len(murmurs) * AGENT_RATE, "nothing else was heard before the answer"
    assert not came.of(Duck)
    assert not came.of(Yield)
    assert [turn.role for turn in came.history] in (["user"], ["user", "agent"])
    assert not any("hm" in turn.text.lower().split() for turn in came.history)


def test_unless_asked_for_there_is_none(tmp_path: Path, voice: Callable[[str], Pcm]) -> None:
    came = told(tmp_path, voice, "balanced")
    assert not came.of(Backchannel)
    assert "murmurer" not in mermaid(load_agent(tmp_path / "agent.yaml"))
    started = came.of(PlayoutStarted)[0].t
    assert not came.agent[: round((started / to_ticks(1.0) - 0.02) * AGENT_RATE)].any()
    assert len(came.agent) > RATE


def test_without_the_core_nobody_could_know_when(tmp_path: Path) -> None:
    path = tmp_path / "agent.yaml"
    path.write_text("name: test\nturns: {backchannels: on, core: off}\n", encoding="utf-8")
    with pytest.raises(AgentFileError, match="backchannels need the core"):
        load_agent(path)
    path.write_text("name: test\nturns: {backchannels: on}\n", encoding="utf-8")
    assert '"murmurer"' in mermaid(load_agent(path))
