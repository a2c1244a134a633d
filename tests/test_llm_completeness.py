"""P(end | words): the pure parts as tables, the real models on the held-out half of the development pairs."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.graph import Lanes
from duplex.llm import LLMError, Request, Token
from duplex.llm.completeness import CALIBRATIONS, Calibration, TurnCompleteness, final_mass, hesitates, spoken
from duplex.llm.llamacpp import LlamaCpp
from duplex.nodes.thinking import LocalLLM

PAIRS = Path(__file__).parent.parent / "configs" / "bench" / "turns.jsonl"


@pytest.mark.parametrize(
    ("words", "scored"),
    [
        ("what is the deepest lake?", "What is the deepest lake"),
        ("  I would like,  ", "I would like"),
        ("Hello. What is", "Hello. What is"),
        ("I want to...", "I want to"),
        ("it is 3.5 m.", "It is 3.5 m"),
        ("...", ""),
    ],
)
def test_the_recognisers_final_punctuation_is_not_scored(words: str, scored: str) -> None:
    assert spoken(words) == scored


def test_a_long_turn_keeps_its_prefix_for_many_words() -> None:
    turn = [f"w{i}" for i in range(200)]
    starts = [spoken(" ".join(turn[:n])).split()[0].lower() for n in range(1, 201)]
    assert all(len(spoken(" ".join(turn[:n])).split()) <= 96 for n in range(1, 201))
    assert len(set(starts)) == 5  # 200 words, the start moves every 32


@pytest.mark.parametrize(
    ("text", "more"),
    [("I would like um", True), ("Er", True), ("it is, you know", True), ("I like rum", False), ("", False)],
)
def test_hesitation(text: str, more: bool) -> None:
    assert hesitates(text) is more


def test_mass_is_summed_over_sentence_ends_only() -> None:
    top = [(".", 0.5), ("?\n", 0.2), (" is", 0.1), (",", 0.1), ("\n", 0.05), ("", 0.05)]
    assert final_mass([(text, math.log(p)) for text, p in top]) == pytest.approx(0.8)


@given(st.floats(0, 1), st.floats(0, 1))
def test_calibration_keeps_the_order(a: float, b: float) -> None:
    for calibration in (Calibration(), *CALIBRATIONS.values()):
        assert 0 < calibration(a) < 1
        assert (calibration(a) <= calibration(b)) == (a <= b) or abs(a - b) < 1e-5


def test_a_model_without_log_probabilities_is_refused() -> None:
    class Plain:
        async def stream(self, request: Request) -> AsyncGenerator[Token, None]:
            yield Token("text")

        async def aclose(self) -> None:
            return None

    with pytest.raises(LLMError, match="gives none"):
        asyncio.run(TurnCompleteness(Plain(), Calibration()).probability("Hello there"))


@pytest.mark.models
@pytest.mark.parametrize("name", sorted(CALIBRATIONS))
def test_held_out_pairs_are_told_apart(model_path: Callable[[str], Path], name: str) -> None:
    rows = [json.loads(line) for line in PAIRS.read_text().splitlines()]
    clear = [row for row in rows if row["split"] == "test" and row["kind"] in ("clear", "hesitation")][::2]

    async def main() -> None:
        lanes = Lanes()
        llm = LocalLLM(LlamaCpp(next(model_path(name).glob("*.gguf")), slots=("end",)), lanes)
        judge = TurnCompleteness(llm, CALIBRATIONS[name])
        try:
            assert await judge.probability("") == 0
            over = [await judge.probability(row["complete"] + ".") for row in clear]
            open_ = [await judge.probability(row["incomplete"] + ".") for row in clear]
        finally:
            await lanes.aclose()
            await llm.aclose()
        wrong = sum(p < 0.5 for p in over) + sum(p >= 0.5 for p in open_)
        assert wrong <= 0.1 * 2 * len(clear)

    asyncio.run(main())
