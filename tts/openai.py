"""Any OpenAI-compatible speech endpoint as a voice: a hosted API, or a server of your own.

The official client does the wire format, the retries and the timeouts. Audio is passed on while it arrives. Such
endpoints give no word times: an aligner that the caller brings measures them once a clause is whole; without one
they are guessed from the pace of the clauses before, and marked so.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from tts.guess import Aligner, guessed, word_times
from tts.normalise import Spoken
from tts.seams import Wave
from tts.types import WordTime
from tts.utterance import ClauseUtterance, Piece

LONGEST = 120.0
"""Seconds of audio that one clause may have; an endpoint that sends more is cut off with an error."""
_PIECE = 0.2  # seconds of audio passed on at a time
_PACE = 0.065  # seconds a character takes, until the first clause has been heard
_CONTAINERS = {
    b"RIFF": "WAV",
    b"ID3": "MP3",
    b"\xff\xfb": "MP3",
    b"\xff\xf3": "MP3",
    b"OggS": "Ogg",
    b"fLaC": "FLAC",
}


class SpeechError(RuntimeError):
    """The endpoint gave no speech: unreachable, too slow, or an answer that is not audio."""


class OpenAISynthesiser:
    """A voice behind an OpenAI-compatible API, shared by all sessions. Nothing here logs the key or the text.

    Args:
        base_url: up to and including "/v1", without "/audio/speech".
        model: the model's name there.
        voice: the voice's name there.
        api_key: as the caller read it from its environment; any word for endpoints without keys.
        speed: 1 is the voice's own pace; sent only if it is another.
        sample_rate: of the endpoint's raw PCM (int16, mono, little-endian). OpenAI's is 24,000.
        timeout: seconds without any data after which a request fails, connection included.
        retries: tries again after a connection error, 408, 409, 429 or 5xx, before the first audio only.
        aligner: measures word times. It needs whole clauses, so the first audio then comes later.

    Raises:
        ModuleNotFoundError: the openai package is not installed.
        ValueError: the URL is no http(s) URL, or a name, the key or a limit is out of range.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        voice: str,
        api_key: str,
        *,
        speed: float = 1.0,
        sample_rate: int = 24_000,
        timeout: float = 10.0,
        retries: int = 1,
        aligner: Aligner | None = None,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(f"the speech endpoint must be an http(s) URL, got {base_url!r}")
        self._where = urlsplit(base_url).netloc.rpartition("@")[2]
        if not (model and voice and api_key):
            raise ValueError(f"the speech endpoint {self._where} needs a model, a voice and a key")
        if not (
            0.25 <= speed <= 4
            and 8_000 <= sample_rate <= 48_000
            and 0 < timeout <= 600
            and 0 <= retries <= 10
        ):
            raise ValueError(
                "speed must be 0.25..4, sample_rate 8,000..48,000, timeout 0..600 s, retries 0..10"
            )
        try:
            from openai import OpenAI
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("a speech endpoint needs: pip install openai") from error
        self._client = OpenAI(base_url=base_url, api_key=api_key, timeout=timeout, max_retries=retries)
        self._request: dict[str, Any] = {"model": model, "voice": voice, "response_format": "pcm"}
        if speed != 1.0:
            self._request["speed"] = speed
        self._timeout, self._aligner = timeout, aligner
        self._lock, self._pace = threading.Lock(), _PACE / speed
        self.sample_rate = sample_rate

    def stream(self) -> ClauseUtterance:
        """A new, empty utterance. Its iterators raise `SpeechError` where the endpoint fails."""
        return ClauseUtterance(self._render, self.sample_rate)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _render(self, spoken: Sequence[Spoken]) -> Iterator[Piece]:
        text = " ".join(" ".join(item.words) + item.stop for item in spoken if item.words)
        if self._aligner is not None:
            pcm = np.concatenate(list(self._receive(text)))
            yield Piece(pcm, word_times(pcm, self.sample_rate, spoken, self._aligner), last=True)
            return
        words = list(guessed(spoken, 0.0, len(text) * self._pace))
        length = 0
        for wave in self._receive(text):
            length += len(wave)
            begun = [word for word in words if word.start < length / self.sample_rate]
            words = words[len(begun) :]
            yield Piece(wave, tuple(begun))
        yield Piece(np.zeros(0, dtype=np.float32), _late(words, length / self.sample_rate), last=True)
        with self._lock:
            self._pace += 0.5 * (length / self.sample_rate / len(text) - self._pace)

    def _receive(self, text: str) -> Iterator[Wave]:
        """The endpoint's audio as it arrives, float32 [n] in -1..1.

        Raises:
            SpeechError: no speech came, or it broke off.
        """
        import openai

        failures: tuple[type[Exception], ...] = (openai.OpenAIError, *_transport_errors()[0])
        speech = self._client.audio.speech.with_streaming_response
        try:
            with speech.create(input=text, **self._request) as response:
                self._check_kind(response.headers.get("content-type", ""))
                yield from self._decode(response.iter_bytes(int(_PIECE * self.sample_rate) * 2))
        except failures as error:
            # Not chained: the exception also carries the request with the key in its headers.
            raise SpeechError(f"no speech from {self._where}: {self._explain(error)}") from None

    def _decode(self, pieces: Iterator[bytes]) -> Iterator[Wave]:
        received, rest = 0, b""
        for piece in pieces:
            if not received:
                self._check_start(piece)
            received += len(piece)
            if received > LONGEST * self.sample_rate * 2:
                raise SpeechError(f"{self._where} sent more than {LONGEST:.0f} s of audio for one clause")
            data = rest + piece
            whole = len(data) // 2 * 2
            rest = data[whole:]
            yield np.frombuffer(data[:whole], dtype="<i2").astype(np.float32) / np.float32(32_768)
        if received < 2:
            raise SpeechError(f"{self._where} answered without audio")

    def _check_kind(self, kind: str) -> None:
        if kind.startswith(("text/", "application/json")):
            raise SpeechError(
                f"{self._where} answered with {kind.partition(';')[0]}, not audio: check the base URL"
            )

    def _check_start(self, piece: bytes) -> None:
        for mark, name in _CONTAINERS.items():
            if piece.startswith(mark):
                raise SpeechError(f"{self._where} sent {name}, not raw PCM: it ignores response_format")

    def _explain(self, error: Exception) -> str:
        """One line: what went wrong and what to do. Never the key, never the text."""
        import openai

        broken, late = _transport_errors()
        advice: dict[type[Exception] | tuple[type[Exception], ...], str] = {
            (openai.APITimeoutError, *late): f"nothing within {self._timeout:g} s; raise the timeout",
            openai.APIConnectionError: "cannot connect; check the base URL and the network",
            broken: "the connection broke off",
            openai.AuthenticationError: "the key was refused",
            openai.PermissionDeniedError: "the key may not use this model",
            openai.NotFoundError: "no such model, voice or path; check the names and the base URL",
            openai.RateLimitError: "too many requests, or the quota is used up; try later",
        }
        for kind, text in advice.items():
            if isinstance(error, kind):
                return text
        status = getattr(error, "status_code", None)
        return f"the server failed{f' with status {status}' if status else ''} ({type(error).__name__})"


def _transport_errors() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """Errors, and those of them that are timeouts, of the HTTP library that the client uses: httpx or httpx2.

    While a body is streamed, the client passes them on as they are.
    """
    used = [sys.modules[name] for name in ("httpx", "httpx2") if name in sys.modules]
    return tuple(lib.HTTPError for lib in used), tuple(lib.TimeoutException for lib in used)


def _late(words: Sequence[WordTime], end: float) -> tuple[WordTime, ...]:
    """Words that were expected behind the audio's end: they were said sooner, so they get its end."""
    return tuple(WordTime(word.text, end, end, estimated=True) for word in words)
