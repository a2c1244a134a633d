"""Spoken questions: their files, their documents, their speech, and real runs of an agent on words and on sound."""

from __future__ import annotations

import bz2
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from duplex.agent.loader import load_agent
from duplex.agent.spec import AgentSpec
from duplex.bench.replay_scorer import scorer
from duplex.evals.crag import agreement as agreeing
from duplex.evals.crag import speech
from duplex.evals.crag.knowledge import corpus_of
from duplex.evals.crag.questions import MAX_LINE, Question, QuestionError, read_questions
from duplex.evals.crag.report import page, text, write_report
from duplex.evals.crag.rows import Row, row_of
from duplex.evals.crag.run import Options, Ran, check, latency_of, run
from duplex.evals.crag.sections import questions as questions_of
from duplex.evals.crag.sections import scorer as told_of
from duplex.evals.crag.sections import sections
from duplex.evals.crag.table import NAME, paired, summarise
from duplex.evals.record import Record
from duplex.evals.scenario import ScenarioError
from duplex.evals.spoken import Spoken

DOCS = {
    "harbour": "The lighthouse at Tarn Point was built in 1874 by Edwin Frost. It is 31 metres tall.",
    "market": "The fish market in Tarn is held on Tuesdays. It opens at six in the morning.",
    "boats": "The ferry Marigold was painted by Ruth Adler in 1990. It carries 40 cars.",
}
ASKED = {
    "who": ("Who built the lighthouse at Tarn Point?", "Edwin Frost", "harbour"),
    "ferry": ("Who painted the ferry Marigold?", "Ruth Adler", "boats"),
}


def lines(path: Path, *rows: object) -> Path:
    """The rows as jsonl; a string stands as it is."""
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    rows = [
        {"id": id, "query": q, "answers": [a], "supporting_doc_ids": [d]} for id, (q, a, d) in ASKED.items()
    ]
    return lines(tmp_path / "questions.jsonl", *rows)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return lines(tmp_path / "docs.jsonl", *({"doc_id": id, "text": body} for id, body in DOCS.items()))


# Question files


def test_plain_questions(tmp_path: Path) -> None:
    file = lines(
        tmp_path / "q.jsonl",
        {"id": "a", "question": "How tall is it?", "answer": 31, "alt_answers": ["31 m", "31 metres"]},
        "",
        {"query": "Who sank it?", "answer": "invalid question"},
        {"id": "sl/ash", "query": "What is its price now?", "answer": "I don't know"},
        {"id": "d", "query": "Is it open?", "answer": True, "supporting_docs": "market"},
    )
    found = read_questions(file)
    assert [each.id for each in found[:2]] == ["a", "line-3"]
    assert re.fullmatch(r"q-[0-9a-f]{12}", found[2].id)
    assert [each.kind for each in found] == ["answer", "false_premise", "no_answer", "answer"]
    assert found[0].gold == ("31", "31 m", "31 metres")
    assert found[3].gold == ("yes",)
    assert found[3].docs == ("market",)


def test_the_official_form(tmp_path: Path) -> None:
    pages = [
        {
            "page_name": "Tarn",
            "page_url": "u",
            "page_snippet": "s",
            "page_result": "<html><p>Tarn</p></html>",
        },
        {"page_name": "Gone", "page_url": "v", "page_snippet": "only a snippet", "page_result": ""},
    ]
    row = {
        "interaction_id": "x-1",
        "query": "who has  never been there?",
        "question_type": "false_premise",
        "answer": "she has been there twice",
        "alternative_answers": "['twice', \"she's been\"]",
        "search_results": pages,
    }
    file = tmp_path / "crag.jsonl.bz2"
    file.write_bytes(bz2.compress((json.dumps(row) + "\n").encode()))
    (question,) = read_questions(file)
    assert question.id == "x-1"
    assert question.text == "who has never been there?"
    assert question.kind == "false_premise"
    assert question.gold == ("she has been there twice", "twice", "she's been")
    assert [each.name for each in question.pages] == ["Tarn", "Gone"]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("{'not': json}", "line 2 is no JSON"),
        ("[1, 2]", "line 2 is no JSON object"),
        ({"answer": "x"}, "line 2: no `query`"),
        ({"query": "?!", "answer": "x"}, "line 2: no `query`"),
        ({"query": "who?"}, "line 2: no `answer`"),
        ({"query": "who " * 400, "answer": "x"}, "line 2: a question of 1600 characters"),
        ({"query": "who?", "answer": "x", "answer_kind": "odd"}, "line 2: answer_kind 'odd'"),
        ({"query": "who?", "answer": "x", "search_results": "page"}, "line 2: search_results is no list"),
        ({"query": "who?", "answer": "x", "search_results": [{}] * 101}, "line 2: 101 pages"),
        ({"id": "a", "query": "who?", "answer": "x"}, "line 2: the id 'a' stands in line 1 too"),
    ],
)
def test_faults_name_their_line(tmp_path: Path, bad: object, why: str) -> None:
    good = {"id": "a", "query": "who?", "answer": "x"}
    with pytest.raises(QuestionError, match=re.escape(why)):
        read_questions(lines(tmp_path / "q.jsonl", good, bad))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    broken = tmp_path / "q.jsonl.bz2"
    broken.write_bytes(bz2.compress(b'{"query": "who?", "answer": "x"}\n' * 50)[:-9])
    for path in (tmp_path / "none.jsonl", tmp_path, broken):
        with pytest.raises(QuestionError, match="cannot be read"):
            read_questions(path)
    with pytest.raises(QuestionError, match="holds no question"):
        read_questions(lines(tmp_path / "empty.jsonl"))


