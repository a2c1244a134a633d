"""From a folder of dialogues to trained weights: the word path on text, then the frame path on both channels."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from duplex.core.data.grammar import families
from duplex.core.data.lexicon import Split, lexicon
from duplex.core.data.scripts import Script, Writer
from duplex.core.streams.words import WordTable, shipped_table
from duplex.core.training.batches import Source, encode
from duplex.core.training.config import ModelConfig, TrainConfig
from duplex.core.training.examples import Examples, Swaps, from_beliefs, from_scripts, joined
from duplex.core.training.loop import Run
from duplex.core.training.model import WordPath
from duplex.core.training.parallel import Group, in_parallel
from duplex.core.training.sampled import as_script
from duplex.core.training.store import Stored, store
from duplex.core.training.wordpath import WordTraining, train_words, word_metrics

CONFIG, WORDS, SUMMARY = "config.json", "words.pt", "summary.json"
PREPARED, TEXTS = "prepared", "texts"
_VALIDATION_TURNS = 4_000
_SAMPLED = 4
"""How often what the language model wrote is taken: it is more varied than the grammars, and there is less of it."""

Report = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What to train, on what, where.

    Attributes:
        data: the folder of `train`, `validation` and perhaps `texts/*.txt` with a turn a line.
        folder: the run's: log, checkpoint, weights.
        model: sizes.
        words: how the word path is trained.
        frames: how the frame path is.
        turns: turns that the grammars write for the word path.
        processes: that share the frame path's work; of one thread each.
    """

    data: Path
    folder: Path
    model: ModelConfig
    words: WordTraining
    frames: TrainConfig
    turns: int = 10_000
    processes: int = 1


def train(job: Job, report: Report = lambda stage, row: None) -> dict[str, Any]:
    """Do it, or go on where it was left; returns the measures of both paths, which `summary.json` keeps.

    Raises:
        FileNotFoundError: there are no dialogues.
        ValueError: a file is no dialogue, or the run's folder holds another model.
    """
    torch.set_num_threads(1)
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / CONFIG).write_text(json.dumps(_described(job), indent=2))
    table = shipped_table()
    stored = {
        split: store(
            job.data,
            split,
            job.data / PREPARED,
            table,
            job.model.layout,
            lambda done, total, split=split: report("prepare", {"split": split, "done": done, "of": total}),  # type: ignore[misc]
        )
        for split in ("train", "validation")
    }
    path, found = words_stage(job, table, stored, partial(report, "words"))
    for split, part in stored.items():
        np.save(job.folder / f"codes-{split}.npy", encode(path, table, part))
    in_parallel(job.processes, partial(_frames_stage, job, report if job.processes == 1 else _print))
    best = torch.load(job.folder / "best.pt", map_location="cpu", weights_only=True)["metrics"]
    summary: dict[str, Any] = {"words": found, "frames": best}
    summary["data"] = {split: {"dialogues": len(s.names), "frames": len(s)} for split, s in stored.items()}
    summary["texts"] = len(scripts(job.data / TEXTS, Split.train, 0, job.words.seed))
    (job.folder / SUMMARY).write_text(json.dumps(summary, indent=2))
    return summary


def words_stage(
    job: Job, table: WordTable, stored: dict[str, Stored], report: Callable[[dict[str, Any]], None]
) -> tuple[WordPath, dict[str, Any]]:
    """The word path and its measures, trained now or read from the run's folder."""
    path = WordPath(table.dim, job.model.words)
    file = job.folder / WORDS
    if file.is_file():
        state = torch.load(file, map_location="cpu", weights_only=True)
        path.load_state_dict(state["path"])
        return path, state["metrics"]
    heard = {split: _heard(part) for split, part in stored.items()}
    made = written_examples(job, table)
    written = from_scripts(
        table,
        scripts(None, Split.validation, min(job.turns, _VALIDATION_TURNS), 2),
        Random(job.words.seed + 1),
    )
    torch.manual_seed(job.words.seed)
    path = WordPath(table.dim, job.model.words)
    train_words(
        path, table, joined([made, heard["train"]]), joined([written, heard["validation"]]), job.words, report
    )
    metrics = {"written": word_metrics(path, table, written)}
    if len(heard["validation"]):
        metrics["recognised"] = word_metrics(path, table, heard["validation"])
    torch.save({"path": path.state_dict(), "metrics": metrics}, file)
    return path, metrics


def written_examples(job: Job, table: WordTable) -> Examples:
    """Turns of the training grammars and of the language model, as they are and in other words."""
    rng, swaps = Random(job.words.seed), Swaps(table)
    grammar = scripts(None, Split.train, job.turns, job.words.seed)
    sampled = scripts(job.data / TEXTS, Split.train, 0, job.words.seed)
    turns = [*grammar, *swaps.apply(grammar, rng), *sampled]
    for _ in range(_SAMPLED - 1):
        turns += swaps.apply(sampled, rng)
    return from_scripts(table, turns, rng)


def scripts(texts: Path | None, split: Split, count: int, seed: int) -> list[Script]:
    """Turns of a split's grammars and, with `texts`, all that were written besides."""
    writer = Writer(split, families(split), lexicon(split), Random(seed))
    made = [writer.turn() for _ in range(count)]
    rng = Random(seed)
    for file in sorted(texts.glob("*.txt")) if texts else ():
        made += [as_script(tuple(line.split()), rng) for line in file.read_text().splitlines() if line]
    return made


def source(job: Job, split: str) -> Source:
    """A prepared split with the codes of its words."""
    table = shipped_table()
    stored = store(job.data, split, job.data / PREPARED, table, job.model.layout)
    codes = np.load(job.folder / f"codes-{split}.npy", mmap_mode="r")
    return Source(stored, codes, table, job.model.layout)


def _heard(stored: Stored) -> Examples:
    return from_beliefs(stored.beliefs(), np.asarray(stored.frames["complete"]))


def _frames_stage(job: Job, report: Report, group: Group) -> None:
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", group.rank % torch.cuda.device_count()) if cuda else torch.device("cpu")
    train, validation = source(job, "train"), source(job, "validation")
    run = Run(job.folder, job.model, job.frames, train, validation, group, device)
    run.go(partial(report, "frames"))


def _print(stage: str, row: dict[str, Any]) -> None:
    """A report that other processes can send."""
    print(stage, json.dumps(row), flush=True)


def _described(job: Job) -> dict[str, Any]:
    described = asdict(job)
    return described | {"data": str(job.data), "folder": str(job.folder)}
