"""The shipped verifier on natural drafts that were labelled by hand, before anybody saw what it makes of them.

`bad`: prefix and answer are no coherent answer of one speaker. `contradiction`: what is said so is false. Whether the
slow path's answer is a good one does not count.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from duplex.bench.relay_train import auroc
from duplex.dialogue.relay import Sight
from duplex.dialogue.verifier import LogisticVerifier
from duplex.llm.drafts import Draft, Evidence, Sureness
from duplex.resources import config_path


@pytest.fixture(scope="module")
def pairs() -> list[dict[str, Any]]:
    file = Path(__file__).parent / "data" / "relay_pairs.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def scores(pairs: list[dict[str, Any]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    verifier = LogisticVerifier.load(config_path("relay/verifier.json"))
    return np.array([verifier.probability(*judged(pair)) for pair in pairs])


def judged(pair: dict[str, Any]) -> tuple[Draft, Sight]:
    sure = (Sureness(pair["logprob"], pair["entropy"], pair["margin"]),) if pair["source"] == "model" else ()
    draft = Draft(pair["text"], pair["source"], sure, Evidence(pair["chance"], pair["ahead"]))
    return draft, Sight(pair["question"], pair["words"])


def test_there_are_enough_and_the_rules_mostly_agree_with_the_reader(pairs: list[dict[str, Any]]) -> None:
    assert len(pairs) >= 200
    assert np.mean([pair["good"] == (pair["label"] == "good") for pair in pairs]) >= 0.9


def test_few_of_the_kept_are_bad_and_next_to_none_says_what_is_false(
    pairs: list[dict[str, Any]], scores: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> None:
    keep = LogisticVerifier.load(config_path("relay/verifier.json")).keep
    kept = [pair["label"] for pair, score in zip(pairs, scores, strict=True) if score >= keep]
    assert len(kept) >= len(pairs) / 2
    assert np.mean([label != "good" for label in kept]) <= 0.1
    assert np.mean([label == "contradiction" for label in kept]) <= 0.02


def test_the_good_ones_have_the_higher_scores(
    pairs: list[dict[str, Any]], scores: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> None:
    assert auroc(scores, np.array([float(pair["label"] == "good") for pair in pairs])) >= 0.8
