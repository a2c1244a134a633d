"""Kokoro: 28 English voices that sound natural, at a sixth of real time on one core.

Kokoro-82M is StyleTTS 2 (Li et al. 2023) with an iSTFT decoder. It takes IPA in a spelling of its own (one
letter for a diphthong) and a style vector that depends on the number of symbols. Like Piper it predicts how
long each symbol lasts, and like Piper's its export does not say so: the graph gets one more output.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.guess import Aligner, word_times
from tts.normalise import Spoken
from tts.onnx_graph import open_session, read_ops, with_output
from tts.phonemes import phrase
from tts.spans import heard_words, word_spans
from tts.types import WordTime
from tts.utterance import ClauseUtterance, Piece

MAX_SYMBOLS = 509  # the style table has a row for each length up to this
_FRAME = 600  # samples of one duration frame at 24 kHz
_AHEAD = 1  # frames by which the decoder's audio runs ahead of the durations; measured at the ends of pauses
_STYLE_SHAPE = (510, 256)

_COMMON = {
    "aɪ": "I", "aʊ": "W", "eɪ": "A", "e": "A", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ", "ɚɹ": "əɹ", "ɚ": "əɹ", "ɐ": "ə",
    "r": "ɹ", "x": "k", "ç": "k", "ɬ": "l", "ʲə": "jə", "ʲ": "", "ʔ": "t", "ɾ": "T", "əl": "ᵊl", "\u0303": "",
    "n\u0329": "ᵊn", "l\u0329": "ᵊl", "m\u0329": "ᵊm", "\u0329": "", "o": "ɔ", "g": "ɡ",
}  # fmt: skip
_AMERICAN = _COMMON | {"oʊ": "O", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪə": "iə", "ː": ""}
_BRITISH = _COMMON | {"əʊ": "Q", "oʊ": "Q", "eə": "ɛː", "iə": "ɪə"}
"""espeak's IPA in the spelling that Kokoro was trained on (that of misaki, its phonemiser)."""


class KokoroSynthesiser:
    """A loaded Kokoro with one of its voices, shared by all sessions.

    Args:
        folder: holds kokoro*.onnx, vocab.json and voices/NAME.bin.
        voice: for example "af_heart"; the first letter is the accent (a American, b British), the second f or m.
        speed: 1 is the voice's own pace.
        threads: intra-op threads. One is right where other engines share the cores.
        aligner: gives word times where the model's graph holds no durations. Without one they are guessed.

    Raises:
        FileNotFoundError: a file or the voice is missing.
        ValueError: a file cannot be read as what it should be, or the speed is out of 0.5..2.
    """

    sample_rate = 24_000

    def __init__(
        self,
        folder: Path | str,
        voice: str = "af_heart",
        speed: float = 1.0,
        threads: int = 1,
        aligner: Aligner | None = None,
    ) -> None:
        self._folder = folder = Path(folder)
        self._take_voice(voice, speed)
        self._vocab = _load_vocab(folder / "vocab.json")
        self._aligner = aligner
        models = sorted(folder.glob("kokoro*.onnx"))
        if not models:
            raise FileNotFoundError(f"no Kokoro model in {folder}: kokoro*.onnx is missing")
        try:
            model = models[0].read_bytes()
            durations = _durations(model)
            self._session = open_session(with_output(model, durations) if durations else model, threads)
        except ValueError as error:
            raise ValueError(f"cannot load {models[0]}: {error}") from error
        self._outputs = ["audio", *([durations] if durations else [])]

    def stream(self) -> ClauseUtterance:
        """A new, empty utterance."""
        return ClauseUtterance(self._render, self.sample_rate)

    def with_voice(self, voice: str, speed: float = 1.0) -> KokoroSynthesiser:
        """Another voice of the same loaded model.

        Raises:
            FileNotFoundError: there is no such voice.
            ValueError: the voice is damaged, or the speed is out of 0.5..2.
        """
        other = copy.copy(self)
        other._take_voice(voice, speed)
        return other

    def _take_voice(self, voice: str, speed: float) -> None:
        if not 0.5 <= speed <= 2.0:
            raise ValueError(f"speed is {speed}: give 0.5 to 2")
        self._styles = _load_styles(self._folder, voice)
        self._espeak_voice, self._spelling = ("en", _BRITISH) if voice[0] == "b" else ("en-us", _AMERICAN)
        self._speed = np.array([speed], dtype=np.float32)

    def _render(self, spoken: Sequence[Spoken]) -> Iterator[Piece]:
        symbols, owners = self._symbols(spoken)
        if not symbols:
            return
        tokens = np.array([[0, *(self._vocab[symbol] for symbol in symbols), 0]], dtype=np.int64)
        inputs = {"tokens": tokens, "style": self._styles[len(symbols)][None], "speed": self._speed}
        audio, *durations = self._session.run(self._outputs, inputs)
        pcm = np.asarray(audio, dtype=np.float32).reshape(-1)
        yield Piece(pcm, self._word_times(spoken, owners, pcm, durations), last=True)

    def _symbols(self, spoken: Sequence[Spoken]) -> tuple[list[str], list[int]]:
        """Kokoro's symbols and for each the index of its written word, or -1."""
        source, belongs = phrase(spoken, self._espeak_voice)
        pairs = [pair for pair in respell(source, belongs, self._spelling) if pair[0] in self._vocab]
        pairs = pairs[:MAX_SYMBOLS]
        return [symbol for symbol, _ in pairs], [owner for _, owner in pairs]

    def _word_times(
        self,
        spoken: Sequence[Spoken],
        owners: Sequence[int],
        pcm: NDArray[np.float32],
        durations: Sequence[Any],
    ) -> tuple[WordTime, ...]:
        if not durations:
            return word_times(pcm, self.sample_rate, spoken, self._aligner)
        frames = np.asarray(durations[0]).reshape(-1)
        edges = np.maximum(0, np.concatenate(([0], np.cumsum(frames))) - _AHEAD) * (_FRAME / self.sample_rate)
        spans = [(edges[at + 1], edges[at + 2]) for at in range(len(owners))]  # a blank token stands in front
        return heard_words(word_spans(spoken, owners, spans), pcm, self.sample_rate)


