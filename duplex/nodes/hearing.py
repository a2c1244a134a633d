"""The user's side: from audio to "a voice began" and to words."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import anyio
from anyio.abc import TaskGroup

from asr.types import Hypothesis, RecogniserStream
from asr.vad import VadStream
from duplex.dialogue.events import (
    Discarded,
    Duck,
    Eager,
    PlayoutStarted,
    Resumed,
    Transcript,
    TurnStarted,
    Unduck,
    UserAudio,
    VoiceStarted,
    VoiceStopped,
)
from duplex.dialogue.overlap import claim_of
from duplex.dialogue.voice import VoiceHint, VoiceMachine, VoiceProbability
from duplex.graph import Event, In, Lanes, Node, Out, Priority, to_ticks

_WINDOW = 512
_TICKS_A_SAMPLE = 3
_MEMORY = 150
"""Frames of audio kept before a turn is known to have begun, or while nobody listens: 3 s."""
_PREROLL = to_ticks(0.3)
"""Audio before the detected onset that goes to the recogniser: a soft first consonant is in it."""
_HOP = to_ticks(0.25)
"""New audio between two partial hypotheses (LocalAgreement's hop)."""
_SOON = to_ticks(0.25)
"""Audio of a voice over the agent's before its words are guessed: of most first words enough is there by then."""
_AGAIN = to_ticks(0.12)
"""New audio between two guesses at them: it is soon decided who has the floor, and then they are made no more."""
_SHORTER = 0.12
"""Seconds to add to the sound under a last word by the partial recogniser, which lets a word end with its sound where
the final one counts some of the silence: of the development sentences, each whole last word is then long enough."""
_QUICK = 0.25
"""Seconds after which the quick words would be no gain."""
_MOMENT = 0.002
"""Seconds in which whoever judges the quick words has asked for it."""
_MARKS = ".,;:!?…"
_GUESSED = 0.22
"""Probability below which a word over the agent's is taken for a hum. In own trials "oh" and "hmm" were written as
words below it, and all but two of 66 first words that want the floor stood above."""


class Detector(Node):
    """Audio to "a voice began" and "it ended"."""

    audio = In(UserAudio)
    voice = Out(VoiceStarted, VoiceStopped)
    hints = Out(VoiceHint)

    def __init__(self, stream: VadStream, machine: VoiceMachine, lanes: Lanes) -> None:
        super().__init__("detector")
        self._stream, self._machine, self._lanes = stream, machine, lanes

    async def run(self) -> None:
        """One call of the detector for each frame, on the frame thread."""
        pending = 0
        async for frame in self.audio:
            pending = (pending + frame.pcm.size) % _WINDOW
            for p in await self._lanes.frame(self._stream.accept, frame.pcm, name="vad"):
                moment = frame.t - pending * _TICKS_A_SAMPLE
                for event in self._machine.on(VoiceProbability(t=moment, p=p)):
                    if isinstance(event, VoiceHint):
                        await self.hints.send(event)
                    else:
                        await self.voice.send(event)


class Hearer(Node):
    """Audio to words: partial hypotheses while the user speaks, the final one at each attempt.

    It listens from the onset of a turn until the reply to it is heard; a turn that goes on after all gets the audio
    that was missed meanwhile. To a voice over the agent's it listens as to the turn that may come of it.

    Args:
        stream: the recogniser's.
        lanes: where it runs.
        quick: at each attempt, also tell at once what the partial recogniser hears.
    """

    events = In(UserAudio, TurnStarted, Eager, Resumed, Discarded, PlayoutStarted, Duck, Unduck)
    words = Out(Transcript)

    def __init__(self, stream: RecogniserStream, lanes: Lanes, quick: bool = False) -> None:
        super().__init__("hearer")
        self._stream, self._lanes, self._quick = stream, lanes, quick
        self._memory: deque[UserAudio] = deque(maxlen=_MEMORY)
        self._listening = False
        self._speaking = False
        """The user's voice is on: only then are there new words to guess."""
        self._given = 0
        """Audio up to this time was given to the recogniser."""
        self._turn = 0
        self._next = 0
        """When the next partial hypothesis is due."""
        self._overheard: int | None = None
        """The onset of a voice over the agent's that is being listened to."""
        self._partial: anyio.CancelScope | None = None
        self._final: anyio.CancelScope | None = None

    async def run(self) -> None:
        """Take audio as it comes; recognise beside it."""
        async with anyio.create_task_group() as tasks:
            async for event in self.events:
                self._take(event, tasks)
            tasks.cancel_scope.cancel()

    def _take(self, event: Event, tasks: TaskGroup) -> None:
        match event:
            case UserAudio():
                self._memory.append(event)
                if self._listening:
                    self._give(event)
                    self._maybe_partial(event.t, tasks)
            case TurnStarted() if event.onset == self._overheard:
                self._turn, self._overheard = event.turn, None
            case TurnStarted():
                self._begin(event.turn, event.onset, event.t + _HOP)
            case Duck():
                self._begin(self._turn + 1, event.onset, max(event.t, event.onset + _SOON))
                self._overheard = event.onset
            case Unduck(decided=True) if self._overheard is not None:
                self._cancel()
                self._listening = self._speaking = False
                self._turn, self._overheard = self._turn - 1, None
            case Eager(text=None):
                self._cancel()
                self._speaking = False
                tasks.start_soon(self._finalise, event)
            case Eager():
                self._listening = self._speaking = False  # typed: the words are known
            case Resumed():
                self._cancel()
                self._speaking = True
                self._listen(self._given)
            case Discarded() | PlayoutStarted():
                self._listening = False

    def _begin(self, turn: int, onset: int, partial: int) -> None:
        self._cancel()
        self._stream.reset()
        self._turn, self._next, self._speaking, self._overheard = turn, partial, True, None
        self._listen(onset - _PREROLL)

    def _listen(self, since: int) -> None:
        self._listening = True
        for frame in self._memory:
            if frame.t > since:
                self._give(frame)

    def _give(self, frame: UserAudio) -> None:
        self._stream.accept(frame.pcm)
        self._given = frame.t

    def _cancel(self) -> None:
        for scope in (self._partial, self._final):
            if scope is not None:
                scope.cancel()

    def _maybe_partial(self, t: int, tasks: TaskGroup) -> None:
        if not self._speaking or t < self._next or self._partial is not None:
            return
        self._next = t + (_HOP if self._overheard is None else _AGAIN)
        if self._lanes.crowded and self._overheard is None:
            return  # the final words will do
        tasks.start_soon(self._hypothesise, self._turn)

    async def _hypothesise(self, turn: int) -> None:
        with anyio.CancelScope() as scope:
            self._partial = scope
            heard = await self._lanes.heavy(Priority.PARTIAL, self._stream.hypothesis, name="asr.partial")
            if self._overheard is not None:
                heard = _trusted(heard)
            if turn == self._turn and heard.words:
                await self.words.send(self._transcript(heard))
        if self._partial is scope:
            self._partial = None

    async def _finalise(self, eager: Eager) -> None:
        with anyio.CancelScope() as scope:
            self._final = scope
            if self._quick:
                await self._hear_quickly(eager.attempt)
            heard = await self._lanes.heavy(Priority.FINAL, self._stream.finalise, name="asr.final")
            await self.words.send(self._transcript(heard, eager.attempt, final=True))
        if self._final is scope:
            self._final = None

    async def _hear_quickly(self, attempt: int) -> None:
        """What the partial recogniser hears, told early enough to be judged before the final one begins.

        Where it is not quick, because others have the workers, the final words are not kept waiting for it.
        """
        heard = Hypothesis()
        with anyio.move_on_after(_QUICK):
            heard = await self._lanes.heavy(Priority.FINAL, self._stream.hypothesis, name="asr.partial")
        if heard.words:
            last = heard.words[-1].end - heard.words[-1].start + _SHORTER
            await self.words.send(self._transcript(replace(heard, last=last), attempt))
            await anyio.sleep(_MOMENT)

    def _transcript(self, heard: Hypothesis, attempt: int = 0, final: bool = False) -> Transcript:
        return Transcript(
            t=self.clock.now(),
            turn=self._turn,
            text=heard.text if final else unmarked(heard.text),
            stable=heard.stable,
            final=final,
            attempt=attempt,
            last=None if heard.last is None else to_ticks(heard.last),
        )


def unmarked(text: str) -> str:
    """A guess at words that are not all spoken, without the marks between them.

    A recogniser that hears them piece by piece ends a sentence with each piece; to a language model "the reason? for
    reversing the river" is no whole question.

    >>> unmarked("What was the reason? for reversing, the river?")
    'What was the reason for reversing the river?'
    """
    *before, last = text.split() or [""]
    return " ".join([*(word.rstrip(_MARKS) or word for word in before), last])


def _trusted(heard: Hypothesis) -> Hypothesis:
    """The leading words that were not merely guessed; what claims nothing does no harm if it is wrong."""
    if claim_of(heard.text) == "backchannel":
        return heard
    sure = next((i for i, word in enumerate(heard.words) if word.probability < _GUESSED), len(heard.words))
    return replace(heard, words=heard.words[:sure], stable=min(heard.stable, sure))
