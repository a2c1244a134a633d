"""The language model as a teacher: what it says for training is what it says in a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from duplex.core.training.gguf import open_gguf
from duplex.core.training.teacher import NAME, Teacher, judge, known_ends
from duplex.llm.completeness import CALIBRATIONS, final_mass
from duplex.llm.llamacpp import LlamaCpp
from duplex.llm.types import Request

TURNS = ["what is the deepest lake in Europe", "I'd like 2 tables for tomorrow", "turn on the light um"]


@pytest.fixture(scope="module")
def model(model_path: Callable[[str], Path]) -> Path:
    return next(model_path(NAME).glob("*.gguf"))


@pytest.fixture(scope="module")
def teacher(model: Path) -> Teacher:
    return Teacher(model)


@pytest.mark.models
def test_side_by_side_it_says_what_llama_cpp_says_word_by_word(teacher: Teacher, model: Path) -> None:
    found = teacher.ends([turn.split() for turn in TURNS])
    llm = LlamaCpp(model, slots=("end",))
    try:
        for turn, ends in zip(TURNS[:2], found, strict=False):
            words = turn[:1].upper() + turn[1:]
            for at, p in enumerate(ends, 1):
                prompt = f"Agent: How can I help you?\nUser: {' '.join(words.split()[:at])}"
                tokens = llm.generate(Request(prompt, max_tokens=1, slot="end", top_logprobs=100))
                theirs = CALIBRATIONS[NAME](final_mass(next(t for t in tokens if t is not None).top or ()))
                assert p == pytest.approx(theirs, abs=0.08), (turn, at)
    finally:
        llm.close()
    assert found[2][-1] == 0  # who says "um" is not done


@pytest.mark.models
def test_what_was_judged_is_not_judged_again(model: Path, tmp_path: Path) -> None:
    out, turns = tmp_path / "judged.jsonl", [tuple(turn.split()) for turn in TURNS]
    assert judge(model, out, turns[:1], 1) == 1
    before = out.read_text()
    assert judge(model, out, turns, 1) == 3
    assert out.read_text().startswith(before)
    assert {text: len(ends) for text, ends in known_ends(out).items()} == {t: len(t.split()) for t in TURNS}


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGML" + bytes(40))
    with pytest.raises(ValueError, match="no GGUF file"):
        open_gguf(tmp_path / "model.gguf")


@pytest.mark.models
def test_all_of_its_types_are_read(model: Path) -> None:
    file = open_gguf(model)
    norm, matrix = file.tensor("output_norm.weight"), file.tensor("blk.0.ffn_down.weight")
    assert norm.shape == (576,)
    assert matrix.shape == (576, 1536)
    assert np.isfinite(matrix).all()
    assert 0.01 < matrix.std() < 1
