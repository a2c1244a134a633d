"""What one question came to, as numbers: section E of SCENARIO_FORMAT for a single run, and for a pair of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from duplex.evals.corpora import Corpus
from duplex.evals.crag.asking import START, reply_of
from duplex.evals.crag.questions import Question
from duplex.evals.crag.scorer import Kind, Verdict, score
from duplex.evals.crag.searching import Policy
from duplex.evals.crag.speech import Asked
from duplex.evals.metrics.streaming import calls_of, committed, decided, oracle_lead, parallel, same_documents
from duplex.evals.metrics.view import View
from duplex.evals.record import Replay
from duplex.evals.words import PACE

TOP = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One run of one question. Times in seconds after t_eos, the end of the question's last word; None: never came.

    Attributes:
        id, policy, delay: which run; `delay` is the tool's name for it.
        seconds: what the tool took.
        asked, kind, gold: the question.
        heard: the question's words as the agent finally had them.
        answer, verdict: what it said, and how that was judged.
        error: why the run failed; it then counts as an answer that is missing.
        voice, wer, bucket, repaired: how the question was said, and what was read back; empty in the text lane.
        decision: when the turn was taken for ended.
        cut_in: it was taken for ended before the question was over, at any time in it.
        first_token: when the first words of the answer were there and could be said.
        first_audio: when its first sound came.
        lead: how long before t_eos the call was issued that the answer rests on; negative after it.
        result: when that call's result was there.
        docs: that call's documents.
        calls, early, wasted, cancelled, parallel: how many calls there were, of which kinds, and how many at once.
        queries: what was asked for, early ones first where they were.
    """

    id: str
    policy: Policy
    delay: str
    seconds: float
    asked: str
    kind: Kind
    gold: tuple[str, ...]
    heard: str = ""
    answer: str = ""
    verdict: Verdict = "missing"
    error: str = ""
    voice: str = ""
    wer: float | None = None
    bucket: str = ""
    repaired: bool = False
    decision: float | None = None
    cut_in: bool = False
    first_token: float | None = None
    first_audio: float | None = None
    lead: float | None = None
    result: float | None = None
    docs: tuple[str, ...] = ()
    calls: int = 0
    early: int = 0
    wasted: int = 0
    cancelled: int = 0
    parallel: int = 0
    queries: tuple[str, ...] = ()

    @property
    def perceived(self) -> float | None:
        """T_s: what of the tool's time the caller waits through."""
        return None if self.result is None else max(0.0, self.result)

    def as_json(self) -> dict[str, Any]:
        """In JSON's own types."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }


_ROW = TypeAdapter(Row)


def row_of(value: dict[str, Any], unknown: Sequence[str] = ()) -> Row:
    """The row that `Row.as_json` gave, its answer judged again.

    Raises:
        ValueError: it is no row.
    """
    row = _ROW.validate_python(value)
    return row if row.error else replace(row, verdict=_judged(row.answer, row, unknown))


def measured(
    replay: Replay,
    question: Question,
    asked: Asked | None,
    policy: Policy,
    delay: tuple[str, float],
    unknown: Sequence[str] = (),
) -> Row:
    """One run's row.

    Args:
        replay: of the question.
        question: what was asked.
        asked: how; None in the text lane.
        policy: the run's.
        delay: its name, and what the tool took.
        unknown: what this agent says where it has no answer or fails: missing, whatever its words.
    """
    said: dict[str, Any] = {}
    if asked is not None:
        said = {
            "voice": asked.voice,
            "wer": round(asked.wer, 4),
            "bucket": asked.bucket,
            "repaired": asked.repaired,
        }
    head = Row(
        question.id, policy, delay[0], round(delay[1], 4), question.text, question.kind, question.gold, **said
    )
    if replay.error:
        return replace(head, error=replay.error)
    answer = reply_of(replay)
    return replace(head, answer=answer, verdict=_judged(answer, head, unknown), **_times(replay, answer))


def _judged(answer: str, row: Row, unknown: Sequence[str]) -> Verdict:
    if not answer.strip() or answer.strip() in unknown:
        return "missing"
    return score(answer, row.gold, row.kind, row.asked)


def _times(replay: Replay, answer: str) -> dict[str, Any]:
    view = View(replay)
    turn = view.due[0]
    end = turn.end
    calls = calls_of(view, turn)
    used = committed(calls)
    decision = decided(view, turn)
    heard = [record.payload["text"] for record in replay.of("asr_final")]
    response = view.answer(turn)
    return {
        "heard": heard[-1] if heard else "",
        "decision": _after(decision, end),
        "cut_in": any(record.t < end for record in replay.of("eot_decision")),
        "first_token": _after(_first_token(replay, decision), end) if answer else None,
        "first_audio": _after(response.start if response else None, end),
        "lead": None if used is None else round(end - used.issued, 4),
        "result": _after(used.result if used else None, end),
        "docs": used.docs[:TOP] if used else (),
        "calls": len(calls),
        "early": sum(call.issued < end for call in calls),
        "wasted": len(calls) - (used is not None),
        "cancelled": sum(call.cancelled is not None for call in calls),
        "parallel": parallel(calls),
        "queries": tuple(record.payload["query"] for record in replay.of("tool_call")),
    }


def _after(t: float | None, end: float) -> float | None:
    return None if t is None else round(t - end, 4)


def _first_token(replay: Replay, decision: float | None) -> float | None:
    """When the last reply's first words were there, at the earliest when it might be heard."""
    kept = [record.payload["attempt"] for record in replay.of("Commit")]
    times = [
        record.t
        for record in replay.of("ReplyText")
        if kept and record.payload["attempt"] == kept[-1] and record.payload["text"]
    ]
    return max(times[0], decision) if times and decision is not None else None


def faithful(own: Row, book: Row) -> bool | None:
    """Whether both rest on the same top documents; None where one rests on none."""
    if own.result is None or book.result is None:
        return None
    return same_documents(own.docs, book.docs)


def oracle(corpus: Corpus, question: Question, asked: Asked | None) -> float | None:
    """How long before the question's end a perfect trigger could have called: from the true words, as they are said.

    None where the times of the words are not known, as in a recording, or the best documents change with the last word.
    """
    if asked is None:
        texts = question.text.split()
        words = [(text, START + at * PACE, START + (at + 0.9) * PACE) for at, text in enumerate(texts)]
    else:
        words = [(text, start, end) for text, start, end in asked.spoken.words]
    if not words:
        return None
    found = [
        (end, corpus.search(" ".join(text for text, *_ in words[: at + 1]))[2])
        for at, (_, _, end) in enumerate(words)
    ]
    return oracle_lead(found, found[-1][1], words[-1][2])
