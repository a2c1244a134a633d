"""The agent's voice: sentences to audio with word times."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import AsyncIterator

import anyio
import numpy as np
import soxr
from anyio.abc import TaskGroup

from duplex.dialogue.events import (
    AGENT_RATE,
    AgentError,
    Commit,
    Discarded,
    ReplyText,
    Resumed,
    Speech,
    SpokenWord,
    Yield,
)
from duplex.dialogue.relay_events import Rehearse, Rehearsed
from duplex.graph import In, Lanes, Node, Out, Priority, to_ticks
from tts.types import SpeechChunk, Synthesiser, Utterance

logger = logging.getLogger(__name__)


_KEPT = 32
"""Rehearsed texts whose audio is kept, of a second or two each."""


class Voice(Node):
    """Sentences to audio with word times, one utterance for each attempt.

    Words that were rehearsed are there at once where a reply begins with them.
    """

    events = In(ReplyText, Commit, Resumed, Yield, Discarded, Rehearse)
    speech = Out(Speech)
    rehearsed = Out(Rehearsed)
    errors = Out(AgentError)

    def __init__(self, synthesiser: Synthesiser, lanes: Lanes) -> None:
        super().__init__("voice")
        self._synthesiser, self._lanes = synthesiser, lanes
        self._saying: _Saying | None = None
        self._dead = -1
        self._cut = False
        """The utterance was stopped, and may yet be gone on with."""
        self._kept: OrderedDict[str, tuple[SpeechChunk, ...]] = OrderedDict()
        self._rehearsal: tuple[str, anyio.CancelScope] | None = None

    async def run(self) -> None:
        """Speak what comes, in order, unless it is dropped."""
        async with anyio.create_task_group() as tasks:
            async for event in self.events:
                match event:
                    case Commit() if event.text:
                        unasked = ReplyText(t=event.t, attempt=event.attempt, text=event.text, last=True)
                        self._feed(tasks, unasked)
                    case ReplyText() if event.attempt > self._dead or self._says(event.attempt):
                        self._feed(tasks, event)
                    case Yield():
                        self._cut = event.keep
                        self._drop(event.attempt)
                    case Resumed() | Discarded():
                        self._drop(event.attempt)
                        self._end_rehearsal()
                    case Rehearse():
                        self._rehearse(tasks, event.text)
            tasks.cancel_scope.cancel()

    def _says(self, attempt: int) -> bool:
        return self._saying is not None and self._saying.attempt == attempt

    def _feed(self, tasks: TaskGroup, piece: ReplyText) -> None:
        if self._saying is None or self._saying.attempt != piece.attempt:
            if self._saying is not None:
                self._saying.cancel()
                if (
                    self._cut and not self._saying.ended
                ):  # of what was stopped no more will come, whatever becomes of it
                    self.speech.send_nowait(self._saying.end(self.clock.now()))
            self._cut = False
            self._saying = _Saying(piece.attempt, self._synthesiser)
            tasks.start_soon(self._speak, self._saying)
        self._saying.add(piece)

    def _drop(self, attempt: int) -> None:
        self._dead = max(self._dead, attempt)
        if self._saying is not None and self._saying.attempt <= attempt and not self._cut:
            self._saying.cancel()
            self._saying = None

    async def _speak(self, saying: _Saying) -> None:
        with saying.scope:
            try:
                last = False
                while not last:
                    piece = await saying.next()
                    await self._synthesise(saying, piece)
                    last = piece.last
            except Exception as error:  # a voice that fails must not end the call
                await self.errors.send(AgentError(t=self.clock.now(), message=f"no speech: {error}"))
                await self.speech.send(saying.end(self.clock.now()))

    def _rehearse(self, tasks: TaskGroup, text: str) -> None:
        """Make the audio of what may be said; of what was to be rehearsed before, this takes the place."""
        if self._rehearsal is not None and self._rehearsal[0] == text:
            return
        self._end_rehearsal()
        self._rehearsal = text, anyio.CancelScope()
        tasks.start_soon(self._make, *self._rehearsal)

    def _end_rehearsal(self) -> None:
        if self._rehearsal is not None:
            self._rehearsal[1].cancel()
            self._rehearsal = None

    async def _make(self, text: str, scope: anyio.CancelScope) -> None:
        with scope:
            try:
                if text not in self._kept:
                    self._kept[text] = tuple([chunk async for chunk in self._sounds(text)])
                self._kept.move_to_end(text)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
                seconds = _seconds(self._kept[text], self._synthesiser.sample_rate)
                await self.rehearsed.send(Rehearsed(t=self.clock.now(), text=text, seconds=seconds))
            except Exception as error:  # whoever wants to say it will meet it again, and tell
                logger.warning("nothing was rehearsed: %s", error)
        if self._rehearsal == (text, scope):
            self._rehearsal = None

    async def _sounds(self, text: str) -> AsyncIterator[SpeechChunk]:
        """All of a text, with no hurry."""
        utterance = self._synthesiser.stream()
        for step in (utterance.feed(text), utterance.finish()):
            async for chunk in self._lanes.heavy_iter(Priority.SPECULATION, step, name="tts"):
                yield chunk

    async def _synthesise(self, saying: _Saying, piece: ReplyText) -> None:
        text, made = piece.text, () if saying.begun else self._kept.get(piece.text, ())
        if made:
            for chunk in made:
                await self.speech.send(saying.speech(self.clock.now(), chunk))
            saying.shift, text = _seconds(made, self._synthesiser.sample_rate), ""
        saying.begun = True
        steps = [saying.utterance.feed(f"{text} ")] if text else []
        if piece.last:
            steps.append(saying.utterance.finish())
        for step in steps:
            async for chunk in self._lanes.heavy_iter(Priority.SYNTHESIS, step, name="tts"):
                await self.speech.send(saying.speech(self.clock.now(), chunk))
        if piece.last:
            await self.speech.send(saying.end(self.clock.now()))


def _seconds(chunks: tuple[SpeechChunk, ...], rate: int) -> float:
    return sum(len(chunk.pcm) for chunk in chunks) / rate


class _Saying:
    """One utterance in the making.

    Attributes:
        begun: something of it was said, or is being made.
        shift: seconds of rehearsed words that it begins with.
        ended: all of it was made.
    """

    def __init__(self, attempt: int, synthesiser: Synthesiser) -> None:
        self.attempt = attempt
        self.scope = anyio.CancelScope()
        self.utterance: Utterance = synthesiser.stream()
        self.begun = False
        self.shift = 0.0
        self.ended = False
        self._pieces: deque[ReplyText] = deque()
        self._more = anyio.Event()
        self._resampler = soxr.ResampleStream(
            synthesiser.sample_rate, AGENT_RATE, 1, dtype="int16", quality="MQ"
        )

    def cancel(self) -> None:
        self.utterance.cancel()
        self.scope.cancel()

    def add(self, piece: ReplyText) -> None:
        """Say this too."""
        self._pieces.append(piece)
        self._more.set()

    async def next(self) -> ReplyText:
        """Wait for the next piece."""
        while not self._pieces:
            self._more = anyio.Event()
            await self._more.wait()
        return self._pieces.popleft()

    def speech(self, t: int, chunk: SpeechChunk) -> Speech:
        words = tuple(
            SpokenWord(w.text, to_ticks(self.shift + w.start), to_ticks(self.shift + w.end))
            for w in chunk.words
        )
        return Speech(t=t, attempt=self.attempt, pcm=self._resampler.resample_chunk(chunk.pcm), words=words)

    def end(self, t: int) -> Speech:
        """What the resampler still held, and the end."""
        self.ended = True
        rest = self._resampler.resample_chunk(np.zeros(0, dtype=np.int16), last=True)
        return Speech(t=t, attempt=self.attempt, pcm=rest, last=True)
