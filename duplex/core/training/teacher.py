"""P(end | words) behind every word of many turns at once: what the word path is to learn from a language model.

It is the judgement of `duplex.llm.completeness`, of the same model (SmolLM2-135M-Instruct, Apache-2.0), computed for
training: whole turns side by side in bfloat16 instead of word by word, with what all prompts share computed once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from timeit import default_timer

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from torch.nn import functional as F

from duplex.core.training.gguf import Gguf, open_gguf
from duplex.llm.completeness import CALIBRATIONS, ends_sentence, hesitates

NAME = "smollm2-135m"
BATCH = 32
"""Turns side by side."""
_PROMPT = "Agent: How can I help you?\nUser:"
_CONTROL = 3
"""GGUF's type of tokens that stand for no text: they end one."""
_LAYER = (
    "attn_norm",
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_norm",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
)

Cache = list[tuple[Tensor, Tensor]]


class Teacher:
    """A language model of the Llama family that is asked but one thing.

    Args:
        path: a GGUF file with a byte-level BPE vocabulary, of the types that `Gguf.tensor` reads.

    Raises:
        OSError, KeyError, ValueError: the file is missing or of another kind.
    """

    def __init__(self, path: Path) -> None:
        file = open_gguf(path)
        self._tokens = _tokenizer(file)
        self._model = _Llama(file)
        self._final = torch.from_numpy(_final(file, self._tokens))
        self._before = self._model.read(torch.tensor([self._tokens.encode(_PROMPT).ids]))[1]
        self._calibration = CALIBRATIONS[NAME]

    def ends(self, turns: Sequence[Sequence[str]]) -> list[list[float]]:
        """P(the turn is over) behind each word of each turn."""
        texts = [" " + text[:1].upper() + text[1:] for text in map(" ".join, turns)]
        encoded = self._tokens.encode_batch(texts)
        length = max(len(each.ids) for each in encoded)
        ids = torch.zeros(len(turns), length, dtype=torch.long)
        rows: list[int] = []
        places: list[int] = []
        for row, (each, words) in enumerate(zip(encoded, turns, strict=True)):
            ids[row, : len(each.ids)] = torch.tensor(each.ids)
            last = _last_tokens([end for _, end in each.offsets], words)
            rows += [row] * len(words)
            places += last
        with torch.inference_mode():
            states = self._model.read(ids, self._before)[0]
            mass = self._model.mass(states[rows, places], self._final).tolist()
        found = iter(mass)
        return [[self._judged(words[:at], next(found)) for at in range(1, len(words) + 1)] for words in turns]

    def _judged(self, words: Sequence[str], mass: float) -> float:
        return 0.0 if hesitates(" ".join(words)) else self._calibration(mass)


def _last_tokens(ends: Sequence[int], words: Sequence[str]) -> list[int]:
    """For each word the number of the token in which it ends, given where each token ends in the text."""
    found, place = [], 0
    for word in words:
        place += 1 + len(word)
        found.append(next(at for at, end in enumerate(ends) if end >= place))
    return found