def respell(
    symbols: Sequence[str], owners: Sequence[int], spelling: dict[str, str]
) -> Iterator[tuple[str, int]]:
    """Symbols replaced by the longest match in `spelling`, each with its owner."""
    longest = max(map(len, spelling))
    at = 0
    while at < len(symbols):
        for size in range(longest, 0, -1):
            new = spelling.get("".join(symbols[at : at + size]))
            if new is not None and at + size <= len(symbols):
                break
        else:
            size, new = 1, symbols[at]
        yield from ((symbol, owners[at]) for symbol in new)
        at += size


def voices(folder: Path | str) -> list[str]:
    """Names of the voices in a Kokoro folder."""
    return sorted(path.stem for path in (Path(folder) / "voices").glob("*.bin"))


def _load_styles(folder: Path, voice: str) -> NDArray[np.float32]:
    names = voices(folder)
    if voice not in names:
        known = ", ".join(names) or "none"
        raise FileNotFoundError(f"no Kokoro voice {voice!r} in {folder}/voices; there are: {known}")
    styles = np.fromfile(folder / "voices" / f"{voice}.bin", dtype=np.float32)
    if styles.size != _STYLE_SHAPE[0] * _STYLE_SHAPE[1]:
        raise ValueError(f"the Kokoro voice {voice} in {folder} is damaged: it is not float32 [510, 1, 256]")
    return styles.reshape(_STYLE_SHAPE)


def _load_vocab(path: Path) -> dict[str, int]:
    try:
        vocab = json.loads(path.read_text())["vocab"]
        return {str(symbol): int(number) for symbol, number in vocab.items()}
    except FileNotFoundError:
        raise FileNotFoundError(f"no Kokoro model in {path.parent}: vocab.json is missing") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"cannot read {path}: {error!r}") from error


def _durations(model: bytes) -> str | None:
    """The tensor of predicted durations: rounded, and clipped to one frame at least."""
    ops = read_ops(model)
    rounded = {name for op in ops if op.kind == "Round" for name in op.outputs}
    found = [op.outputs[0] for op in ops if op.kind == "Clip" and rounded.intersection(op.inputs)]
    return found[0] if len(found) == 1 else None
