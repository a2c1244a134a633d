"""A scenario's tool: its documents, how long it takes, and how it fails."""

from __future__ import annotations

import json
import math
from itertools import islice
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from evals_scenes import scenario

from duplex.evals import corpora
from duplex.evals.corpora import TIMEOUT, Corpus, Searching, ToolFailed, delays, open_corpus
from duplex.evals.scenario import Latency, Scenario, ScenarioError, Tool
from duplex.graph import Lanes, run_virtual

DOCS = [
    {
        "doc_id": "d-otters",
        "title": "Otters",
        "text": "Otters hold hands while they sleep, so that none drifts away.",
    },
    {
        "doc_id": "d-honey",
        "title": "Honey",
        "text": "Honey keeps for thousands of years because it is dry and sour.",
    },
    {
        "doc_id": "d-owls",
        "title": "Barn_owls",
        "text": "Barn owls hunt mice at night by their hearing alone.",
    },
]


def jsonl(folder: Path, *lines: object) -> Path:
    path = folder / "docs.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return path


def cached_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Keep indexes there, and not with the user's."""
    monkeypatch.setattr(corpora, "user_cache_path", lambda *_, **__: folder / "cache")


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """Three documents, with an index of their own."""
    cached_in(monkeypatch, tmp_path)
    return open_corpus(jsonl(tmp_path, *DOCS))


@pytest.mark.models
def test_documents_are_found_by_their_own_ids(corpus: Corpus) -> None:
    asked, passages, docs = corpus.search("how do barn owls hunt")
    assert asked == "how do barn owls hunt"
    assert docs[0] == "d-owls"
    assert "hearing" in passages[0].text
    assert corpus.index.titles == ["Otters", "Honey", "Barn owls"]
    assert sorted(set(docs)) == sorted(docs)


@pytest.mark.models
def test_names_of_keys_vary_and_bad_lines_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cached_in(monkeypatch, tmp_path)
    lines = [
        "{broken",
        {"id": 7, "name": "Otters", "content": DOCS[0]["text"]},
        "",
        {"title": "nothing"},
        {"page_name": "Owls", "page_snippet": DOCS[2]["text"]},
        "[1]",
    ]
    corpus = open_corpus(jsonl(tmp_path, *lines))
    assert corpus.search("otters sleep")[2][0] == "7"
    assert corpus.search("owls hunt mice")[2][0] == "line-5"
    assert [
        record.message.split(": ", 1)[1] for record in caplog.records if "no document" in record.message
    ] == [f"line {number} is no document: it is left out" for number in (1, 4, 6)]


@pytest.mark.models
def test_a_folder_is_a_corpus_whose_files_are_the_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached_in(monkeypatch, tmp_path)
    folder = tmp_path / "docs"
    folder.mkdir()
    for doc in DOCS:
        (folder / f"{doc['doc_id']}.md").write_text(f"# {doc['title']}\n\n## More\n\n{doc['text']}\n")
    assert open_corpus(folder).search("otters sleep")[2][0] == "d-otters.md"


@pytest.mark.parametrize("lines", [[], ["{"], [{"title": "only"}]])
def test_a_corpus_without_documents(tmp_path: Path, lines: list[object]) -> None:
    with pytest.raises(ScenarioError, match="no line of it is a document"):
        open_corpus(jsonl(tmp_path, *lines))


def test_a_corpus_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"none\.jsonl: no corpus"):
        open_corpus(tmp_path / "none.jsonl")


def drawn(latency: Latency, scene: Scenario | None = None, count: int = 4) -> list[float]:
    return list(islice(delays(latency, scene or scenario()), count))


LOGNORMAL = Latency(dist="lognormal", p50=2.78, p90=4.9, seed=3)


def test_delays() -> None:
    assert drawn(Latency()) == [0.0] * 4
    assert drawn(Latency(p50=0.6)) == [0.6] * 4
    assert drawn(Latency(dist="trace", values=(1.0, 3.0, 2.0))) == [1.0, 3.0, 2.0, 1.0]
    assert drawn(LOGNORMAL) == drawn(LOGNORMAL)
    assert len(set(drawn(LOGNORMAL))) == 1, "the calls of a scenario, and so of a pair, take the same"
    others = [scenario(id="other"), scenario(seed=8)]
    assert len({drawn(LOGNORMAL, each)[0] for each in (scenario(), *others)}) == 3
    assert drawn(LOGNORMAL) != drawn(LOGNORMAL.model_copy(update={"seed": 4}))


def test_a_lognormal_has_the_quantiles_that_were_asked_for() -> None:
    samples = [drawn(LOGNORMAL, scenario(id=f"s{number}"), 1)[0] for number in range(4_000)]
    assert np.quantile(samples, 0.5) == pytest.approx(2.78, rel=0.03)
    assert np.quantile(samples, 0.9) == pytest.approx(4.9, rel=0.04)
    assert np.std(np.log(samples)) == pytest.approx(math.log(4.9 / 2.78) / 1.2815516, rel=0.04)


def called(corpus: Corpus, tool: Tool) -> tuple[float, Any]:
    """How many seconds a call takes in virtual time, and what comes of it."""

    async def main() -> tuple[float, Any]:
        async with Lanes() as lanes:
            start = anyio.current_time()
            try:
                found: Any = await Searching(tool, corpus, scenario(), lanes).call("how do barn owls hunt")
            except ToolFailed as failed:
                found = str(failed)
            return anyio.current_time() - start, found

    return run_virtual(main, compute="zero")


@pytest.mark.models
def test_a_call_takes_its_time_and_fails_as_the_scenario_wants(corpus: Corpus) -> None:
    slow = Latency(p50=2.5)
    took, (_, passages, docs) = called(corpus, Tool(name="find", latency=slow))
    assert took == pytest.approx(2.5)
    assert docs[0] == "d-owls"
    assert len(passages) == 3
    took, found = called(corpus, Tool(name="find", latency=slow, fail="empty"))
    assert (took, found[1:]) == (pytest.approx(2.5), ([], ()))
    assert called(corpus, Tool(name="find", latency=slow, fail="error")) == (
        pytest.approx(2.5),
        "find failed",
    )
    took, told = called(corpus, Tool(name="find", latency=slow, fail="timeout"))
    assert (took, told) == (pytest.approx(TIMEOUT), "find has not answered for 10 s")
