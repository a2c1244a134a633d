"""Piper: the default voice, fast enough to answer on one core, with exact word times.

Piper is VITS (Kim et al. 2021): its duration predictor decides how many frames each phoneme takes, so word
times are known, not guessed. The published voices do not give these durations out; the graph gets an output
more. piper-tts hard-codes its ONNX session, whose thread pool delays an event loop by 30 ms; here the
session has one thread and does not spin.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tts.guess import word_times
from tts.normalise import Spoken
from tts.onnx_graph import open_session, read_ops, with_output
from tts.phonemes import phrase
from tts.spans import spans_to_words
from tts.utterance import ClauseUtterance, Piece


class PiperSynthesiser:
    """A loaded Piper voice, shared by all sessions.

    Args:
        folder: holds one NAME.onnx and its NAME.onnx.json.
        patched: the same voice with changes to its graph, taken in place of NAME.onnx where it exists.
        patched: unused; the voice needs no second file. Kept for callers that still pass one.
        speed: 1 is the voice's own pace.
        threads: intra-op threads. One is right where other engines share the cores.

    Raises:
        FileNotFoundError: the folder holds no voice.
        ValueError: a file cannot be read as what it should be, or the speed is out of 0.5..2.
    """

    def __init__(
        self, folder: Path | str, patched: Path | None = None, speed: float = 1.0, threads: int = 1
    ) -> None:
        from piper import PiperVoice
        from piper.config import PiperConfig, SynthesisConfig

        if not 0.5 <= speed <= 2.0:
            raise ValueError(f"speed is {speed}: give 0.5 to 2")
        model = _find_voice(Path(folder))
        try:
            config = PiperConfig.from_dict(json.loads(model.with_name(f"{model.name}.json").read_text()))
            data = (patched if patched is not None and patched.is_file() else model).read_bytes()
            durations = _durations(data)
            session = open_session(with_output(data, durations) if durations else data, threads)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"cannot load the Piper voice in {folder}: {error}") from error
        self._voice = PiperVoice(session=session, config=config)
        self._espeak_voice: str = config.espeak_voice
        self._settings = SynthesisConfig(length_scale=config.length_scale / speed)
        self.sample_rate: int = config.sample_rate

    def stream(self) -> ClauseUtterance:
        """A new, empty utterance."""
        return ClauseUtterance(self._render, self.sample_rate)

    def _render(self, spoken: Sequence[Spoken]) -> Iterator[Piece]:
        symbols, owners = phrase(spoken, self._espeak_voice)
        ids = self._voice.phonemes_to_ids(list(symbols))
        audio, samples = self._voice.phoneme_ids_to_audio(ids, self._settings, include_alignments=True)
        pcm = np.asarray(audio, dtype=np.float32).reshape(-1)
        if samples is None:
            yield Piece(pcm, word_times(pcm, self.sample_rate, spoken, None))
        else:
            words = spans_to_words(spoken, owners, self._spans(symbols, samples), pcm, self.sample_rate)
            yield Piece(pcm, words)

    def _spans(self, symbols: Sequence[str], samples: Any) -> list[tuple[float, float]]:
        """Start and end of each symbol in seconds; no length where the voice does not know it.

        A pad stands between two symbols' ids; one half of it counts to each.
        """
        edges = np.concatenate(([0], np.cumsum(samples))) / self.sample_rate
        spans = []
        at = 2  # the ids begin with ^ and a pad, and each symbol's ids are followed by a pad
        end = float(edges[1] + edges[2]) / 2
        for symbol in symbols:
            start, known = end, self._voice.config.phoneme_id_map.get(symbol)
            if known:
                at += len(known) + 1
                end = float(edges[at - 1] + edges[at]) / 2
            spans.append((start, end))
        return spans


def _find_voice(folder: Path) -> Path:
    voices = sorted(folder.glob("*.onnx")) if folder.is_dir() else []
    voices = [voice for voice in voices if voice.with_name(f"{voice.name}.json").is_file()]
    if not voices:
        raise FileNotFoundError(f"no Piper voice in {folder}: it needs NAME.onnx and NAME.onnx.json")
    return voices[0]


def _durations(model: bytes) -> str | None:
    """The tensor of predicted durations: the only one that is rounded up."""
    ceilings = [op.outputs[0] for op in read_ops(model) if op.kind == "Ceil"]
    return ceilings[0] if len(ceilings) == 1 else None
