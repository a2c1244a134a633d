"""Streaming transducers through sherpa-onnx, with the user's own weights.

A transducer (Graves 2012; Zipformer, Yao et al. 2023) reads each 40 ms once and never goes back: cheaper than
re-reading with Whisper, and with greedy search its words are stable as soon as the next one begins. No
package registry carries English weights, so the folder is the user's; k2-fsa's releases hold many.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asr.pcm import check_pcm
from asr.types import SAMPLE_RATE, Hypothesis, Pcm, Word

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FRAME_SECONDS = 0.04  # one encoder output: ten frames of 10 ms, subsampled by four
_FLUSH = int(0.6 * SAMPLE_RATE)  # zeros that push the last words through the encoder's look-ahead
_MEMORY = 120 * SAMPLE_RATE
_WORD_MARKS = ("▁", " ")


class SherpaRecogniser:
    """A loaded streaming transducer, shared by all sessions."""

    def __init__(self, folder: Path | str, threads: int = 1, int8: bool = True) -> None:
        """Load encoder*.onnx, decoder*.onnx, joiner*.onnx and tokens.txt from `folder`.

        Args:
            folder: a model as k2-fsa releases it.
            threads: intra-op threads.
            int8: prefer `*.int8.onnx` for encoder and joiner where there are such.

        Raises:
            ModuleNotFoundError: sherpa-onnx is not installed.
            FileNotFoundError: a file is missing.
            ValueError: a file is ambiguous or broken, or the encoder is not a streaming transducer's.
        """
        try:
            import sherpa_onnx
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("streaming transducers need: pip install sherpa-onnx") from error
        folder = Path(folder)
        encoder = model_file(folder, "encoder", int8)
        _check_encoder(encoder)
        tokens = folder / "tokens.txt"
        _check_tokens(tokens)
        try:
            self._engine = sherpa_onnx.OnlineRecognizer.from_transducer(
                tokens=str(tokens),
                encoder=str(encoder),
                decoder=str(model_file(folder, "decoder", False)),
                joiner=str(model_file(folder, "joiner", int8)),
                num_threads=threads,
                decoding_method="greedy_search",
            )
        except RuntimeError as error:
            raise ValueError(f"cannot load the transducer in {folder}: {error}") from error

    def stream(self) -> SherpaStream:
        """A new stream with no audio."""
        return SherpaStream(self._engine)


class SherpaStream:
    """One speaker's utterance. `accept` may be called while another thread decodes."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._audio_lock = threading.Lock()
        self._decode_lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget all audio and words; time starts at 0 again."""
        with self._decode_lock, self._audio_lock:
            self._stream = self._engine.create_stream()
            self._waiting: list[Pcm] = []
            self._samples = 0  # waiting
            self._fed = 0  # real samples that the engine has
            self._flushed: list[tuple[float, float]] = []  # engine time and length of each flush, in seconds

    def accept(self, pcm: Pcm) -> None:
        """Append int16 [n] at 16 kHz. Keeps at most two minutes that nobody asked to decode.

        Raises:
            ValueError: the array is not one-dimensional int16.
        """
        pcm = check_pcm(pcm).copy()
        with self._audio_lock:
            self._waiting.append(pcm)
            self._samples += len(pcm)
            while self._samples > _MEMORY and len(self._waiting) > 1:
                self._samples -= len(self._waiting.pop(0))

    def hypothesis(self) -> Hypothesis:
        """Decode what has come in. All words but the last, which may still grow, are stable."""
        with self._decode_lock:
            self._decode()
            words = self._words()
        return Hypothesis(words, max(0, len(words) - 1))

    def finalise(self) -> Hypothesis:
        """Decode what has come in and the encoder's look-ahead. The stream can go on afterwards.

        The engine cannot be rolled back, so it is given a short silence, which later times leave out.
        """
        with self._decode_lock:
            if self._decode() or not self._flushed:
                inserted = sum(length for _, length in self._flushed)
                self._flushed.append((self._fed / SAMPLE_RATE + inserted, _FLUSH / SAMPLE_RATE))
                self._feed(np.zeros(_FLUSH, dtype=np.float32))
            words = self._words()
        return Hypothesis(words, len(words), final=True)

    def _decode(self) -> bool:
        """Give the engine what waits; whether that was anything."""
        with self._audio_lock:
            waiting, self._waiting, self._samples = self._waiting, [], 0
        if not waiting:
            return False
        audio = np.concatenate(waiting)
        self._fed += len(audio)
        self._feed(audio.astype(np.float32) / np.float32(32768))
        return True

    def _feed(self, audio: NDArray[Any]) -> None:
        self._stream.accept_waveform(SAMPLE_RATE, audio)
        while self._engine.is_ready(self._stream):
            self._engine.decode_stream(self._stream)

    def _words(self) -> tuple[Word, ...]:
        result = self._engine.get_result_all(self._stream)
        times = [self._real(time) for time in result.timestamps]
        return words_of(result.tokens, times, result.ys_probs, self._fed / SAMPLE_RATE)

    def _real(self, time: float) -> float:
        """Engine time without the flushes that came before it."""
        return time - sum(min(length, time - at) for at, length in self._flushed if time > at)


def words_of(
    tokens: Sequence[str], times: Sequence[float], log_probabilities: Sequence[float], limit: float
) -> tuple[Word, ...]:
    """Join word pieces into words.

    A transducer says when a piece is emitted, not how long it lasts: a word ends one encoder frame after its
    last piece, which is a little early for long last syllables.

    Args:
        tokens: pieces, those that begin a word marked by a leading space or "▁".
        times: when each was emitted, in seconds.
        log_probabilities: of each piece; may be empty.
        limit: no word ends after this, in seconds.
    """
    heads = [at for at, token in enumerate(tokens) if at == 0 or token.startswith(_WORD_MARKS)]
    words = []
    for first, last in pairwise([*heads, len(tokens)]):
        text = "".join(tokens[first:last]).replace("▁", " ").strip()
        if not text:
            continue
        start = min(times[first], limit)
        end = max(start, min(times[last - 1] + _FRAME_SECONDS, limit))
        logs = log_probabilities[first:last]
        probability = math.exp(min(0.0, sum(logs) / len(logs))) if logs else 1.0
        words.append(
            Word(text.lower() if text.isupper() and len(text) > 1 else text, start, end, probability)
        )
    return tuple(words)


def model_file(folder: Path, part: str, int8: bool) -> Path:
    """The one file `part*.onnx` in `folder`, int8 or not as asked if there are both.

    Raises:
        FileNotFoundError: there is none.
        ValueError: there are several.
    """
    found = sorted(folder.glob(f"{part}*.onnx"))
    wanted = [path for path in found if path.name.endswith(".int8.onnx") == int8] or found
    if not wanted:
        raise FileNotFoundError(f"no {part}*.onnx in {folder}")
    if len(wanted) > 1:
        raise ValueError(f"{folder} holds several {part} models: {', '.join(path.name for path in wanted)}")
    return wanted[0]


def _check_tokens(path: Path) -> None:
    """Refuse a tokens.txt that sherpa-onnx would read as something else: a symbol and its number a line."""
    if not path.is_file():
        raise FileNotFoundError(f"no tokens.txt in {path.parent}")
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.rsplit(maxsplit=1)[-1:] or not line.rsplit(maxsplit=1)[-1].isdigit():
            raise ValueError(f"{path}, line {number}: expected a symbol and its number, got {line[:40]!r}")


def _check_encoder(path: Path) -> None:
    """Refuse what sherpa-onnx would end the whole process for: it exits when metadata is missing."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a class of its own for each way a file can be broken
        raise ValueError(f"{path} is not a readable ONNX model: {str(error).splitlines()[0]}") from error
    metadata = session.get_modelmeta().custom_metadata_map
    missing = [key for key in ("model_type", "T", "decode_chunk_len") if key not in metadata]
    if missing:
        raise ValueError(f"{path} is no streaming transducer: its metadata lacks {', '.join(missing)}")
