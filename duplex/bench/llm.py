"""Which small model answers and judges turns best: the measures behind the README's choice.

Grounded questions: the whole answerer (checks included) on configs/bench/grounded.jsonl, each with its own passage, in
a shuffled order so that no prompt but the examples is cached. P(end | words): configs/bench/turns.jsonl word by word.
Times are one thread's; on a busy machine they grow with the load.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duplex.bench.measure import Measure, of_quantile, of_share
from duplex.graph import Lanes
from duplex.llm.completeness import CALIBRATIONS, Calibration, TurnCompleteness, hesitates, spoken
from duplex.llm.grounded import GroundedAnswerer
from duplex.llm.llamacpp import LlamaCpp
from duplex.llm.types import LLM, Request
from duplex.models import model_folder
from duplex.nodes.thinking import LocalLLM, embed_in
from duplex.resources import config_path
from tools_rag import MiniLM

COMMAND = "duplex bench llm"
_UNLISTED = Calibration(1.6, 2.8)


@dataclass(frozen=True, slots=True)
class _Passage:
    text: str
    title: str
    source: str
    score: float = 0.4  # as of a search that is not sure, so that the answerer must decide


def rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def run(models: Sequence[str] = ("gemma-3-270m", "smollm2-135m")) -> list[Measure]:
    """Compare models of the store, by name; each is pulled if it is missing."""
    measures = []
    data = config_path("bench/grounded.jsonl").parent
    for name in models:
        path = next(model_folder(name).glob("*.gguf"))
        measures += asyncio.run(_measure(name, path, data))
    return measures


async def _measure(name: str, path: Path, data: Path) -> list[Measure]:
    model, lanes = LlamaCpp(path, slots=("end", "answer")), Lanes()
    llm = LocalLLM(model, lanes)
    try:
        start = time.perf_counter()
        await asyncio.to_thread(model.load)
        load = Measure(f"llm.{name}.load_s", round(time.perf_counter() - start, 2), "s", 1, None, COMMAND)
        return [
            load,
            *await _grounded(name, llm, lanes, rows(data / "grounded.jsonl")),
            *await _turns(name, llm, data),
        ]
    finally:
        await lanes.aclose()
        await llm.aclose()


class _Timed:
    """A model whose streams note when their first token came."""

    def __init__(self, llm: LLM) -> None:
        self._llm = llm
        self.first_ms: list[float] = []

    async def stream(self, request: Request) -> Any:
        start, first = time.perf_counter(), True
        async for token in self._llm.stream(request):
            if first:
                self.first_ms.append(1000 * (time.perf_counter() - start))
                first = False
            yield token

    async def aclose(self) -> None:
        return None


async def _grounded(name: str, llm: LLM, lanes: Lanes, data: list[dict[str, Any]]) -> list[Measure]:
    passages = {r["id"]: _Passage(r["text"], r["title"], r["id"]) for r in data if r["kind"] == "passage"}
    questions = [r for r in data if r["kind"] == "question"]
    random.Random(0).shuffle(questions)
    timed = _Timed(llm)
    answerer = GroundedAnswerer(timed, embed=embed_in(lanes, MiniLM(model_folder("minilm")).embed))
    await answerer.warm()
    timed.first_ms.clear()
    right: dict[tuple[str, bool], list[bool]] = {}
    raw: list[bool] = []
    whole_ms = []
    for row in questions:
        start = time.perf_counter()
        answer = await answerer.answer(row["question"], [passages[row["passage"]]])
        if answer.draft:
            whole_ms.append(1000 * (time.perf_counter() - start))
            raw.append(_has(answer.draft, row["answers"]))
        good = _has(answer.text, row["answers"]) if row["answers"] else answer.kind == "unknown"
        right.setdefault((row["split"], bool(row["answers"])), []).append(good)
    shares = [
        of_share(
            f"llm.{name}.{'correct' if known else 'abstain'}_share_{split}", sum(hits), len(hits), COMMAND
        )
        for (split, known), hits in sorted(right.items(), reverse=True)
    ]
    return [
        *shares,
        of_share(f"llm.{name}.draft_correct_share", sum(raw), len(raw), COMMAND),
        of_quantile(f"llm.{name}.first_token_ms", timed.first_ms, "ms", COMMAND, digits=1),
        of_quantile(f"llm.{name}.answer_p50_ms", whole_ms, "ms", COMMAND, digits=1),
        of_quantile(f"llm.{name}.answer_p90_ms", whole_ms, "ms", COMMAND, 0.9, digits=1),
    ]


def _has(text: str, answers: Sequence[str]) -> bool:
    return any(answer.lower() in text.lower() for answer in answers)


async def _turns(name: str, llm: LLM, data: Path) -> list[Measure]:
    pairs = rows(data / "turns.jsonl")
    judge = TurnCompleteness(llm, CALIBRATIONS.get(name, _UNLISTED))
    append_ms = []
    for row in pairs[::2]:
        words = row["complete"].split()
        for count in range(1, len(words) + 1):
            start = time.perf_counter()
            await judge.mass(spoken(" ".join(words[:count])))
            if count > 1:
                append_ms.append(1000 * (time.perf_counter() - start))
    measures = [of_quantile(f"llm.{name}.end_append_ms", append_ms, "ms", COMMAND, digits=1)]
    test = [row for row in pairs if row["split"] == "test"]
    over = [await judge.probability(row["complete"]) for row in test]
    for label, kept in (
        ("all", test),
        ("unambiguous", [row for row in test if row["kind"] != "ambiguous"]),
        ("grammar", [row for row in test if row["kind"] == "clear"]),
    ):
        more = [await judge.probability(row["incomplete"]) for row in kept]
        area = auc(over, more)
        measures.append(
            Measure(
                f"llm.{name}.end_auc_{label}", round(area, 3), "auc", len(over) + len(more), None, COMMAND
            )
        )
    wrong = [row["incomplete"] for row in test if not hesitates(row["incomplete"]) and row["kind"] == "clear"]
    early = [await judge.probability(text) >= 0.5 for text in wrong]
    missed = [p < 0.5 for p in over]
    return [
        *measures,
        of_share(f"llm.{name}.end_early_share", sum(early), len(early), COMMAND),
        of_share(f"llm.{name}.end_missed_share", sum(missed), len(missed), COMMAND),
    ]


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that a positive scores above a negative, ties counting half: the area under the ROC curve."""
    wins = sum((a > b) + 0.5 * (a == b) for a in positive for b in negative)
    return wins / (len(positive) * len(negative))
