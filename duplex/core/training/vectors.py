"""The word table: which words the core knows, and their frozen vectors, from a small language model's embeddings.

Vectors learnt from a trillion words did more for knowing a finished sentence than any data of our own could. They are
SmolLM2-135M's input embeddings (Apache-2.0), reduced to their 96 principal components.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from duplex.core.streams.words import SPECIAL, WordTable
from duplex.core.training.gguf import open_gguf

SIZE = 12_000
DIM = 96
LOUDEST = 8.0
"""A few of the commonest words stand far out on the first components; they are cut back to this."""
_SPACE = "Ġ"
"""How byte-level BPE writes the space before a word."""
_SPOKEN = """
i'm i'll i'd i've you're you'll you'd you've he's she's it's we're we'll we'd we've they're they'll they'd they've
that's there's here's what's where's who's how's when's why's let's don't doesn't didn't can't couldn't won't
wouldn't shouldn't isn't aren't wasn't weren't haven't hasn't hadn't mustn't ain't o'clock y'all that'll it'll
um uh er erm hmm mm mhm mmhm huh uhhuh okay yeah yep yup nope nah wow oh ah aha ooh oops hey hi bye goodbye hello
gonna wanna gotta kinda sorta dunno cause please thanks tomorrow tonight
"""
"""What is spoken, whatever the model's vocabulary says; made of its pieces where it is no token."""


def token_embeddings(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """The tokens and input embeddings of a GGUF file: float32 [tokens, dim].

    Raises:
        OSError: there is no such file.
        ValueError: it is another kind of file.
    """
    file = open_gguf(path)
    return file.meta["tokenizer.ggml.tokens"], file.tensor("token_embd.weight")


def build_table(model: Path, everyday: Iterable[str] = (), size: int = SIZE, dim: int = DIM) -> WordTable:
    """The table: a model's most common whole words, what is spoken besides, and more everyday words.

    BPE merges what is frequent first, so the order of the tokens is one of frequency. A word that is no token of the
    model gets the mean of its pieces.

    Args:
        model: a GGUF file, see `token_embeddings`.
        everyday: more words; those that are not lower-case letters alone are passed over.
        size: words from the model's own vocabulary.
        dim: numbers in a vector.
    """
    tokens, embeddings = token_embeddings(model)
    index = {token: at for at, token in enumerate(tokens)}
    more = {
        word for word in everyday if word.isascii() and word.isalpha() and word.islower() and len(word) > 1
    }
    vectors = dict(islice(((word, embeddings[at]) for word, at in _words(tokens, index)), size))
    composed = [word for word in sorted(more | set(_SPOKEN.split())) if word not in vectors]
    vectors |= {
        word: embeddings[[index[piece] for piece in _pieces(word, index)]].mean(0) for word in composed
    }
    words = sorted(vectors)
    matrix = np.stack([vectors[word] for word in words])
    endings = [matrix[[word.endswith(kind[3:-1]) for word in words]].mean(0) for kind in SPECIAL[4:]]
    unknown = np.mean([vectors[word] for word in composed], axis=0)
    digits = embeddings[[index[digit] for digit in "0123456789"]].mean(0)
    reduced = _reduce(np.concatenate((np.stack([unknown, digits, *endings]), matrix)), dim)
    end_of_pad = np.zeros((1, dim), np.float32)
    end_of_pad[0, 0] = -1.0
    return WordTable((*SPECIAL, *words), np.concatenate((np.zeros((1, dim)), end_of_pad, reduced)))


def vocabulary(tokenizer: Path) -> list[str]:
    """The entries of a `tokenizer.json` of the WordPiece kind that are not pieces within words."""
    entries = json.loads(tokenizer.read_text("utf-8"))["model"]["vocab"]
    return [entry for entry in entries if not entry.startswith(("##", "["))]


def _words(tokens: list[str], index: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Whole words in the order of frequency; a name in lower case, unless that is a word of its own."""
    for at, token in enumerate(tokens):
        word = token.removeprefix(_SPACE)
        plain = word.isascii() and word.isalpha()
        capital_alone = word.istitle() and _SPACE + word.lower() not in index
        if token.startswith(_SPACE) and plain and (word.islower() or word == "I" or capital_alone):
            yield word.lower(), at


def _pieces(word: str, index: dict[str, int]) -> Iterator[str]:
    """A word in the longest tokens there are, from the left."""
    rest = _SPACE + word
    while rest:
        length = next(n for n in range(len(rest), 0, -1) if rest[:n] in index)
        yield rest[:length]
        rest = rest[length:]


def _reduce(matrix: NDArray[np.float32], dim: int) -> NDArray[np.float32]:
    """The first `dim` principal components, scaled to a mean square of 1 over all."""
    centred = matrix - matrix.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    reduced = centred @ axes[:, ::-1][:, :dim]
    scaled = reduced / np.sqrt(np.mean(reduced**2))
    return np.asarray(np.clip(scaled, -LOUDEST, LOUDEST), np.float32)
