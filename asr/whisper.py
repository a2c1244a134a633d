"""Whisper through CTranslate2, cut down to what a conversation needs.

Whisper (Radford et al. 2022) is built for 30 s of audio; a turn is a few seconds. Encoding a zero-padded
window of 10 s takes a third of the time at nearly the same word error rate. A model of base's size does as well on
8 s with 4 s of padding; tiny.en loses words there, and with 1 s of padding both loop. Greedy, no timestamps, bounded
length. Word times come from the cross-attention afterwards (`align`), and so do the signs of a loop, which
`asr.guards` cuts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from asr.guards import is_guessed, is_made_up, kept_of_loop
from asr.levels import cut_point, is_silence, trimmed
from asr.mel import HOP, log_mel
from asr.pcm import check_pcm
from asr.types import SAMPLE_RATE, Pcm, Word

WINDOW_SECONDS = 10.0
"""The longest audio that one run of the model reads."""
_WINDOW = int(WINDOW_SECONDS * SAMPLE_RATE)
_PADDING, _STEP = 4 * SAMPLE_RATE, SAMPLE_RATE // 2
_FRAME_SECONDS = 0.02  # one encoder position
_MAX_HINT = 120
_TOKENS_PER_SECOND = 8  # people speak 3-5 tokens/s; a bound on what a loop can cost
_FILES = ("model.bin", "config.json", "tokenizer.json")


@dataclass(frozen=True, slots=True)
class _Token:
    """The special tokens of one model's vocabulary, which differ between .en and multilingual models."""

    start: tuple[int, ...]
    no_timestamps: int
    end: int