def test_a_line_is_bounded_while_it_is_unpacked(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.jsonl.bz2"
    packer = bz2.BZ2Compressor()
    chunk = b"a" * 2**20
    parts = [packer.compress(chunk) for _ in range(MAX_LINE // 2**20 + 2)]
    bomb.write_bytes(b"".join([*parts, packer.flush()]))
    with pytest.raises(QuestionError, match="line 1 is longer than"):
        read_questions(bomb)


def test_draws_are_nested_and_in_order(tmp_path: Path) -> None:
    rows = [{"id": f"q{n}", "query": f"what is {n}?", "answer": n} for n in range(50)]
    file = lines(tmp_path / "q.jsonl", *rows)
    ten, five = read_questions(file, 10, 7), read_questions(file, 5, 7)
    assert len(ten) == 10
    assert {each.id for each in five} < {each.id for each in ten}
    assert [each.line for each in ten] == sorted(each.line for each in ten)
    assert read_questions(file, 10, 7) == ten
    assert read_questions(file, 10, 8) != ten
    assert len(read_questions(file, 99)) == 50


# Documents


def test_knowledge_is_made_of_the_pages(tmp_path: Path) -> None:
    body = "".join(f"<h1>Tarn</h1><p>{DOCS['harbour']}</p><script>evil()</script>" for _ in range(1))
    result = {"page_name": "Tarn", "page_result": f"<html><body><article>{body}</article></body></html>"}
    snippet = {"page_name": "Boats", "page_snippet": DOCS["boats"]}
    row = {"query": "who?", "answer": "x", "search_results": [result, snippet, result]}
    found = read_questions(lines(tmp_path / "q.jsonl", row))
    corpus, folder = corpus_of(found, None, "minilm")
    files = sorted(path.suffix for path in folder.iterdir())
    assert files == [".html", ".txt"]  # the same page is kept once
    _, passages, ids = corpus.search("who built the lighthouse at Tarn Point?")
    assert "Edwin Frost" in passages[0].text
    assert "evil" not in passages[0].text
    assert ids[0].endswith(".html")
    again, same = corpus_of(found, None, "minilm")
    assert same == folder
    assert len(again.index) == len(corpus.index)


def test_questions_without_pages_need_documents(questions: Path) -> None:
    with pytest.raises(QuestionError, match="--docs"):
        corpus_of(read_questions(questions), None, "minilm")


# Speech


@pytest.mark.parametrize(
    ("heard", "voices", "repaired"),
    [
        (["right"], 1, False),  # understood at once
        (["wrong", "right"], 2, False),  # somebody is understood: it is asked as it came
        (["wrong", "wrong", "right"], 3, True),  # synthesis failed: another engine says it
        (["wrong", "wrong", "wrong"], 3, False),  # nobody can: the first is as good
    ],
)
def test_only_failed_synthesis_is_repaired(
    monkeypatch: pytest.MonkeyPatch, heard: list[str], voices: int, repaired: bool
) -> None:
    question = Question("q", "who built the old lighthouse", ("x",), "answer")
    said: list[str] = []

    def speak(item: Any, seed: int) -> Spoken:
        said.append(item.tts["voice"])
        return Spoken(np.ones(1600, np.int16), (), ((0.0, 0.1),))

    def espeak(asked: str) -> Spoken:
        said.append("espeak")
        return Spoken(np.ones(1600, np.int16), (), ((0.0, 0.1),))

    monkeypatch.setattr(speech, "speak", speak)
    monkeypatch.setattr(speech, "_espeak", espeak)
    answers = iter(heard)
    asked = speech.ask(
        question, 3, ("af_heart",), lambda pcm: question.text if next(answers) == "right" else "owl butter"
    )
    assert len(said) == voices
    assert len(set(said)) == voices
    assert "af_heart" not in said
    assert asked.repaired is repaired
    assert asked.voice == ("en-gb" if repaired else said[0])


def test_how_much_was_read_back() -> None:
    assert speech.error_rate("It costs $2.50 in May 2020?", "it costs 2.50 dollars in May 2020") < 0.5
    assert speech.error_rate("one two three four", "1 2 3") == 0.25
    assert speech.error_rate("who", "") == 1.0
    names = [
        speech.Asked(Spoken(np.zeros(1, np.int16), (), ()), "v", "", wer).bucket for wer in (0, 0.1, 0.3, 2)
    ]
    assert names == ["0", "up to 10 %", "up to 50 %", "over 50 %"]


def test_recordings_are_found_by_id(tmp_path: Path) -> None:
    question = Question("who", "who?", ("x",), "answer")
    with pytest.raises(ScenarioError, match=r"who\.wav"):
        speech.recorded(question, tmp_path, lambda pcm: "who?")
    soundfile.write(tmp_path / "who.wav", np.zeros(8000, np.int16), 8000)
    with pytest.raises(ScenarioError, match="nothing is to be heard"):
        speech.recorded(question, tmp_path, lambda pcm: "who?")
    tone = (8000 * np.sin(np.arange(8000) * 0.2)).astype(np.int16)
    soundfile.write(tmp_path / "who.wav", np.concatenate([np.zeros(4000, np.int16), tone]), 8000)
    asked = speech.recorded(question, tmp_path, lambda pcm: "who?")
    assert (asked.voice, asked.wer) == ("recording", 0.0)
    ((start, end),) = asked.spoken.speech
    assert (start, end) == pytest.approx((0.5, 1.5), abs=0.03)


# Calls and pairs


def told(t: float, type: str, **payload: object) -> Record:
    return Record(t, "agent", type, payload)


def a_row(id: str, policy: str, **changes: Any) -> Row:
    row = Row(id, policy, "2", 2.0, "who built it?", "answer", ("Edwin Frost",))  # type: ignore[arg-type]
    return replace(row, answer="Edwin Frost.", verdict="accurate", **changes)


def test_pairs_by_the_formulas() -> None:
    pairs = [
        (
            a_row("a", "own", result=0.5, lead=1.0, docs=("x", "y"), first_audio=1.0),
            a_row("a", "open_book", result=2.5, docs=("y", "x"), first_audio=3.0),
        ),
        (
            a_row("b", "own", result=-0.2, lead=2.0, docs=("x",), first_audio=0.5),
            a_row("b", "open_book", result=1.5, docs=("z",), first_audio=None),
        ),
        (a_row("c", "own"), a_row("c", "open_book", result=1.0)),  # no call that an answer rests on
    ]
    found = paired(pairs, {"a": 2.0, "b": 2.0})
    assert found["savings"]["value"] == pytest.approx(
        (2.0 + 1.5) / (2.5 + 1.5)
    )  # a result before the end costs 0
    assert found["saved"]["value"] == pytest.approx(1.75)
    assert found["fidelity"]["value"] == 0.5
    assert found["stale"]["value"] == 0.0
    assert found["efficiency"]["value"] == pytest.approx(3 / 4)
    assert found["first_audio"]["value"] == -2.0
    assert found["first_audio"]["n"] == 1


def test_a_row_is_judged_again_when_it_is_read() -> None:
    kept = a_row("a", "own").as_json() | {"verdict": "hallucination"}
    assert row_of(json.loads(json.dumps(kept))).verdict == "accurate"
    assert row_of(kept, unknown=("Edwin Frost.",)).verdict == "missing"
    with pytest.raises(ValueError, match="verdict"):
        row_of(kept | {"verdict": "odd"})


@pytest.mark.parametrize(
    ("name", "p50"), [("0", 0.0), ("0.30", 0.3), (".6", 0.6), ("1.25", 1.25), ("paper", 2.78)]
)
def test_delays_by_name(name: str, p50: float) -> None:
    assert latency_of(name, 4).p50 == p50
    assert latency_of(name, 4).seed == 4


@pytest.mark.parametrize("name", ["fast", "-1", "nan", "inf", "1e9"])
def test_delays_that_mean_nothing(name: str) -> None:
    with pytest.raises(ValueError, match="delay"):
        latency_of(name, 0)


def test_recordings_need_sound(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="virtual lane"):
        check(Options(tmp_path / "q", tmp_path, recordings=tmp_path, lane="text"))


# Whole runs


@pytest.fixture(scope="module")
def agent() -> AgentSpec:
    return load_agent("lakes")


def last(spec: AgentSpec, options: Options, watch: Callable[[str, int, int], None] = lambda *_: None) -> Ran:
    *_, ran = run(spec, options, watch)
    return ran


def test_questions_on_a_word_clock(agent: AgentSpec, questions: Path, docs: Path, tmp_path: Path) -> None:
    options = Options(questions, tmp_path / "out", docs, delays=("0", "1.5"), lane="text", compute="zero")
    ran = last(agent, options)
    assert ran.finished
    assert [row.error for row in ran.rows] == [""] * 8
    assert {row.verdict for row in ran.rows} == {"accurate"}
    for row in ran.rows:
        assert row.docs[0] == ASKED[row.id][2]
        assert row.result == pytest.approx(-(row.lead or 0) + row.seconds, abs=0.03)
        assert row.calls == 1 + row.wasted
    for row in (each for each in ran.rows if each.policy == "open_book"):
        assert row.early == 0
        assert row.decision is not None
        assert -(row.lead or 0) == pytest.approx(row.decision, abs=0.03)  # not before the turn was over
    slow = [row for row in ran.rows if row.delay == "1.5"]
    waited = {(row.id, row.policy): row.first_audio or 0.0 for row in slow}
    for id in {row.id for row in slow}:
        assert waited[id, "open_book"] > 1.5
        assert waited[id, "own"] < waited[id, "open_book"], (
            "it was asked while the question was still being put"
        )
    _kept(agent, options, ran)
    _reported(ran, options)


def _kept(agent: AgentSpec, options: Options, ran: Ran) -> None:
    """Run again, nothing is asked anew; a row that is damaged or failed is."""
    files = sorted((options.out / "rows").glob("*.json"))
    before = {path: path.stat().st_mtime_ns for path in files}
    assert len(files) == 8
    files[0].write_text("{", encoding="utf-8")
    failed = json.loads(files[1].read_text(encoding="utf-8")) | {"error": "it was stopped"}
    files[1].write_text(json.dumps(failed), encoding="utf-8")
    again = last(agent, options)
    assert [row.as_json() for row in again.rows] == [row.as_json() for row in ran.rows]
    changed = [path for path in files[2:] if path.stat().st_mtime_ns != before[path]]
    assert changed == []


def _reported(ran: Ran, options: Options) -> None:
    ran.rows[0] = replace(ran.rows[0], answer="<script>alert('x')</script> & more")
    summary = summarise(ran, options, "lakes")
    write_report(summary, options.out)
    figures = json.loads((options.out / "crag.json").read_text(encoding="utf-8"))
    assert figures["name"] == NAME
    assert figures["delays"]["1.5"]["own"]["accurate"]["value"] == 1.0
    assert figures["delays"]["1.5"]["paired"]["fidelity"]["value"] == 1.0
    assert 0 < figures["oracle_lead"]["value"] < 4
    assert "AudioCRAG score" in text(summary)
    for section in [*sections(summary), questions_of(summary)]:
        assert {len(row) for row in section.rows} == {len(section.head)}, section.title
    markup = page(summary)
    assert "<script" not in markup
    assert "&lt;script&gt;" in markup
    _Balanced().check(markup)


class _Balanced(HTMLParser):
    """Every element that is opened is closed, in order."""

    def check(self, markup: str) -> None:
        self.open: list[str] = []
        self.feed(markup)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_spoken_question(agent: AgentSpec, questions: Path, docs: Path, tmp_path: Path) -> None:
    """Real speech through the whole agent: asked early of its own, and in time for the same answer as open book."""
    options = Options(questions, tmp_path / "out", docs, limit=1, delays=("1.5",))
    ran = last(agent, options)
    own, book = sorted(ran.rows, key=lambda row: row.policy != "own")
    assert (own.error, book.error) == ("", "")
    assert own.wer is not None
    assert own.wer <= 0.5
    assert own.voice == book.voice
    assert {own.verdict, book.verdict} == {"accurate"}
    assert own.early > 0
    assert book.early == 0
    assert (own.result or 9) < (book.result or 0)
    assert not own.cut_in


def test_what_fails_is_told_and_counted(
    agent: AgentSpec, questions: Path, docs: Path, tmp_path: Path
) -> None:
    options = Options(questions, tmp_path / "out", docs, delays=("0",), lane="text", compute="zero")
    ran = Ran(read_questions(questions))
    head = Row("who", "own", "0", 0.0, *(ASKED["who"][0], "answer", (ASKED["who"][1],)))  # type: ignore[arg-type]
    ran.rows = [replace(head, error="ValueError: it broke"), replace(head, policy="open_book")]
    summary = summarise(ran, options, "lakes")
    own = summary["delays"]["0"]["own"]
    assert own["failed"] == 1
    assert own["missing"]["value"] == 1.0
    assert "STOPPED EARLY: 1 of 2 questions" in text(summary)
    truth = summary["delays"]["0"]["open_book"]["truthfulness"]
    assert truth["low"] < truth["value"] < truth["high"]  # one answer is not certain to be like all others
    assert "it broke" in page(summary)


# Agreement


def test_agreement_is_counted(tmp_path: Path) -> None:
    rows = [
        {"query": "who?", "gold": "Edwin Frost", "prediction": "Edwin Frost.", "label": "accurate"},
        {"query": "who?", "gold": ["Edwin Frost"], "prediction": "Ruth Adler.", "label": "hallucination"},
        {"query": "who?", "gold": "invalid question", "prediction": "I don't know.", "label": "accurate"},
    ]
    found = agreeing.agreement(lines(tmp_path / "labels.jsonl", *rows))
    assert (found.agree, found.n) == (2, 3)
    assert found.confusion[("accurate", "missing")] == 1
    low, high = found.interval
    assert low < 2 / 3 < high


@pytest.mark.parametrize(
    ("bad", "why"),
    [({"query": "who?"}, "line 1: needs"), ("{", "line 1: needs"), ("", "holds no labelled answer")],
)
def test_labels_that_cannot_be_used(tmp_path: Path, bad: object, why: str) -> None:
    with pytest.raises(agreeing.LabelError, match=why):
        agreeing.agreement(lines(tmp_path / "labels.jsonl", bad))


def test_a_label_that_is_none(tmp_path: Path) -> None:
    row = {"query": "who?", "gold": "x", "prediction": "x", "label": "perfect"}
    with pytest.raises(agreeing.LabelError, match="'perfect' is none of accurate, missing, hallucination"):
        agreeing.agreement(lines(tmp_path / "labels.jsonl", row))


def test_the_bench_measures_agreement_only_where_there_is_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DUPLEX_EVALDATA", raising=False)
    assert list(scorer()) == []
    assert list(scorer(tmp_path)) == []
    (tmp_path / agreeing.LABELLED).parent.mkdir()
    row = {"query": "who?", "gold": "Edwin Frost", "prediction": "Edwin Frost.", "label": "accurate"}
    lines(tmp_path / agreeing.LABELLED, row, row, row | {"label": "missing"})
    monkeypatch.setenv("DUPLEX_EVALDATA", str(tmp_path))
    (measure,) = scorer()
    assert (measure.name, measure.value, measure.n) == ("replay.scorer_agreement", 0.6667, 3)
    assert measure.ci95 is not None


def test_the_shipped_figure_names_the_scorer_that_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    found = agreeing.shipped()
    assert found is not None
    assert 0 < found["low"] < found["agreement"] < found["high"] < 1
    monkeypatch.setattr(agreeing, "fingerprint", lambda: "another")
    changed = agreeing.shipped()
    assert changed is not None
    assert not changed["current"]
    assert "before it was changed" in told_of({"scorer": changed})
