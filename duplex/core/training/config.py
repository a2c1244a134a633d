"""How a core is built and trained; every run stores its own as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from duplex.core.streams.layout import HORIZON, OVERLAPS, STATES, VAP_CLASSES, Kind, Layout, Stream

HEADS = {"state": len(STATES), "hazard": HORIZON, "vap": VAP_CLASSES, "vad": 2, "overlap": len(OVERLAPS)}
"""Outputs of the frame path by head; the word path adds `complete`. The next half adds `monologue` and `tool`."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes.

    Attributes:
        backbone: `ssd` (Mamba-2) or `attention` (sinks and a ring cache).
        dim: numbers per frame in the backbone.
        layers: its blocks.
        inner: numbers per frame inside a block.
        head: numbers per head of a block.
        memory: what the backbone remembers: numbers per channel (ssd), frames (attention).
        words: numbers in the code of the user's words.
        vector: numbers in a word's frozen vector.
        dropout: in the backbone; twice as much of the words' code.
        layout: the streams.
    """

    backbone: Literal["ssd", "attention"] = "ssd"
    dim: int = 192
    layers: int = 4
    inner: int = 384
    head: int = 64
    memory: int = 32
    words: int = 192
    vector: int = 96
    dropout: float = 0.15
    layout: Layout = field(default_factory=Layout)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary that `model_config` reads."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


def model_config(data: dict[str, Any]) -> ModelConfig:
    """What `ModelConfig.to_json` gave.

    Raises:
        TypeError, KeyError, ValueError: an unknown or a missing key, or an unknown kind of stream.
    """
    streams = tuple(
        Stream(**{**stream, "kind": Kind(stream["kind"])}) for stream in data["layout"]["streams"]
    )
    return ModelConfig(**{**data, "layout": Layout(streams)})


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """The recipe.

    Attributes:
        weights: of each head's loss.
        crop: frames in a training sequence.
        batch: sequences in a step, over all processes.
        steps: at most so many.
        minutes: at most so long; what is under way is saved and can be resumed.
        rate: the learning rate after `warmup` steps; it falls to a tenth along a cosine.
        decay: AdamW's weight decay, on matrices alone.
        clip: the largest norm of a gradient.
        every: steps from one validation to the next.
        patience: validations without a better one after which training stops.
        blind: share of sequences whose words, whose agent's audio, and whose decisions are hidden from the model,
            each drawn by itself: it must manage without.
        colour: spread of a random level and tilt of each sequence's audio, in features (1 is 20 dB).
        seed: of weights and samples.
    """

    weights: dict[str, float] = field(
        default_factory=lambda: {"state": 1.0, "hazard": 1.0, "vap": 0.3, "vad": 0.5, "overlap": 1.0}
    )
    crop: int = 384
    batch: int = 8
    steps: int = 20_000
    minutes: float = 60.0
    rate: float = 1e-3
    warmup: int = 100
    decay: float = 0.05
    clip: float = 1.0
    every: int = 150
    patience: int = 8
    blind: float = 0.15
    colour: float = 0.2
    seed: int = 1
