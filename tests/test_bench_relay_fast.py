"""What is read off a session in which the agent spoke before it knew, and how its verifier is trained."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from duplex.bench.conversation import Question
from duplex.bench.logistic import standardised
from duplex.bench.relay_drafts import Sample, partials, template
from duplex.bench.relay_fast import Turn, measured, pauses, sessions, turns_of
from duplex.bench.relay_train import PENALTY, auroc, part, read, threshold, train
from duplex.dialogue.events import AGENT_RATE, Event, PlayoutStarted, ReplyText, Speech, SpokenWord
from duplex.dialogue.relay_events import Prefix
from duplex.dialogue.verifier import FEATURES, LogisticVerifier
from duplex.evals.record import RATE, Placed, Replay
from duplex.graph import to_ticks

QUESTION = Question("How deep is Lake Baikal?", ["1,642"])


def tone(seconds: float, rate: int, quiet: float = 0.0) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    wave = np.sin(np.arange(round(seconds * rate)) * 440 * 2 * np.pi / rate) * 8_000
    return np.concatenate([np.zeros(round(quiet * rate)), wave]).astype(np.int16)


def replayed(begins: float) -> Replay:
    """One question, from 1.0 to 2.0 s, and an agent that sounds from `begins` on for 3 s."""
    (scenario,) = sessions([QUESTION])
    item = scenario.timeline[0].model_copy(update={"speech": ((0.0, 1.0),), "dur": 1.0})
    agent = np.zeros(30 * RATE, np.int16)
    agent[round(begins * RATE) : round((begins + 3) * RATE)] = tone(3, RATE)
    replay = Replay(scenario, "test", "virtual", "zero")
    replay.placed, replay.agent = [Placed(item, 1.0, 2.0)], agent
    return replay


def words(first: float, *texts: str) -> tuple[SpokenWord, ...]:
    return tuple(
        SpokenWord(text, to_ticks(first + 0.3 * at), to_ticks(first + 0.3 * at + 0.25))
        for at, text in enumerate(texts)
    )


def spoken(prefix: str = "Well,", late: float = 0.0) -> list[Event]:
    """A prefix of half a second, played from 2.25 s on, and an answer that is made at 2.5 s or later."""
    t, made = to_ticks(2.25), to_ticks(2.5 + late)
    said, rest = tone(0.48, AGENT_RATE), tone(2, AGENT_RATE, 0.03)
    return [
        Prefix(t=t, attempt=1, text=prefix, source="opener"),
        ReplyText(t=t, attempt=1, text=prefix),
        Speech(
            t=t, attempt=1, pcm=np.append(said, np.zeros(480, np.int16)), words=words(0.0, *prefix.split())
        ),
        PlayoutStarted(t=t, attempt=1),
        ReplyText(t=made, attempt=1, text="it is 1,642 metres deep.", last=True),
        Speech(
            t=made, attempt=1, pcm=rest, words=words(0.53, "it", "is", "1,642", "metres", "deep."), last=True
        ),
    ]


def test_a_turn_is_read_off_its_events_and_the_recording() -> None:
    (turn,) = turns_of(replayed(2.26), spoken(), [QUESTION])
    assert (turn.prefix, turn.source, turn.right) == ("Well,", "opener", True)
    assert turn.audio == pytest.approx(0.26, abs=0.03)
    assert turn.content == pytest.approx(2.25 + 0.53 + 0.6 - 2.0, abs=0.01)  # "1,642"
    assert turn.seam == pytest.approx(0.05, abs=0.015)  # of the prefix's end and of the answer's beginning


def test_an_opener_carries_no_content() -> None:
    (turn,) = turns_of(replayed(2.26), spoken("Let me think,"), [QUESTION])
    assert turn.content == pytest.approx(2.25 + 0.53 + 0.6 - 2.0, abs=0.01)  # still "1,642"
    rows = {row.name: row.value for row in measured([turn], "r.")}
    assert rows["r.prefix_content_share"] == 0


def test_an_answer_that_is_late_moves_its_words_and_widens_the_seam() -> None:
    (turn,) = turns_of(replayed(2.26), spoken(late=0.75), [QUESTION])
    assert turn.seam == pytest.approx(0.55, abs=0.015)
    assert turn.content == pytest.approx(2.25 + 0.53 + 0.6 - 2.0 + 0.5, abs=0.01)


def test_without_an_answer_there_is_nothing_to_read() -> None:
    (turn,) = turns_of(replayed(20), [], [QUESTION])
    assert (turn.audio, turn.content, turn.prefix, turn.right) == (None, None, "", False)


def test_the_figures_of_some_turns() -> None:
    said = [Turn("q", "a", 0.25, 0.5, prefix, source, seam, True) for prefix, source, seam in TURNS]
    rows = {
        row.name: row.value for row in measured([*said, Turn("q", "", None, None, "", "", None, False)], "r.")
    }
    assert rows["r.first_audio_p50_ms"] == 250
    assert rows["r.prefix_share"] == 0.75
    assert rows["r.prefix_content_share"] == pytest.approx(0.3333)
    assert rows["r.most_used_opener_share"] == 0.5
    assert rows["r.from_opener_share"] == pytest.approx(0.6667)
    assert rows["r.seam_share"] == pytest.approx(0.6667)
    assert rows["r.correct_share"] == 0.75
    assert measured([], "r.") == []


TURNS = (("Well,", "opener", 0.1), ("Well,", "opener", 0.3), ("Lake Baikal", "evidence", 0.0))


def test_sessions_hold_every_question_once_and_pauses_are_as_asked() -> None:
    some = [Question(f"Question number {n}?", []) for n in range(12)]
    asked = [item.tts["text"] for scenario in sessions(some) for item in scenario.timeline if item.tts]
    assert asked == [question.text for question in some]
    (paused,) = pauses([("How deep is", "Lake Baikal?")])
    after = paused.timeline[1].at
    assert not isinstance(after, float)
    assert 0.5 <= after.offset <= 1.2


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("How deep is Lake Baikal?", "how deep is x"),
        ("How deep is the Caspian Sea?", "how deep is x"),
        ("What is a reservoir?", "what is a reservoir"),
    ],
)
def test_a_template_is_a_question_without_its_names(question: str, found: str) -> None:
    assert template(question) == found


def test_partials_are_beginnings_of_the_question() -> None:
    found = list(partials("Which rivers run into Lake Baikal?"))
    assert [lacks for lacks, _ in found] == [4, 3, 2, 1, 0]  # one word alone tells nothing
    assert list(partials("Which rivers run into Lake Baikal?", (2, 0))) == [found[2], found[4]]
    assert all("Which rivers run into Lake Baikal".startswith(words) for _, words in found)
    assert found[-1][1] == "Which rivers run into Lake Baikal"


def test_a_score_that_tells_good_from_bad_has_an_auroc_of_one() -> None:
    labels = np.array([1.0, 1.0, 0.0, 0.0])
    assert auroc(np.array([0.9, 0.8, 0.2, 0.1]), labels) == 1.0
    assert auroc(np.array([0.5, 0.5, 0.5, 0.5]), labels) == 0.5
    assert auroc(np.array([0.1, 0.2, 0.8, 0.9]), labels) == 0.0


def test_the_threshold_is_the_least_that_allows_few_bad_ones() -> None:
    scores = np.linspace(1.0, 0.0, 100)
    assert threshold(scores, np.array([1.0] * 60 + [0.0] * 40)) == pytest.approx(scores[60])
    assert threshold(scores, np.zeros(100)) == 1.0
    assert threshold(np.full(100, 0.5), np.array([1.0] * 60 + [0.0] * 40)) == 0.5
    assert threshold(np.array([0.9] * 50 + [0.5] * 50), np.array([1.0] * 55 + [0.0] * 45)) == 0.9


def test_the_fit_finds_what_decides() -> None:
    rng = np.random.default_rng(1)
    table = np.column_stack([np.ones(400), rng.normal(size=400), rng.normal(size=400)])
    weights = standardised(table, (table[:, 1] > 0).astype(np.float64), PENALTY)
    assert weights[1] > 3
    assert abs(weights[2]) < 0.5


def sample(number: int) -> Sample:
    good = number % 3 > 0
    question = f"what is word{number} of it"
    how = "follows" if good else "repair"
    chance = 0.9 if good else 0.3
    numbers = (0.0, 0.0, 1.0, chance, chance - 0.1)
    return Sample(template(question), question, question, "It is", "evidence", *numbers, how, "", good)


def test_training_writes_what_the_agent_loads(tmp_path: Path) -> None:
    drafts = tmp_path / "drafts.jsonl"
    drafts.write_text("\n".join(json.dumps(asdict(sample(n))) for n in range(400)), encoding="utf-8")
    trained = train(read(drafts))
    trained.save(tmp_path / "verifier.json")
    verifier = LogisticVerifier.load(tmp_path / "verifier.json")
    assert set(verifier.weights) == set(FEATURES)
    assert verifier.keep == trained.keep
    assert trained.figures["test"]["auroc"] == 1.0
    assert trained.figures["test"]["bad_of_kept"] <= 0.05
    assert sum(figures["samples"] for figures in trained.figures.values()) == 400


def test_a_template_is_in_one_part_and_too_few_drafts_are_told_of(tmp_path: Path) -> None:
    assert part(sample(1)) == part(sample(1))
    with pytest.raises(ValueError, match="too few"):
        train([sample(n) for n in range(9)])
    (tmp_path / "none.jsonl").write_text('{"a": 1}', encoding="utf-8")
    with pytest.raises(ValueError, match="no drafts"):
        read(tmp_path / "none.jsonl")