def _tokenizer(file: Gguf) -> Tokenizer:
    vocabulary = {token: at for at, token in enumerate(file.meta["tokenizer.ggml.tokens"])}
    merges = [tuple(pair.split(" ")) for pair in file.meta["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    made.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    return made


def _final(file: Gguf, tokens: Tokenizer) -> NDArray[np.bool_]:
    """Which tokens end a sentence: bool [vocabulary]."""
    kinds = file.meta["tokenizer.ggml.token_type"]
    return np.array([kind == _CONTROL or ends_sentence(tokens.decode([at])) for at, kind in enumerate(kinds)])


class _Llama:
    """The network, read only. Rotary positions turn neighbouring numbers, as GGUF orders them."""

    def __init__(self, file: Gguf) -> None:
        told = {key.removeprefix("llama."): value for key, value in file.meta.items()}
        self._heads, self._shared = told["attention.head_count"], told["attention.head_count_kv"]
        self._size = told["embedding_length"] // self._heads
        self._small = told["attention.layer_norm_rms_epsilon"]
        self._base = told["rope.freq_base"]
        self._embed = _half(file.tensor("token_embd.weight"))
        self._norm = torch.from_numpy(file.tensor("output_norm.weight"))
        self._layers = [
            {name: _half(file.tensor(f"blk.{at}.{name}.weight")) for name in _LAYER}
            for at in range(told["block_count"])
        ]

    def read(self, ids: Tensor, before: Cache | None = None) -> tuple[Tensor, Cache]:
        """Token ids [B, L] behind what was read before them, to states [B, L, dim] and what all of it left."""
        count, length = ids.shape
        begin = before[0][0].shape[2] if before else 0
        turn = self._rotation(begin, length)
        seen = torch.ones(length, begin + length, dtype=torch.bool).tril(begin)
        x = self._embed[ids]
        after: Cache = []
        for at, layer in enumerate(self._layers):
            h = self._normed(x, layer["attn_norm"])
            q = _rotated(self._parted(h @ layer["attn_q"].T, self._heads), turn)
            k = _rotated(self._parted(h @ layer["attn_k"].T, self._shared), turn)
            v = self._parted(h @ layer["attn_v"].T, self._shared)
            if before:
                k, v = (torch.cat((old.expand(count, -1, -1, -1), new), 2) for old, new in
                        zip(before[at], (k, v), strict=True))  # fmt: skip
            after.append((k, v))
            k, v = (part.repeat_interleave(self._heads // self._shared, dim=1) for part in (k, v))
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
            x = x + y.transpose(1, 2).flatten(2) @ layer["attn_output"].T
            h = self._normed(x, layer["ffn_norm"])
            x = x + (F.silu(h @ layer["ffn_gate"].T) * (h @ layer["ffn_up"].T)) @ layer["ffn_down"].T
        return self._normed(x, self._norm), after

    def mass(self, states: Tensor, tokens: Tensor) -> Tensor:
        """Probability of some tokens, bool [vocabulary], as the next one: states [N, dim] to float [N]."""
        logits = (states @ self._embed.T).float()
        mass: Tensor = torch.exp(torch.logsumexp(logits[:, tokens], 1) - torch.logsumexp(logits, 1))
        return mass

    def _parted(self, x: Tensor, heads: int) -> Tensor:
        parts: Tensor = x.unflatten(-1, (heads, self._size)).transpose(1, 2)
        return parts

    def _normed(self, x: Tensor, gain: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self._small)
        normed: Tensor = (wide * gain.float()).to(x.dtype)
        return normed

    def _rotation(self, begin: int, length: int) -> tuple[Tensor, Tensor]:
        steps = torch.arange(begin, begin + length, dtype=torch.float32)
        rates = self._base ** (-torch.arange(0, self._size, 2, dtype=torch.float32) / self._size)
        angles = torch.outer(steps, rates)
        return angles.cos(), angles.sin()


def _half(values: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(values).to(torch.bfloat16)


def _rotated(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Pairs of neighbours, each turned by its angle: [B, H, L, size]."""
    one, other = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = turn
    return torch.stack((one * cos - other * sin, one * sin + other * cos), -1).flatten(-2).to(x.dtype)


def known_ends(file: Path) -> dict[str, list[float]]:
    """What `judge` has written: by a turn's words, P(end) behind each of them."""
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines()) if file.is_file() else ()
    return {row["words"]: row["ends"] for row in rows}


def judge(
    model: Path,
    out: Path,
    turns: Iterable[Sequence[str]],
    minutes: float,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Ask the teacher about turns that `out` does not hold yet, in their order, and add what it says, a turn a line.

    Args:
        model: a GGUF file.
        out: JSON lines; may be gone on with.
        turns: their words.
        minutes: at most so long.
        report: told the turns that are judged, and all, now and then.

    Returns:
        The turns that are judged now.
    """
    found = known_ends(out)
    known = len(found)
    wanted = {" ".join(words): tuple(words) for words in turns if words}
    missing = [(text, words) for text, words in wanted.items() if text not in found]
    total = known + len(missing)
    if not missing:
        return known
    teacher, begun = Teacher(model), default_timer()
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("a", encoding="utf-8") as file:
        for at, part in enumerate(_batches(missing)):
            for (text, _), ends in zip(part, teacher.ends([words for _, words in part]), strict=True):
                file.write(json.dumps({"words": text, "ends": [round(p, 3) for p in ends]}) + "\n")
            file.flush()
            known += len(part)
            if at % 20 == 0 or known == total:
                report(known, total)
            if default_timer() - begun > minutes * 60:
                break
    return known


def _batches(turns: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[list[tuple[str, tuple[str, ...]]]]:
    """In their order as a whole; within some hundreds sorted by length, since a batch is as long as its longest."""
    for at in range(0, len(turns), BATCH * 16):
        near = sorted(turns[at : at + BATCH * 16], key=lambda turn: len(turn[1]))
        for first in range(0, len(near), BATCH):
            yield near[first : first + BATCH]
