"""Whole sessions with real models in virtual time: what is said to them, and what comes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import numpy as np
import pytest

from duplex.agent.engines import load_engines
from duplex.agent.loader import load_agent
from duplex.agent.session import Engines, Session
from duplex.audio.detect import first_audible, silent_from
from duplex.dialogue.anticipation import CoreFrame
from duplex.dialogue.events import (
    AgentError,
    Commit,
    Discarded,
    Duck,
    PlayoutEnded,
    PlayoutStarted,
    Transcript,
    Yield,
)
from duplex.dialogue.history import History, Turn
from duplex.graph import Event, Lanes, run_virtual
from duplex.nodes.answerer import Answerer, SameForAll, Sentence

pytestmark = pytest.mark.models

RATE = 16_000
Pcm = np.ndarray[tuple[int], np.dtype[np.int16]]


@dataclass
class Conversation:
    """What came of one: the agent's audio at 24 kHz, the events, the history."""

    agent: Pcm
    events: list[Event]
    history: tuple[Turn, ...]

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def heard(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Transcript) and event.final]

    def answers(self) -> str:
        return " ".join(turn.text for turn in self.history if turn.role == "agent")


async def engines(folder: Path, text: str, answer: Answerer | None = None) -> Engines:
    path = folder / "agent.yaml"
    path.write_text(f"name: test\n{text}", encoding="utf-8")
    loaded = await load_engines(load_agent(path), Lanes(), folder / "cache")
    if answer is not None:
        loaded = replace(loaded, answerer=answer)
    return loaded


async def converse(loaded: Engines, user: Pcm) -> Conversation:
    """Feed 20 ms a virtual 20 ms, and take as much."""
    session = Session(loaded)
    events: list[Event] = []
    session.subscribe(events.append)
    heard: list[Pcm] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(session.run)
        await session.started.wait()
        start = anyio.current_time()
        for at in range(0, len(user) - 319, 320):
            await anyio.sleep(start + at / RATE - anyio.current_time())
            session.push(user[at : at + 320])
            heard.append(session.pull())
        tasks.cancel_scope.cancel()
    return Conversation(np.concatenate(heard), events, session.history.turns)


def talk(folder: Path, text: str, user: Pcm, answer: Answerer | None = None) -> Conversation:
    async def main() -> Conversation:
        loaded = await engines(folder, text, answer)
        try:
            return await converse(loaded, user)
        finally:
            assert loaded.close is not None
            await loaded.close()
            await loaded.lanes.aclose()

    return run_virtual(main)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), dtype=np.int16)


def noise(seconds: float, level: int) -> Pcm:
    return (np.random.default_rng(1).standard_normal(round(seconds * RATE)) * level).astype(np.int16)


TEA = (
    "Green tea should be brewed in water of eighty degrees. Black tea takes four minutes in boiling water.\n"
)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "tea.md").write_text(f"# Tea\n\n{TEA}", encoding="utf-8")
    return tmp_path


def test_a_question_is_answered_aloud(notes: Path, voice: Callable[[str], Pcm]) -> None:
    asked = voice("What temperature is best for green tea?")
    user = np.concatenate([silence(0.5), asked, silence(4)])
    came = talk(notes, "knowledge: notes\n", user)
    assert "eighty" in came.answers().lower(), came.heard()
    end = 0.5 + len(asked) / RATE
    assert first_audible(came.agent, 24_000, after_s=end) is not None
    (commit,) = came.of(Commit)
    assert commit.t / 48_000 < end + 1.6, "the words were complete: no timeout"


def test_what_the_notes_lack_is_not_known(notes: Path, voice: Callable[[str], Pcm]) -> None:
    user = np.concatenate([silence(0.5), voice("Who was the first man on the moon?"), silence(4)])
    came = talk(notes, "knowledge: notes\nunknown: I cannot say.\n", user)
    assert came.answers() == "I cannot say."


def test_silence_says_nothing(notes: Path) -> None:
    came = talk(notes, "knowledge: notes\n", silence(5))
    assert [event for event in came.events if not isinstance(event, CoreFrame)] == []
    assert not came.agent.any()


@pytest.mark.parametrize("level", [100, 4_000])
def test_noise_is_no_turn(notes: Path, level: int) -> None:
    came = talk(notes, "knowledge: notes\n", np.concatenate([noise(5, level), silence(3)]))
    assert came.of(Commit) == []
    assert len(came.of(Discarded)) <= 2
    assert first_audible(came.agent, 24_000) is None


def test_ten_seconds_of_shouting_end_in_one_answer(notes: Path, voice: Callable[[str], Pcm]) -> None:
    shouted = np.tile(voice("Tell me about the tea now, I want to know about the tea!"), 6)[: 10 * RATE]
    loud = np.clip(shouted.astype(np.int32) * 12, -32_768, 32_767).astype(np.int16)
    came = talk(notes, "knowledge: notes\n", np.concatenate([silence(0.5), loud, silence(6)]))
    assert came.of(PlayoutStarted), "an answer came"
    assert came.of(AgentError) == []
    assert all(len(text.split()) < 80 for text in came.heard()), "no endless words"


