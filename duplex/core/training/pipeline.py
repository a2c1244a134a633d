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
from duplex.core.data.make import written
from duplex.core.data.scripts import Script, Writer
from duplex.core.streams.words import WordTable, shipped_table
from duplex.core.training.batches import Source, encode
from duplex.core.training.config import ModelConfig, TrainConfig
from duplex.core.training.examples import Examples, Swaps, from_beliefs, from_scripts, joined
from duplex.core.training.loop import Run
from duplex.core.training.model import WordPath
from duplex.core.training.parallel import Group, in_parallel
from duplex.core.training.prefixes import from_turns
from duplex.core.training.sampled import as_script
from duplex.core.training.store import Stored, store
from duplex.core.training.teacher import known_ends
from duplex.core.training.wordpath import WordTraining, train_prefixes, train_words, word_metrics

CONFIG, WORDS, SUMMARY = "config.json", "words.pt", "summary.json"
PREPARED, JUDGED = "prepared", "judged.jsonl"
_VALIDATION_TURNS = 1_500
_AS_BELIEFS = 10_000
"""Turns whose beliefs are learnt from after the whole turns were."""
_SIDES = 6
"""Turns of the grammars for each that is said to somebody else."""

Report = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What to train, on what, where.

    Attributes:
        data: the folder of `train`, `validation` and perhaps `texts/*.txt` with a turn a line, and JUDGED.
        folder: the run's: log, checkpoint, weights.
        model: sizes.
        words: how the word path is trained.
        frames: how the frame path is.
        turns: turns that the grammars write for the word path.
        processes: that share the frame path's work; of one thread each.
        start: a run whose frame path this one begins with; its model has the same sizes.
    """

    data: Path
    folder: Path
    model: ModelConfig
    words: WordTraining
    frames: TrainConfig
    turns: int = 10_000
    processes: int = 1
    start: Path | None = None


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
    summary["texts"] = len(written(job.data))
    summary["judged"] = len(known_ends(job.data / JUDGED))
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
    turns, rng = word_turns(job.data, job.turns, job.words.seed, table), Random(job.words.seed + 1)
    asked = from_scripts(
        table,
        grammar_turns(Split.validation, min(job.turns, _VALIDATION_TURNS), 2),
        Random(job.words.seed + 1),
    )
    both = joined([asked, heard["validation"]])
    torch.manual_seed(job.words.seed)
    path = WordPath(table.dim, job.model.words)
    whole = from_turns(table, turns, known_ends(job.data / JUDGED), rng)
    train_prefixes(path, table, whole, both, job.words, report)
    made = from_scripts(table, [turn for turn in turns[:_AS_BELIEFS] if turn.kind != "side"], rng)
    train_words(path, table, joined([made, heard["train"]]), both, job.words, report)
    metrics = {"written": word_metrics(path, table, asked)}
    if len(heard["validation"]):
        metrics["recognised"] = word_metrics(path, table, heard["validation"])
    torch.save({"path": path.state_dict(), "metrics": metrics}, file)
    return path, metrics


def word_turns(data: Path, count: int, seed: int, table: WordTable) -> list[Script]:
    """Turns of the grammars, those from elsewhere, and talk to others, as they are and in other words, shuffled.

    Args:
        data: the folder with `texts`.
        count: turns that the grammars write.
        seed: of all of it.
        table: tells which words are alike.
    """
    rng, swaps = Random(seed), Swaps(table)
    grammar = grammar_turns(Split.train, count, seed)
    others = [as_script(words, rng) for words in written(data)]
    aside = _sides(count // _SIDES, seed + 1)
    turns = [*grammar, *others]
    turns += [turn for some in (grammar, others, aside) for turn in swaps.apply(some, rng)] + aside
    rng.shuffle(turns)
    return turns


def grammar_turns(split: Split, count: int, seed: int) -> list[Script]:
    """Turns that a split's grammars write."""
    writer = _writer(split, seed)
    return [writer.turn() for _ in range(count)]


def _sides(count: int, seed: int) -> list[Script]:
    """What training's users say to others."""
    writer = _writer(Split.train, seed)
    return [writer.side() for _ in range(count)]


def _writer(split: Split, seed: int) -> Writer:
    return Writer(split, families(split), lexicon(split), Random(seed))


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
    run = Run(job.folder, job.model, job.frames, train, validation, group, device, job.start)
    run.go(partial(report, "frames"))


def _print(stage: str, row: dict[str, Any]) -> None:
    """A report that other processes can send."""
    print(stage, json.dumps(row), flush=True)


def _described(job: Job) -> dict[str, Any]:
    described = asdict(job)
    start = None if job.start is None else str(job.start)
    return described | {"data": str(job.data), "folder": str(job.folder), "start": start}
