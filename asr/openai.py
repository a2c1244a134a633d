"""Any transcription endpoint that speaks OpenAI's API, through the official client.

Such an endpoint takes whole recordings, so words come when the utterance is finalised. Partials re-send the
audio and are off unless asked for: each costs a request.
"""

from __future__ import annotations

import io
import math
import threading
import wave
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from asr.agreement import LocalAgreement
from asr.levels import is_silence
from asr.pcm import check_pcm
from asr.types import SAMPLE_RATE, Hypothesis, Pcm, Word


class TranscriptionError(RuntimeError):
    """The endpoint gave no transcript: unreachable, too slow, or an answer that is not one."""


@dataclass(frozen=True, slots=True)
class OpenAIOptions:
    """How an endpoint is used.

    Attributes:
        model: the endpoint's name of the model.
        language: ISO 639-1 code, or empty to let the endpoint guess.
        timeout: seconds for one request, connection included.
        retries: further tries after a connection error, 408, 409, 429 or 5xx; the client backs off.
        longest: seconds of audio sent at most; of a longer utterance the end is sent.
        partial_hop: seconds of new audio between partials; 0 for none.
        word_times: ask for `verbose_json` with word times; if the endpoint gives none, words are spread evenly.
    """

    model: str = "whisper-1"
    language: str = "en"
    timeout: float = 10.0
    retries: int = 1
    longest: float = 60.0
    partial_hop: float = 0.0
    word_times: bool = True

    def __post_init__(self) -> None:
        if not (self.timeout > 0 and self.retries >= 0 and self.longest > 0 and self.partial_hop >= 0):
            raise ValueError(f"timeout and longest must be positive, retries and partial_hop ≥ 0, got {self}")


class OpenAIRecogniser:
    """An endpoint, shared by all sessions. Nothing here logs the key or what was said."""

    def __init__(self, base_url: str, api_key: str, options: OpenAIOptions | None = None) -> None:
        """Use the endpoint at `base_url` (".../v1").

        Args:
            base_url: without "/audio/transcriptions".
            api_key: as the caller read it from its environment; any word for endpoints without keys.
            options: how to use it.

        Raises:
            ModuleNotFoundError: the openai package is not installed.
            ValueError: no URL or key is given.
        """
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(f"the transcription endpoint must be an http(s) URL, got {base_url!r}")
        if not api_key:
            raise ValueError(f"no key for the transcription endpoint {base_url}")
        try:
            from openai import OpenAI
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("a transcription endpoint needs: pip install openai") from error
        self.options = options or OpenAIOptions()
        self.base_url = base_url
        self._client = OpenAI(
            base_url=base_url,
            api_key=api_key,
            timeout=self.options.timeout,
            max_retries=self.options.retries,
        )

    def stream(self) -> OpenAIStream:
        """A new stream with no audio."""
        return OpenAIStream(self)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def transcribe(self, pcm: Pcm) -> tuple[Word, ...]:
        """Send int16 [n] at 16 kHz as a WAV file; silence is not sent.

        Raises:
            TranscriptionError: no transcript came.
        """
        from openai import OpenAIError

        if is_silence(pcm):
            return ()
        options = self.options
        request: dict[str, Any] = {"model": options.model, "file": ("audio.wav", wav(pcm), "audio/wav")}
        if options.language:
            request["language"] = options.language
        if options.word_times:
            request |= {"response_format": "verbose_json", "timestamp_granularities": ["word"]}
        try:
            reply = self._client.audio.transcriptions.create(**request)
        except OpenAIError as error:
            # The message alone: the exception also carries the request with the key in its headers.
            reason = f"{type(error).__name__}: {str(error)[:200]}"
            raise TranscriptionError(f"no transcript from {self.base_url}: {reason}") from None
        return words_of_reply(reply, len(pcm) / SAMPLE_RATE)


