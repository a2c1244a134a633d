"""Piper: the default voice, fast enough to answer on one core, with exact word times.

Piper is VITS (Kim et al. 2021): its duration predictor decides how many frames each phoneme takes, so word
times are known, not guessed. The published voices do not give these durations out; the graph is patched once
to do so. piper-tts hard-codes its ONNX session, whose thread pool delays an event loop by 30 ms; here the
session has one thread and does not spin.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tts.normalise import Spoken
from tts.phonemes import phonemise
from tts.types import WordTime
from tts.utterance import ClauseUtterance, Piece


class PiperSynthesiser:
    """A loaded Piper voice, shared by all sessions.

    Args:
        folder: holds one NAME.onnx and its NAME.onnx.json.
        patched: where the voice with durations as an output is kept (made there if it is missing, whole or
            not at all). None: it is made in memory at each start, which takes 2 s.
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
            session = _session(_with_durations(model, patched), threads)
        except (ValueError, KeyError, RuntimeError) as error:
            raise ValueError(f"cannot load the Piper voice in {folder}: {error}") from error
        self._voice = PiperVoice(session=session, config=config)
        self._espeak_voice: str = config.espeak_voice
        self._settings = SynthesisConfig(length_scale=config.length_scale / speed)
        self.sample_rate: int = config.sample_rate

    def stream(self) -> ClauseUtterance:
        """A new, empty utterance."""
        return ClauseUtterance(self._render, self.sample_rate)

    def _render(self, spoken: Sequence[Spoken]) -> Iterator[Piece]:
        words = [(index, word) for index, item in enumerate(spoken) for word in item.words]
        stops = [""] * len(words)
        for at, (index, _) in enumerate(words):
            if at + 1 == len(words) or words[at + 1][0] != index:
                stops[at] = spoken[index].stop
        phonemes = phonemise([word for _, word in words], stops, self._espeak_voice)
        ids = self._voice.phonemes_to_ids(list(phonemes.symbols))
        audio, samples = self._voice.phoneme_ids_to_audio(ids, self._settings, include_alignments=True)
        owners = [words[owner][0] if owner >= 0 else -1 for owner in phonemes.owners]
        yield Piece(audio.astype(np.float32), self._word_times(spoken, phonemes.symbols, owners, samples))

    def _word_times(
        self, spoken: Sequence[Spoken], symbols: Sequence[str], owners: Sequence[int], samples: Any
    ) -> tuple[WordTime, ...]:
        """Written words with the time from their first phoneme's start to their last one's end."""
        edges = np.concatenate(([0], np.cumsum(samples)))
        id_map, rate = self._voice.config.phoneme_id_map, self.sample_rate
        at = 2  # the ids begin with ^ and a pad, and each symbol's ids are followed by a pad
        spans: dict[int, tuple[int, int]] = {}
        for symbol, owner in zip(symbols, owners, strict=True):
            known = id_map.get(symbol)
            if known is None:
                continue
            first, at = at, at + len(known) + 1
            if owner >= 0:
                spans[owner] = (spans.get(owner, (first, 0))[0], at)
        return tuple(
            WordTime(spoken[owner].written, float(edges[first]) / rate, float(edges[end]) / rate)
            for owner, (first, end) in sorted(spans.items())
        )


def _find_voice(folder: Path) -> Path:
    voices = sorted(folder.glob("*.onnx")) if folder.is_dir() else []
    voices = [voice for voice in voices if voice.with_name(f"{voice.name}.json").is_file()]
    if not voices:
        raise FileNotFoundError(f"no Piper voice in {folder}: it needs NAME.onnx and NAME.onnx.json")
    return voices[0]


def _with_durations(model: Path, patched: Path | None) -> Path | bytes:
    """The voice whose graph also gives out the durations."""
    if patched is not None and patched.is_file():
        return patched
    import onnx
    from piper.patch_voice_with_alignment import add_alignment_output

    graph = onnx.load(str(model))
    add_alignment_output(graph)
    data: bytes = graph.SerializeToString()
    if patched is None:
        return data
    patched.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=patched.parent, prefix=f"{patched.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(patched)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return patched


def _session(model: Path | bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