def test_barge_in_stops_and_keeps_only_heard_words(notes: Path, voice: Callable[[str], Pcm]) -> None:
    """The greeting is talked over: it stops, and the history has no word that was not played."""
    greeting = "Hello and welcome to the tea house, where we answer every question about tea, day and night."
    user = np.concatenate([silence(2.5), voice("No wait, how long does black tea take?"), silence(7)])
    came = talk(notes, f"knowledge: notes\ngreeting: {greeting}\n", user)
    assert len(came.of(Yield)) == 1
    cut = next(event for event in came.of(PlayoutEnded) if isinstance(event, PlayoutEnded))
    assert cut.interrupted
    assert greeting.startswith(cut.heard)
    assert len(cut.heard) < len(greeting)
    quiet = silent_from(came.agent, 24_000, after_s=2.5)
    assert quiet is not None
    assert quiet - 2.5 < 0.8, "by its length at the latest"
    assert came.history[0] == Turn("agent", cut.heard, 0, interrupted=True)
    assert "four minutes" in came.answers().lower(), came.heard()


def test_a_word_of_a_listener_stops_nothing(notes: Path, voice: Callable[[str], Pcm]) -> None:
    """The greeting goes on over an "okay", softer for a moment, and is remembered whole."""
    greeting = "Hello and welcome to the tea house, where we answer every question about tea, day and night."
    user = np.concatenate([silence(2.5), voice("Okay."), silence(6)])
    came = talk(notes, f"knowledge: notes\ngreeting: {greeting}\n", user)
    assert came.of(Duck)
    assert came.of(Yield) == []
    assert came.history == (Turn("agent", greeting, 0),)


def test_after_a_false_start_the_sentence_is_taken_up(notes: Path, voice: Callable[[str], Pcm]) -> None:
    """A voice that lasts but says nothing stops the greeting; its words are then said to the end, and known once."""
    greeting = "Hello and welcome to the tea house, where we answer every question about tea, day and night."
    listening = (voice("Yeah, right, okay, sure, yeah, yeah.") * 0.9).astype(np.int16)
    user = np.concatenate([silence(2.5), listening, silence(9)])
    came = talk(notes, f"knowledge: notes\ngreeting: {greeting}\nturns: {{barge_in_ms: 200}}\n", user)
    assert came.of(Yield)
    assert came.of(Commit)[-1].reason == "resumption", came.heard()
    (turn,) = came.history
    assert turn.text.replace("As I was saying, ", "") == greeting, "led back into where recognition took long"
    assert not turn.interrupted


def test_an_answer_that_fails_is_apologised_for(notes: Path, voice: Callable[[str], Pcm]) -> None:
    class Broken(SameForAll):
        async def prepare(self, text: str, history: History) -> None:
            raise RuntimeError("nothing to prepare with")

        async def answer(self, text: str, history: History) -> AsyncIterator[Sentence]:
            raise RuntimeError("the model is gone")
            yield

    user = np.concatenate([silence(0.5), voice("How are you today?"), silence(4)])
    came = talk(notes, "", user, Broken())
    (error,) = came.of(AgentError)
    assert isinstance(error, AgentError)
    assert "the model is gone" in error.message
    assert "Sorry" in came.answers()


def test_sessions_share_engines_and_harm_no_other(notes: Path, voice: Callable[[str], Pcm]) -> None:
    """One caller shouts and one is gone in mid-answer; a third gets the right answer all the same."""
    asked = np.concatenate([silence(0.5), voice("How long does black tea take?"), silence(5)])

    async def main() -> tuple[Conversation, int]:
        loaded = await engines(notes, "knowledge: notes\n")
        results: list[Conversation] = []

        async def keep() -> None:
            results.append(await converse(loaded, asked))

        async def shout() -> None:
            await converse(loaded, noise(6, 20_000))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep)
            tasks.start_soon(shout)
            with anyio.move_on_after(0.5 + len(voice("How long does black tea take?")) / RATE + 0.6):
                await converse(loaded, asked)  # hangs up just as the answer begins
        tasks_left = len(anyio.get_running_tasks())
        assert loaded.close is not None
        await loaded.close()
        await loaded.lanes.aclose()
        return results[0], tasks_left

    came, left = run_virtual(main)
    assert "four minutes" in came.answers().lower()
    assert left == 1, "every session's tasks have ended"


def test_audio_before_and_after_a_session_is_ignored(notes: Path) -> None:
    async def main() -> None:
        loaded = await engines(notes, "")
        session = Session(loaded)
        session.push(silence(0.02))
        session.say_text("Hello?")
        assert not session.pull().any()
        waiting = {name: edge.sent for name, edge in session.graph.statistics().items() if edge.sent}
        assert waiting == {}, "nothing may lie in wait for a session that has not begun"
        assert loaded.close is not None
        await loaded.close()
        await loaded.lanes.aclose()

    run_virtual(main)