class OpenAIStream:
    """One speaker's utterance. `accept` may be called while another thread waits for the endpoint."""

    def __init__(self, engine: OpenAIRecogniser) -> None:
        self._engine = engine
        self._audio_lock = threading.Lock()
        self._partial_lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget all audio and words; time starts at 0 again."""
        with self._audio_lock:
            self._chunks: list[Pcm] = []
            self._held = 0
            self._end = 0
            self._asked = 0
            self._agreement = LocalAgreement()
            self._last: tuple[int, Hypothesis] | None = None

    def accept(self, pcm: Pcm) -> None:
        """Append int16 [n] at 16 kHz; what is older than `longest` is dropped.

        Raises:
            ValueError: the array is not one-dimensional int16.
        """
        pcm = check_pcm(pcm).copy()
        longest = int(self._engine.options.longest * SAMPLE_RATE)
        with self._audio_lock:
            self._chunks.append(pcm)
            self._held += len(pcm)
            self._end += len(pcm)
            while self._held - len(self._chunks[0]) >= longest:
                self._held -= len(self._chunks.pop(0))

    def hypothesis(self) -> Hypothesis:
        """The words so far: none, unless partials are on; then at most one request for each hop of audio."""
        hop = self._engine.options.partial_hop * SAMPLE_RATE
        with self._partial_lock:
            with self._audio_lock:
                agreement, due = self._agreement, hop > 0 and self._end - self._asked >= hop
                self._asked = self._end if due else self._asked
            return agreement.update(self._words()[0]) if due else agreement.hypothesis

    def finalise(self) -> Hypothesis:
        """Send the utterance and return its words; without new audio the last answer is given again.

        Raises:
            TranscriptionError: no transcript came.
        """
        with self._audio_lock:
            last = self._last if self._last and self._last[0] == self._end else None
            agreement = self._agreement
        if last:
            return last[1]
        words, end = self._words()
        belief = Hypothesis(words, len(words), final=True)
        with self._audio_lock:
            if agreement is self._agreement:  # else the stream was reset meanwhile
                self._last = (end, belief)
        return belief

    def _words(self) -> tuple[tuple[Word, ...], int]:
        """Words of all audio held, timed from the last reset, and the sample where that audio ends."""
        longest = int(self._engine.options.longest * SAMPLE_RATE)
        with self._audio_lock:
            pcm = np.concatenate(self._chunks)[-longest:] if self._chunks else np.empty(0, dtype=np.int16)
            end = self._end
        seconds = (end - len(pcm)) / SAMPLE_RATE
        words = self._engine.transcribe(pcm)
        return tuple(replace(w, start=w.start + seconds, end=w.end + seconds) for w in words), end


def wav(pcm: Pcm) -> bytes:
    """A WAV file of int16 [n] at 16 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(pcm.astype("<i2").tobytes())
    return file.getvalue()


def words_of_reply(reply: Any, seconds: float) -> tuple[Word, ...]:
    """Words of an endpoint's answer, whose shape is not ours to trust.

    Args:
        reply: has `text`, and `words` of `word`, `start`, `end` where the endpoint gives times.
        seconds: the audio's length; times are held within it.

    Raises:
        TranscriptionError: there is no text in it.
    """
    timed = getattr(reply, "words", None)
    if timed:
        words, at = [], 0.0
        for item in timed:
            start, end = getattr(item, "start", at), getattr(item, "end", at)
            if not all(isinstance(time, int | float) and math.isfinite(time) for time in (start, end)):
                raise TranscriptionError("the endpoint's word times are not numbers")
            start = min(max(float(start), at), seconds)
            at = min(max(float(end), start), seconds)
            words.append(Word(str(item.word).strip(), start, at))
        return tuple(word for word in words if word.text)
    text = reply if isinstance(reply, str) else getattr(reply, "text", None)
    if not isinstance(text, str):
        raise TranscriptionError("the endpoint's answer holds no text")
    pieces = text.split()
    share = seconds / max(1, len(pieces))
    return tuple(Word(piece, at * share, (at + 1) * share) for at, piece in enumerate(pieces))
