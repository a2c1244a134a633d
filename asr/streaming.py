"""Whisper, which reads whole recordings, made to follow a speaker.

Two models share the work: a small one re-reads the last seconds every 250 ms and LocalAgreement says which of
its words are stable; a better one reads the utterance once, when asked for the final words. Both read
bounded audio in each call, however long the speaker goes on: partials leave stable words behind, finals keep
the words of pieces that end in a pause.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from asr.agreement import LocalAgreement
from asr.levels import cut_point
from asr.pcm import check_pcm
from asr.types import SAMPLE_RATE, Hypothesis, Pcm, Word
from asr.whisper import WINDOW_SECONDS, first_piece

_LONGEST = int(WINDOW_SECONDS * SAMPLE_RATE)


class Transcriber(Protocol):
    """What reads a recording of up to 10 s: a `WhisperModel`."""

    def transcribe(self, pcm: Pcm, hint: str = "") -> tuple[Word, ...]:
        """Words of int16 [n] with times in seconds from its start; `hint` is text that stands before it."""


@dataclass(frozen=True, slots=True)
class StreamingOptions:
    """How partials are made.

    Attributes:
        hop: seconds of new audio before the audio is read again.
        first_hop: the same for the first `beginning` seconds, where whoever asks may be waiting for a single word.
        guard: seconds at the end of the audio in which a word cannot become stable: it may be cut in two.
        keep: seconds of audio that a partial keeps as context when it leaves stable words behind.
        trim_at: seconds of audio from which on stable words are left behind; under 10.
        memory: seconds of audio kept when nobody asks for words; older audio is dropped unread.
    """

    hop: float = 0.25
    first_hop: float = 0.1
    beginning: float = 1.3
    guard: float = 0.0
    keep: float = 4.0
    trim_at: float = 8.0
    memory: float = 120.0

    def __post_init__(self) -> None:
        if not 0 < self.hop <= self.keep < self.trim_at < WINDOW_SECONDS - self.hop < self.memory:
            raise ValueError(f"need 0 < hop <= keep < trim_at < {WINDOW_SECONDS} - hop < memory, got {self}")
        if not 0 < self.first_hop <= self.hop:
            raise ValueError(f"need 0 < first_hop <= hop, got {self}")
        if self.guard < 0:
            raise ValueError(f"guard must not be negative, got {self.guard}")


class _Buffer:
    """Audio addressed by sample number since the utterance began. Appending is amortised O(n)."""

    def __init__(self) -> None:
        self._data: Pcm = np.empty(SAMPLE_RATE * 4, dtype=np.int16)
        self._filled = 0
        self.start = 0

    @property
    def end(self) -> int:
        return self.start + self._filled

    def append(self, pcm: Pcm) -> None:
        need = self._filled + len(pcm)
        if need > len(self._data):
            grown = np.empty(2 * need, dtype=np.int16)
            grown[: self._filled] = self._data[: self._filled]
            self._data = grown
        self._data[self._filled : need] = pcm
        self._filled = need

    def since(self, sample: int) -> Pcm:
        """A copy of the audio from `sample` on."""
        return self._data[max(0, sample - self.start) : self._filled].copy()

    def drop_before(self, sample: int) -> None:
        gone = min(max(0, sample - self.start), self._filled)
        self._data[: self._filled - gone] = self._data[gone : self._filled]
        self._filled -= gone
        self.start += gone


@dataclass(slots=True)
class _Utterance:
    """All that belongs to one utterance; `reset` replaces it, so late results of the old one go nowhere."""

    audio: _Buffer = field(default_factory=_Buffer)
    agreement: LocalAgreement = field(default_factory=LocalAgreement)
    belief: Hypothesis = field(default_factory=Hypothesis)
    partial_from: int = 0  # the first sample that partials still read
    read_to: int = 0  # the end of the audio at the last partial
    final_from: int = 0  # the first sample that no kept final piece covers
    final_words: list[Word] = field(default_factory=list)
    tail: tuple[int, int, tuple[Word, ...]] = (-1, -1, ())  # the last final tail: its samples and its words


class StreamingWhisper:
    """A recogniser of two Whispers, shared by all sessions."""

    def __init__(
        self,
        partial: Transcriber,
        final: Transcriber,
        options: StreamingOptions | None = None,
        vocabulary: Sequence[str] = (),
    ) -> None:
        """Use `partial` (tiny.en) while a speaker speaks and `final` (base) for the words to keep.

        `vocabulary` are names and terms that are likely to be said; both models then prefer their spelling.
        """
        self._hint = f"{', '.join(vocabulary)}." if vocabulary else ""
        self._partial = partial
        self._final = final
        self._options = options or StreamingOptions()

    def with_vocabulary(self, vocabulary: Sequence[str]) -> StreamingWhisper:
        """The same models with other names; they are not loaded again."""
        return StreamingWhisper(self._partial, self._final, self._options, vocabulary)

    def stream(self) -> StreamingWhisperStream:
        """A new stream with no audio."""
        return StreamingWhisperStream(self._partial, self._final, self._options, self._hint)


class StreamingWhisperStream:
    """One speaker's utterance.

    `accept` may be called while another thread is in `hypothesis` or `finalise`; it never waits for a model.
    The final words replace the stable ones: they come from a better model and may differ from them.
    """

    def __init__(
        self, partial: Transcriber, final: Transcriber, options: StreamingOptions, hint: str = ""
    ) -> None:
        self._partial = partial
        self._hint = hint
        self._final = final
        self._options = options
        self._audio_lock = threading.Lock()
        self._partial_lock = threading.Lock()
        self._final_lock = threading.Lock()
        self._now = _Utterance()

    def reset(self) -> None:
        """Forget all audio and words; time starts at 0 again. A decode under way is of no more effect."""
        with self._audio_lock:
            self._now = _Utterance()

    def accept(self, pcm: Pcm) -> None:
        """Append int16 [n] at 16 kHz.

        Raises:
            ValueError: the array is not one-dimensional int16.
        """
        pcm = check_pcm(pcm)
        with self._audio_lock:
            audio = self._now.audio
            audio.append(pcm)
            if audio.end - audio.start > 1.25 * self._options.memory * SAMPLE_RATE:
                audio.drop_before(audio.end - int(self._options.memory * SAMPLE_RATE))

    def hypothesis(self) -> Hypothesis:
        """Read again what partials read, if at least one hop has come since, and return the belief.

        At most one window of the partial model and, once for each 5 to 10 s of a long utterance, one of the
        final model.
        """
        with self._partial_lock:
            now = self._now
            pcm, start = self._snapshot(now, now.partial_from)
            end = start + len(pcm)
            begins = end < self._options.beginning * SAMPLE_RATE
            hop = self._options.first_hop if begins else self._options.hop
            if end - now.read_to >= hop * SAMPLE_RATE:
                now.read_to = end
                self._read(now, pcm, start)
        if end - now.final_from > _LONGEST + SAMPLE_RATE:
            with self._final_lock:
                self._finish_piece(now)
        return now.belief

    def finalise(self) -> Hypothesis:
        """Read the utterance with the final model. The stream can go on, and be finalised again, afterwards.

        Pieces of a long utterance that were read before are not read again, so this takes the time of one
        window if `hypothesis` was called while the audio came in.
        """
        with self._final_lock:
            now = self._now
            while self._finish_piece(now):
                pass
            pcm, start = self._snapshot(now, now.final_from)
            key = (start, start + len(pcm))
            if now.tail[:2] != key:
                now.tail = (*key, _at(self._final.transcribe(pcm, self._hint), start))
            words = (*now.final_words, *now.tail[2])
        last = words[-1].end - words[-1].start if words else None
        return Hypothesis(words, len(words), final=True, last=last)

    def _snapshot(self, now: _Utterance, sample: int) -> tuple[Pcm, int]:
        """The audio from `sample` on, or from the oldest there is, and where it begins."""
        with self._audio_lock:
            start = max(sample, now.audio.start)
            return now.audio.since(start), start

    def _read(self, now: _Utterance, pcm: Pcm, start: int) -> None:
        """One partial over `pcm`; what is older than the window can hold is given up first."""
        options = self._options
        if len(pcm) > _LONGEST:
            gone = len(pcm) - int(options.keep * SAMPLE_RATE)
            now.agreement.settle((start + gone) / SAMPLE_RATE)
            pcm, start = pcm[gone:], start + gone
            now.partial_from = start
        end = start + len(pcm)
        words = _at(self._partial.transcribe(pcm, self._hint), start)
        now.belief = now.agreement.update(words, until=end / SAMPLE_RATE - options.guard)
        if len(pcm) > options.trim_at * SAMPLE_RATE:
            self._leave_behind(now, pcm, start)

    def _leave_behind(self, now: _Utterance, pcm: Pcm, start: int) -> None:
        """Move the partials' first sample to the end of a stable word, at its quietest."""
        target = len(pcm) / SAMPLE_RATE - self._options.keep + start / SAMPLE_RATE
        cut = int(now.agreement.trim(target) * SAMPLE_RATE) - start
        if cut <= 0:  # no stable word there: noise, or a model that cannot make up its mind
            cut = cut_point(pcm, SAMPLE_RATE, len(pcm) - int(self._options.keep * SAMPLE_RATE))
            now.agreement.settle((start + cut) / SAMPLE_RATE)
            now.belief = now.agreement.hypothesis
        else:
            near = SAMPLE_RATE // 10
            cut = cut_point(pcm, max(0, cut - near), min(len(pcm), cut + near))
        now.partial_from = start + cut

    def _finish_piece(self, now: _Utterance) -> bool:
        """Read the oldest piece of audio longer than a window for good; false if there is none."""
        pcm, start = self._snapshot(now, now.final_from)
        if len(pcm) <= _LONGEST:
            return False
        piece = first_piece(pcm)
        now.final_words += _at(self._final.transcribe(pcm[:piece], self._hint), start)
        now.final_from = start + piece
        with self._audio_lock:
            now.audio.drop_before(min(now.final_from, now.partial_from))
        return True


def _at(words: Sequence[Word], sample: int) -> tuple[Word, ...]:
    seconds = sample / SAMPLE_RATE
    return tuple(replace(word, start=word.start + seconds, end=word.end + seconds) for word in words)
