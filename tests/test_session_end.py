"""Whole sessions with real models in virtual time, to their end: what is said last is heard before they are over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import numpy as np
import pytest
import soxr
from test_session import RATE, Conversation, Pcm, engines, notes, silence

from asr import StreamingWhisper, WhisperModel
from duplex.agent.session import Engines, Session
from duplex.dialogue.events import (
    AgentError,
    Commit,
    PlayoutEnded,
    PlayoutStarted,
    SessionEnded,
    SessionEnding,
    Yield,
)
from duplex.dialogue.limits import LimitSettings
from duplex.graph import Event, run_virtual
from tts.types import SpeechChunk

__all__ = ["notes"]
pytestmark = pytest.mark.models

DELAY = 0.3
"""Seconds from `pull` to the caller's ear."""
Act = Callable[[Session], None]


async def hear_out(loaded: Engines, user: Pcm, acts: dict[float, Act]) -> tuple[Conversation, float]:
    """Speak, do what is to be done at its time, then be silent until the session ends; and when that was."""
    session = Session(loaded)
    session.delayed(DELAY)
    events: list[Event] = []
    session.subscribe(events.append)
    heard: list[Pcm] = []
    over = anyio.Event()

    async def run() -> None:
        await session.run()
        over.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await session.started.wait()
        start, at = anyio.current_time(), 0
        while not over.is_set():
            await anyio.sleep(start + at / RATE - anyio.current_time())
            for due in [due for due in acts if due <= at / RATE]:
                acts.pop(due)(session)
            frame = user[at : at + 320]
            session.push(np.pad(frame, (0, 320 - len(frame))))
            heard.append(session.pull())
            at += 320
            assert at < 200 * RATE, "it does not end"
    return Conversation(np.concatenate(heard), events, session.history.turns), anyio.current_time() - start


def to_its_end(
    folder: Path, text: str, user: Pcm, acts: dict[float, Act] | None = None
) -> tuple[Conversation, float]:
    async def main() -> tuple[Conversation, float]:
        loaded = await engines(folder, text)
        try:
            return await hear_out(loaded, user, dict(acts or {}))
        finally:
            assert loaded.close is not None
            await loaded.close()
            await loaded.lanes.aclose()

    return run_virtual(main)


def said(came: Conversation) -> list[str]:
    """What the agent said unasked, in order."""
    return [event.text for event in came.events if isinstance(event, Commit) and event.text]


def ends(came: Conversation) -> list[tuple[str, str]]:
    kinds = (SessionEnding, SessionEnded)
    return [(type(each).__name__, each.reason) for each in came.events if isinstance(each, kinds)]


def read_last(came: Conversation, model: WhisperModel) -> str:
    """What Whisper understands of the last thing that the agent said."""
    begun = [event for event in came.events if isinstance(event, PlayoutStarted)][-1]
    pcm = came.agent[round(begun.seconds * 24_000) :].astype(np.float32)
    stream = StreamingWhisper(model, model).stream()
    stream.accept(soxr.resample(pcm, 24_000, RATE).astype(np.int16))
    return stream.finalise().text


def plain(text: str) -> list[str]:
    return "".join(mark for mark in text.lower() if mark.isalpha() or mark == " ").split()


def assert_heard_out(came: Conversation, ended: float, goodbye: str, model: WhisperModel) -> None:
    """The goodbye was whole, reached the caller's ear, and only then was the session over."""
    last = [event for event in came.events if isinstance(event, PlayoutEnded)][-1]
    assert (last.heard, last.interrupted) == (goodbye, False)
    understood = plain(read_last(came, model))
    assert understood[: len(plain(goodbye)) - 1] == plain(goodbye)[:-1]
    assert len(understood) >= len(plain(goodbye)), "a lone goodbye is at times heard as bye-bye or so long"
    loud = np.flatnonzero(np.abs(came.agent) > 300)[-1] / 24_000
    assert loud + DELAY < ended < loud + DELAY + 1.0
    assert came.history[-1].text == goodbye


@pytest.fixture(scope="module")
def whisper(model_path: Callable[[str], Path]) -> WhisperModel:
    return WhisperModel(model_path("whisper-base"))