class WhisperModel:
    """A loaded Whisper, shared by all sessions; `transcribe` may be called from several threads."""

    def __init__(
        self,
        folder: Path | str,
        threads: int = 1,
        compute_type: str = "int8",
        language: str = "en",
        shortest: float = WINDOW_SECONDS,
    ) -> None:
        """Load a CTranslate2 Whisper.

        Args:
            folder: holds model.bin, config.json, tokenizer.json and the vocabulary.
            threads: intra-op threads. One is right where other engines share the cores.
            compute_type: CTranslate2's; int8 takes half the time of float32 at the same error rate.
            language: Whisper's code, for multilingual models. Word splitting assumes spaces.
            shortest: seconds of audio, padding included, that it is given at least, up to 10. With 8 the final words of
                base take a sixth less time.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: a file cannot be read as what it should be, or the language is unknown.
        """
        import ctranslate2
        from tokenizers import Tokenizer

        self._shortest = int(shortest * SAMPLE_RATE)
        folder = Path(folder)
        for name in _FILES:
            if not (folder / name).is_file():
                raise FileNotFoundError(f"no Whisper model in {folder}: {name} is missing")
        self._view = ctranslate2.StorageView.from_array
        try:
            self._model = ctranslate2.models.Whisper(
                str(folder), device="cpu", compute_type=compute_type, inter_threads=1, intra_threads=threads
            )
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._bands = int(json.loads((folder / "config.json").read_text()).get("n_mels", 80))
        except Exception as error:  # CTranslate2 and tokenizers raise RuntimeError and bare Exception
            raise ValueError(f"cannot load the Whisper model in {folder}: {error}") from error
        task = [f"<|{language}|>", "<|transcribe|>"] if self._model.is_multilingual else []
        self._token = _Token(
            start=tuple(self._id(name) for name in ("<|startoftranscript|>", *task)),
            no_timestamps=self._id("<|notimestamps|>"),
            end=self._id("<|endoftext|>"),
        )

    def _id(self, name: str) -> int:
        token = self._tokenizer.token_to_id(name)
        if token is None:
            raise ValueError(f"the Whisper model has no token {name}")
        return int(token)

    def transcribe(self, pcm: Pcm, hint: str = "") -> tuple[Word, ...]:
        """Recognise int16 [n] at 16 kHz.

        Audio of more than 10 s is cut at pauses and recognised piece by piece, 5 to 10 s each.

        Args:
            pcm: the audio.
            hint: text that stands before the audio, such as a list of names that may be said in it: their
                spelling is then preferred. It is given as Whisper's previous text (Radford et al. 2022) and cut
                to 120 tokens after a whole name: of longer lists the models begin to write names into noise.

        Returns:
            Words with start and end in seconds from the first sample. None for silence and noise.

        Raises:
            ValueError: the array is not one-dimensional int16.
        """
        pcm = check_pcm(pcm)
        words: list[Word] = []
        at = 0
        while len(pcm) - at > _WINDOW:
            piece = first_piece(pcm[at:])
            words += _shifted(self._window(pcm[at : at + piece], hint), at / SAMPLE_RATE)
            at += piece
        words += _shifted(self._window(pcm[at:], hint), at / SAMPLE_RATE)
        return tuple(words)

    def _window(self, pcm: Pcm, hint: str) -> list[Word]:
        """Recognise at most one window of audio."""
        if is_silence(pcm):
            return []
        features = log_mel(pcm, padded(len(pcm), self._shortest) // HOP, self._bands)
        encoded = self._model.encode(self._view(features[None]))
        prompt = [*self._previous(hint), *self._token.start, self._token.no_timestamps]
        result = self._model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + 8 + int(_TOKENS_PER_SECOND * len(pcm) / SAMPLE_RATE),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = [token for token in result.sequences_ids[0] if token < self._token.end]
        if not tokens or is_made_up(result.no_speech_prob, result.scores[0]):
            return []
        words, heads = self._aligned(encoded, tokens, len(pcm))
        if is_guessed(words):
            return []
        kept = kept_of_loop(words)
        if kept < len(words):
            if is_made_up(result.no_speech_prob, result.scores[0], looped=True):
                return []
            # The loop took a share of the alignment: without it the words that stay get their true times.
            words, _ = self._aligned(encoded, tokens[: heads[kept]], len(pcm))
        return trimmed(words, pcm)

    def _previous(self, hint: str) -> list[int]:
        """The tokens of a text that stands before the audio."""
        if not hint:
            return []
        tokens: list[int] = self._tokenizer.encode(f" {hint}", add_special_tokens=False).ids
        if len(tokens) > _MAX_HINT:
            # Half a name or a missing full stop would carry over into the spelling and punctuation.
            comma, stop = self._id(","), self._id(".")
            commas = [at for at in range(_MAX_HINT) if tokens[at] == comma]
            tokens = [*tokens[: commas[-1]], stop] if commas else tokens[:_MAX_HINT]
        return [self._id("<|startofprev|>"), *tokens]

    def _aligned(self, encoded: Any, tokens: list[int], samples: int) -> tuple[list[Word], list[int]]:
        """Words of `tokens` with their times, and the index of each word's first token."""
        frames = max(2, samples // HOP)
        result = self._model.align(encoded, list(self._token.start), [tokens], frames)[0]
        path = np.array(result.alignments)
        jumps = np.concatenate(([True], np.diff(path[:, 0]) > 0))
        times = path[jumps, 1] * _FRAME_SECONDS
        limit = samples / SAMPLE_RATE
        words, heads = [], []
        for first, last in pairwise([*self._heads(tokens), len(tokens)]):
            text = self._tokenizer.decode(tokens[first:last]).strip()
            if not any(char.isalnum() for char in text):
                continue  # punctuation standing alone is nothing that was said
            start = min(float(times[min(first, len(times) - 1)]), limit)
            end = min(float(times[min(last, len(times) - 1)]), limit)
            probability = float(np.mean(result.text_token_probs[first:last]))
            words.append(Word(text, start, max(start, end), min(1.0, probability)))
            heads.append(first)
        return words, heads

    def _heads(self, tokens: list[int]) -> list[int]:
        """Indices of the tokens that begin a word: the first one and those that carry a space."""
        pieces = [str(self._tokenizer.id_to_token(token)) for token in tokens]
        return [at for at, piece in enumerate(pieces) if at == 0 or piece.startswith("Ġ")]


def first_piece(pcm: Pcm) -> int:
    """How many samples of audio longer than one window to recognise first: up to a pause in 5..10 s."""
    return cut_point(pcm, _WINDOW // 2, _WINDOW)


def padded(samples: int, shortest: int) -> int:
    """How many samples, padding included, a model is given for so many of audio: `shortest` at least, 10 s at most."""
    steps = -(-(samples + _PADDING) // _STEP)
    return min(_WINDOW, max(shortest, steps * _STEP))


def _shifted(words: Sequence[Word], seconds: float) -> list[Word]:
    return [replace(word, start=word.start + seconds, end=word.end + seconds) for word in words]
