"""What keeps, shortens or drops a draft."""

from __future__ import annotations

from pathlib import Path

import pytest

from duplex.dialogue.relay import Sight
from duplex.dialogue.verifier import FEATURES, LogisticVerifier, features, shortened
from duplex.llm.drafts import Draft, Evidence, Sureness
from duplex.resources import config_path

SIGHT = Sight("how deep is Lake Baikal", "how deep is Lake Bay")
NOTHING = dict.fromkeys(FEATURES, 0.0)


def written(text: str, *sure: Sureness) -> Draft:
    return Draft(text, "model", sure, Evidence(0.8, 0.3))


def test_the_features_are_those_of_the_least_sure_word() -> None:
    draft = written(
        "Lake Baikal is", Sureness(-0.1, 0.2, 0.9), Sureness(-2, 1.5, 0.1), Sureness(-0.5, 0.1, 0.8)
    )
    found = dict(zip(FEATURES, features(draft, SIGHT), strict=True))
    assert (found["logprob"], found["entropy"], found["margin"]) == (-2, 1.5, 0.1)
    assert (found["chance"], found["ahead"], found["written"], found["length"]) == (0.8, 0.3, 1.0, 0.6)
    assert (found["added"], found["changed"]) == (0.0, 1.0)
    assert features(draft, Sight("how deep is it now", "how deep"))[FEATURES.index("added")] == 3 / 8


def test_a_draft_is_shortened_between_words_that_do_not_hang_and_a_subject_is_not() -> None:
    texts = [each.text for each in shortened(written("Lake Baikal is the deepest"))]
    assert texts == ["Lake Baikal is the deepest", "Lake Baikal"]
    assert len(shortened(Draft("the Great Salt Lake", "topic"))) == 1


def test_the_longest_beginning_that_is_sure_enough_is_kept() -> None:
    sure, unsure = Sureness(-0.1, 0.1, 0.9), Sureness(-3, 2, 0.1)
    verifier = LogisticVerifier({**NOTHING, "bias": -2.0, "margin": 4.0}, keep=0.6)
    draft = written("Lake Baikal holds", sure, sure, unsure)
    kept = verifier.verified(draft, SIGHT, None)
    assert kept is not None
    assert (kept.text, kept.sureness) == ("Lake Baikal", (sure, sure))
    assert verifier.verified(draft, SIGHT, 0.99) is None
    assert verifier.verified(written("Lake Baikal holds", unsure, unsure, unsure), SIGHT, None) is None


def test_small_talk_needs_no_verifying() -> None:
    verifier = LogisticVerifier({**NOTHING, "bias": -9.0}, keep=0.9)
    talk = Draft("You're welcome.", "talk")
    assert verifier.verified(talk, SIGHT, None) is talk


def test_the_shipped_verifier_prefers_sure_evidence() -> None:
    verifier = LogisticVerifier.load(config_path("relay/verifier.json"))
    sight = Sight("how deep is Lake Baikal", "how deep is Lake Baikal")
    good, bad = (
        Draft("Lake Baikal is", "evidence", (), Evidence(*known)) for known in ((1.0, 0.9), (0.26, 0.0))
    )
    assert verifier.probability(good, sight) > verifier.keep > verifier.probability(bad, sight)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"weights": {"bias": 1}, "keep": 0.5}', '{"weights": 1, "keep": 2}']
)
def test_a_file_that_is_no_verifier_is_told_of(tmp_path: Path, text: str) -> None:
    file = tmp_path / "verifier.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"verifier\.json"):
        LogisticVerifier.load(file)