def test_a_silent_caller_is_asked_and_then_left(notes: Path, whisper: WhisperModel) -> None:
    text = "greeting: Hello, ask me about tea.\nlimits: {idle: 8, patience: 5}\n"
    came, ended = to_its_end(notes, text, silence(1))
    away = LimitSettings().goodbyes["idle"]
    assert said(came) == ["Hello, ask me about tea.", "Are you still there?", away]
    assert ends(came) == [("SessionEnding", "idle"), ("SessionEnded", "idle")]
    assert_heard_out(came, ended, away, whisper)


def test_who_answers_the_question_is_served(
    notes: Path, voice: Callable[[str], Pcm], whisper: WhisperModel
) -> None:
    """Asked at five seconds, they ask in turn; and when they are silent again, they are asked again."""
    user = np.concatenate([silence(7.5), voice("Yes. How long does black tea take?"), silence(1)])
    came, ended = to_its_end(notes, "knowledge: notes\nlimits: {idle: 5, patience: 5}\n", user)
    away = LimitSettings().goodbyes["idle"]
    assert said(came) == ["Are you still there?", "Are you still there?", away]
    assert "four minutes" in came.answers().lower(), came.heard()
    assert_heard_out(came, ended, away, whisper)


def test_an_end_that_is_asked_for_waits_for_the_user_and_for_the_answer(
    notes: Path, voice: Callable[[str], Pcm], whisper: WhisperModel
) -> None:
    asked = voice("How long does black tea take?")
    user = np.concatenate([silence(1), asked])
    acts: dict[float, Act] = {
        1.5: lambda session: session.end("drain"),
        1.6: lambda session: session.end("x"),
    }
    came, ended = to_its_end(notes, "knowledge: notes\nlimits: {texts: {drain: So long!}}\n", user, acts)
    assert said(came) == ["So long!"]
    assert not came.agent[: round((1 + len(asked) / RATE) * 24_000)].any(), "nothing is said over the user"
    assert [turn.role for turn in came.history] == ["user", "agent", "agent"]
    assert "four minutes" in came.history[1].text.lower()
    assert ends(came) == [("SessionEnding", "drain"), ("SessionEnded", "drain")]
    assert_heard_out(came, ended, "So long!", whisper)


def test_a_goodbye_may_be_interrupted(
    notes: Path, voice: Callable[[str], Pcm], whisper: WhisperModel
) -> None:
    """The time is up at six seconds; a question over the goodbye is answered, then the goodbye comes whole."""
    user = np.concatenate([silence(6.5), voice("Wait, how long does black tea take?")])
    limit = "That was all the time we had today, and it was a pleasure. Goodbye."
    text = f"knowledge: notes\nlimits: {{longest: 6, warning: 0, texts: {{limit: '{limit}'}}}}\n"
    came, ended = to_its_end(notes, text, user)
    assert len(came.of(Yield)) == 1
    assert said(came) == [limit, limit]
    assert limit.startswith(came.history[0].text)
    assert len(came.history[0].text) < len(limit) / 2
    assert "four minutes" in came.answers().lower(), came.heard()
    assert_heard_out(came, ended, limit, whisper)


def test_a_session_that_has_lost_its_voice_ends_all_the_same(notes: Path) -> None:
    class Mute:
        sample_rate = 24_000

        def stream(self) -> Mute:
            return self

        def feed(self, text: str) -> Iterator[SpeechChunk]:
            raise RuntimeError("the voice is gone")

        def finish(self) -> Iterator[SpeechChunk]:
            raise RuntimeError("the voice is gone")

        def cancel(self) -> None:
            pass

    async def main() -> tuple[Conversation, float]:
        loaded = await engines(notes, "")
        try:
            mute = replace(loaded, synthesiser=Mute(), limits=LimitSettings(longest=6, warning=0))
            return await hear_out(mute, silence(1), {})
        finally:
            assert loaded.close is not None
            await loaded.close()
            await loaded.lanes.aclose()

    came, ended = run_virtual(main)
    assert ended < 8
    assert ends(came) == [("SessionEnding", "limit"), ("SessionEnded", "limit")]
    assert came.of(AgentError)
