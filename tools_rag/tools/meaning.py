"""Which tool words mean that use neither its name nor its phrases: by the nearness of what they say to what it does."""

from __future__ import annotations

import numpy as np

from tools_rag.embed import Vectors

SURE, AHEAD = 0.2, 0.08
"""Least cosine of MiniLM's vectors between words and the tool's description, and how far it must be ahead of the next
tool's. Set on the part `fit` of `configs/bench/tool_choice.yaml`."""


def nearest(words: Vectors, descriptions: Vectors) -> int | None:
    """The place of the tool that is meant; None where none is near enough, or two are.

    Args:
        words: unit vector float32 [dimension].
        descriptions: unit vectors float32 [tools, dimension].
    """
    cosines = descriptions @ words
    order = np.argsort(cosines)[::-1]
    best = float(cosines[order[0]]) if len(order) else 0.0
    second = float(cosines[order[1]]) if len(order) > 1 else 0.0
    return int(order[0]) if best >= SURE and best - second >= AHEAD else None
