"""Piper: the default voice, fast enough to answer on one core, with exact word times.

A Piper voice is a VITS (`tts.vits`), whose duration predictor decides how many frames each phoneme takes, so
word times are known, not guessed. piper-tts would run it on ONNX Runtime's default threads, which delay an event
loop by 30 ms, and a sentence at a time; here it runs on one thread, and sounds about a second at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from tts.normalise import Spoken
from tts.phonemes import phrase
from tts.spans import heard_words, parts, word_spans
from tts.utterance import ClauseUtterance, Piece
from tts.vits import Plan, Vits

PARTS = (0.4, 1.0, 2.0)
"""Seconds of speech that the first, second and any later part of a clause has at least; parts end between words."""
_BEGIN, _PAD, _END = "^", "_", "$"


class PiperSynthesiser:
    """A loaded Piper voice, shared by all sessions.

    Args:
        folder: holds one NAME.onnx and its NAME.onnx.json.
        speed: 1 is the voice's own pace.
        threads: intra-op threads. One is right where other engines share the cores.
        varied: say the same text a little differently each time, as people do. False: always the same samples.
        speaker: which speaker, for voices with several.

    Raises:
        FileNotFoundError: the folder holds no voice.
        ValueError: a file cannot be read as what it should be, or the speed is out of 0.5..2.
    """

    def __init__(
        self,
        folder: Path | str,
        speed: float = 1.0,
        threads: int = 1,
        varied: bool = True,
        speaker: int = 0,
    ) -> None:
        from piper.config import PhonemeType, PiperConfig

        if not 0.5 <= speed <= 2.0:
            raise ValueError(f"speed is {speed}: give 0.5 to 2")
        model = _find_voice(Path(folder))
        try:
            config = PiperConfig.from_dict(json.loads(model.with_name(f"{model.name}.json").read_text()))
            if config.phoneme_type != PhonemeType.ESPEAK:
                raise ValueError(f"its phonemes are {config.phoneme_type}, not espeak's")
            if not 0 <= speaker < max(1, config.num_speakers):
                raise ValueError(f"it has {config.num_speakers} speakers, so none is {speaker}")
            self._vits = Vits(model.read_bytes(), config.hop_length, threads)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"cannot load the Piper voice in {folder}: {error}") from error
        noise = (config.noise_scale, config.noise_w_scale) if varied else (0.0, 0.0)
        self._scales = (noise[0], config.length_scale / speed, noise[1])
        self._speaker = speaker if config.num_speakers > 1 else None
        self._espeak_voice: str = config.espeak_voice
        self._ids: dict[str, Sequence[int]] = config.phoneme_id_map
        self._hop: int = config.hop_length
        self.sample_rate: int = config.sample_rate

    def stream(self) -> ClauseUtterance:
        """A new, empty utterance."""
        return ClauseUtterance(self._render, self.sample_rate)

    def _render(self, spoken: Sequence[Spoken]) -> Iterator[Piece]:
        symbols, owners = phrase(spoken, self._espeak_voice)
        ids, ends = self._to_ids(symbols)
        plan = self._vits.plan(ids, self._scales, self._speaker)
        spans = word_spans(spoken, owners, self._spans(ends, plan))
        first = 0
        for words, until in parts(spans, PARTS):
            last = plan.frames if until is None else round(until * self.sample_rate / self._hop)
            pcm = self._vits.sound(plan, first, last)
            heard = heard_words(words, pcm, self.sample_rate, first * self._hop / self.sample_rate)
            yield Piece(pcm, heard, last=until is None)
            first = last

    def _to_ids(self, symbols: Sequence[str]) -> tuple[list[int], list[int]]:
        """The model's ids, each symbol's followed by a pad, and for each symbol the index of that pad."""
        pad = self._ids[_PAD]
        ids, ends = [*self._ids[_BEGIN], *pad], []
        for symbol in symbols:
            if symbol in self._ids:
                ids += [*self._ids[symbol], *pad]
            ends.append(len(ids) - 1)
        return [*ids, *self._ids[_END]], ends

    def _spans(self, ends: Sequence[int], plan: Plan) -> list[tuple[float, float]]:
        """Start and end of each symbol in seconds: the middles of the pads around it."""
        edges = np.concatenate(([0], np.cumsum(plan.durations))) * (self._hop / self.sample_rate)
        middles = [float(edges[at] + edges[at + 1]) / 2 for at in (1, *ends)]
        return list(pairwise(middles))


def _find_voice(folder: Path) -> Path:
    voices = sorted(folder.glob("*.onnx")) if folder.is_dir() else []
    voices = [voice for voice in voices if voice.with_name(f"{voice.name}.json").is_file()]
    if not voices:
        raise FileNotFoundError(f"no Piper voice in {folder}: it needs NAME.onnx and NAME.onnx.json")
    return voices[0]
