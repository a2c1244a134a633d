"""The model card that stands beside exported weights: what they are, what they learnt from, what they are worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from duplex.core.training.export import Exported
from duplex.core.training.loop import BEST, LOG
from duplex.core.training.pipeline import CONFIG, SUMMARY

CARD = "MODEL_CARD.md"

_HEAD = """# The duplex core

Hears the user's and the agent's audio and the user's recognised words, and says every 80 ms what is going on and when
the user will be done. {parameters:,} parameters; `frame.onnx` {frame:.2f} MB and `words.onnx` {words:.2f} MB in fp32,
beside them `words.npz`, the word table. Written by `duplex train export`; it differs from what was trained by at most
{difference:.1g}.

## What it is made of
- Backbone: {backbone}, {layers} layers of {dim}; a state of constant size for each session.
- Word path: a GRU with a code of {code} over frozen word vectors: SmolLM2-135M's token embeddings (Apache-2.0), 96
  principal components, for 24,174 words. Trained on whole turns of text and a language model's judgement of all their
  beginnings, then on what the recogniser believed in training; then frozen, so that it cannot learn the sentences by
  their sound.
- Heads: state, hazard of the user's end, voice-activity projection, voice activity of both, overlap; completeness of
  the words in the word path.

## What it learnt from
- {train_dialogues} synthetic dialogues of {train_hours:.2f} h in training, {validation_dialogues} of
  {validation_hours:.2f} h in validation: no sentence family, open word, voice or noise is in both. Training hears
  with a simulated recogniser, validation, unless something else is said here, with the real one. No human speech.
- Text: {turns:,} turns of the training grammars and {texts} P(end) of SmolLM2-135M-Instruct behind each word of
  {judged:,} turns.
- {steps:,} steps of {batch} sequences of {crop} frames, {minutes:.0f} minutes at {rate:,.0f} frames a second{start}.
"""

_LIMITS = """
## Limits
- English alone. All voices are synthetic: nothing here says how it does on people.
- The measures are of the validation split, which also chose the step at which training stopped: they flatter a little.
  Its agent waits 2.4 s longer than the recorded one, so that no answer tells that a turn was over.
- Where few frames have a label its figure is a coarse one; see the counts of dialogues above.
- Heads of rare classes are the weakest: a controller should keep its rules as fallback where a figure below is low.
"""


def write_card(run: Path, exported: Exported, out: Path) -> Path:
    """Write the card of an exported run.

    Raises:
        OSError: the run's folder lacks its summary, configuration or log.
    """
    summary, config = (json.loads((run / name).read_text()) for name in (SUMMARY, CONFIG))
    frames, data = summary["frames"], summary["data"]
    texts = summary["texts"]
    head = _HEAD.format(
        parameters=exported.parameters,
        frame=exported.files["frame.onnx"] / 1e6,
        words=exported.files["words.onnx"] / 1e6,
        difference=exported.difference,
        backbone={"ssd": "Mamba-2 (SSD)", "attention": "attention with sinks"}[config["model"]["backbone"]],
        layers=config["model"]["layers"],
        dim=config["model"]["dim"],
        code=config["model"]["words"],
        **{f"{split}_dialogues": data[split]["dialogues"] for split in data},
        **{f"{split}_hours": data[split]["frames"] * 0.08 / 3600 for split in data},
        turns=config["turns"],
        texts=f"{texts:,} of `texts/`." if texts else "nothing else.",
        judged=summary["judged"],
        start=f", from the weights of an earlier run, `{Path(config['start']).name}`"
        if config["start"]
        else "",
        steps=frames["step"],
        batch=config["frames"]["batch"],
        crop=config["frames"]["crop"],
        minutes=frames["seconds"] / 60,
        rate=frames["frames_per_s"],
    )
    parts = [head, _tables(summary), _LIMITS, _again(run, config)]
    path = out / CARD
    path.write_text("".join(parts))
    return path


def _tables(summary: dict[str, Any]) -> str:
    rows = [
        "\n## Measures on validation\n\n",
        "| words: are they all of the turn? | AUC | AUC, like length | holds passed at 95 % of ends | n |\n",
        "|---|---|---|---|---|\n",
    ]
    for name, found in summary["words"].items():
        keys = ("auc", "auc_like_length", "holds_passed", "n")
        rows.append(f"| {name} | " + " | ".join(_figure(found[key]) for key in keys) + " |\n")
    rows.append("\n| frames | value |\n|---|---|\n")
    skipped = ("step", "seconds", "frames_per_s", "better", "train_loss")
    rows += [
        f"| {name} | {_figure(value)} |\n" for name, value in summary["frames"].items() if name not in skipped
    ]
    return "".join(rows)


def _figure(value: float | None) -> str:
    if value is None:
        return "no case"
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.3f}"


def _again(run: Path, config: dict[str, Any]) -> str:
    logged = len((run / LOG).read_text().splitlines())
    return f"""
## Once more
```
duplex train data --hours H --split train --out DATA && duplex train data --hours H --split validation --out DATA
duplex train texts DATA && duplex train judge DATA
duplex train core DATA --out RUN && duplex train export RUN && duplex train tune DATA
```
Seed {config["frames"]["seed"]}; {logged} validations were made, and `{BEST}` is the best of them.
"""
