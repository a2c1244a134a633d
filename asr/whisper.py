"""Whisper through CTranslate2, cut down to what a conversation needs.

Whisper is built for 30 s of audio; a turn is a few seconds. Encoding a zero-padded window of 10 s takes a
third of the time at nearly the same word error rate; padding by only 1 s makes the model loop, hence the
fixed window. Greedy, no timestamps, bounded length; word times come from the cross-attention afterwards.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np

from asr.mel import HOP, log_mel
from asr.pcm import check_pcm
from asr.types import SAMPLE_RATE, Pcm, Word

WINDOW_SECONDS = 10
_FRAME_SECONDS = 0.02  # one encoder position
_NO_SPEECH = 0.6


class WhisperModel:
    """A loaded Whisper, shared by all sessions."""

    def __init__(self, folder: Path | str, threads: int = 1, compute_type: str = "int8") -> None:
        """Load a CTranslate2 Whisper from `folder` (model.bin, config.json, tokenizer.json, vocabulary).

        Raises:
            FileNotFoundError: a file is missing.
        """
        import ctranslate2
        from tokenizers import Tokenizer

        folder = Path(folder)
        for name in ("model.bin", "config.json", "tokenizer.json"):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"no Whisper model in {folder}: {name} is missing")
        self._ct2 = ctranslate2
        self._model = ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type=compute_type, inter_threads=1, intra_threads=threads
        )
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._bands = json.loads((folder / "config.json").read_text()).get("n_mels", 80)
        task = ["<|en|>", "<|transcribe|>"] if self._model.is_multilingual else []
        start = ["<|startoftranscript|>", *task]
        self._start = [self._tokenizer.token_to_id(token) for token in start]
        self._no_timestamps = self._tokenizer.token_to_id("<|notimestamps|>")
        self._end = self._tokenizer.token_to_id("<|endoftext|>")

    def transcribe(self, pcm: Pcm) -> tuple[Word, ...]:
        """Recognise int16 [n] at 16 kHz, at most 10 s of it."""
        pcm = check_pcm(pcm)[: WINDOW_SECONDS * SAMPLE_RATE]
        features = log_mel(pcm, WINDOW_SECONDS * SAMPLE_RATE // HOP, self._bands)
        encoded = self._model.encode(self._ct2.StorageView.from_array(features[None]))
        prompt = [*self._start, self._no_timestamps]
        seconds = len(pcm) / SAMPLE_RATE
        result = self._model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + 8 + int(8 * seconds),
            return_no_speech_prob=True,
        )[0]
        tokens = [token for token in result.sequences_ids[0] if token < self._end]
        if not tokens or result.no_speech_prob > _NO_SPEECH:
            return ()
        aligned = self._model.align(encoded, self._start, [tokens], max(2, len(pcm) // HOP))[0]
        path = np.array(aligned.alignments)
        jumps = np.concatenate(([True], np.diff(path[:, 0]) > 0))
        times = path[jumps, 1] * _FRAME_SECONDS
        heads = self._word_heads(tokens)
        words = []
        for first, last in pairwise([*heads, len(tokens)]):
            text = self._tokenizer.decode(tokens[first:last]).strip()
            if text:
                end = float(times[min(last, len(times) - 1)])
                probability = float(np.mean(aligned.text_token_probs[first:last]))
                words.append(Word(text, float(times[first]), end, probability))
        return tuple(words)

    def _word_heads(self, tokens: list[int]) -> list[int]:
        """Indices of tokens that begin a word: the first and those that carry a space."""
        pieces = [str(self._tokenizer.id_to_token(token)) for token in tokens]
        return [at for at, piece in enumerate(pieces) if at == 0 or piece.startswith("Ġ")]
