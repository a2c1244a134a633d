"""Question files: CRAG's own jsonl (also .bz2), and plain lines of question, answers and where they stand."""

from __future__ import annotations

import ast
import bz2
import hashlib
import heapq
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from duplex.evals.crag.normal import tokens
from duplex.evals.crag.scorer import INVALID, Kind

MAX_LINE = 64 * 2**20
"""Bytes of a line; CRAG's own, with five whole pages each, are up to 10 MB."""
MAX_LINES = 100_000
MAX_QUESTION = 1_000
"""Characters: more than a minute of speech."""
MAX_GOLDS, MAX_GOLD = 100, 4_000
MAX_PAGES = 100
_QUESTION = ("query", "question")
_ID = ("interaction_id", "id", "question_id", "qid")
_ANSWERS = ("answer", "answers", "gold", "gold_answers")
_ALTERNATIVES = ("alternative_answers", "alt_ans", "alt_answers", "alternatives")
_DOCS = ("supporting_doc_ids", "supporting_docs", "doc_ids", "doc_id")
_KIND = ("answer_kind", "kind")
KINDS: tuple[Kind, ...] = ("answer", "false_premise", "no_answer")


class QuestionError(Exception):
    """A question file cannot be used; the message says which line, what is wrong and what is wanted."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that CRAG's search found.

    Attributes:
        name, url: its title and address.
        html: the whole page; empty where the search kept none.
        snippet: what the search showed of it.
    """

    name: str
    url: str
    html: str
    snippet: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its right answers.

    Attributes:
        id: fit for a file's name, unique in its file.
        text: what is asked.
        gold: the right answer and its alternatives.
        kind: see `scorer.score`.
        docs: ids of documents that hold the answer, where they are known.
        pages: what a search found for it, where the file tells.
        line: of the file, from 1.
    """

    id: str
    text: str
    gold: tuple[str, ...]
    kind: Kind
    docs: tuple[str, ...] = ()
    pages: tuple[Page, ...] = field(default=(), repr=False)
    line: int = 0


def read_questions(path: Path, limit: int | None = None, seed: int = 0) -> list[Question]:
    """The questions of a file, or as many of them, drawn by the seed; in the file's order.

    A question is drawn by its own id, so the first n of a larger draw are those of a smaller one, and adding a
    question to the file changes at most one of them.

    Raises:
        QuestionError: the file cannot be read, a line of it is no question, or two have one id.
    """
    seen: dict[str, int] = {}
    drawn: list[tuple[int, int, Question]] = []
    for question in _questions(path):
        if question.id in seen:
            raise QuestionError(
                f"{path}: line {question.line}: the id {question.id!r} stands in line {seen[question.id]} too"
            )
        seen[question.id] = question.line
        rank = int.from_bytes(hashlib.sha256(f"{seed}:{question.id}".encode()).digest()[:8])
        if limit is None or len(drawn) < limit:
            heapq.heappush(drawn, (-rank, question.line, question))
        else:
            heapq.heappushpop(drawn, (-rank, question.line, question))
    if not drawn:
        raise QuestionError(f"{path}: holds no question" if limit != 0 else "a limit of 0 leaves no question")
    return sorted((question for _, _, question in drawn), key=lambda question: question.line)


def _questions(path: Path) -> Iterator[Question]:
    try:
        with _opened(path) as file:
            for number, line in _lines(file, path):
                yield _question(_row(line, path, number), path, number)
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or error
        raise QuestionError(f"{path}: cannot be read: {why}") from error


def _opened(path: Path) -> IO[bytes]:
    return bz2.open(path) if path.suffix == ".bz2" else path.open("rb")


def _lines(file: IO[bytes], path: Path) -> Iterator[tuple[int, bytes]]:
    """Its lines that are not empty, from 1; each is bounded while it is unpacked."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise QuestionError(f"{path}: line {number} is longer than {MAX_LINE // 2**20} MiB")
        if number > MAX_LINES:
            raise QuestionError(f"{path}: more than {MAX_LINES} lines; split the file")
        if line.strip():
            yield number, line


def _row(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except (ValueError, RecursionError) as error:
        raise QuestionError(f"{path}: line {number} is no JSON: {str(error)[:200]}") from error
    if not isinstance(row, dict):
        raise QuestionError(
            f"{path}: line {number} is no JSON object, such as {{'query': ..., 'answer': ...}}"
        )
    return row


def _question(row: dict[str, Any], path: Path, number: int) -> Question:
    where = f"{path}: line {number}"
    text = next((row[key] for key in _QUESTION if isinstance(row.get(key), str)), "")
    if not re.search(r"\w", text):
        raise QuestionError(f"{where}: no `query` (or `question`) to ask")
    if len(text) > MAX_QUESTION:
        raise QuestionError(
            f"{where}: a question of {len(text)} characters; at most {MAX_QUESTION} can be asked"
        )
    gold = _golds(row)
    if not gold:
        raise QuestionError(f"{where}: no `answer` (or `answers`) to judge by")
    return Question(
        id=_id(row, number),
        text=" ".join(text.split()),
        gold=gold,
        kind=_kind(row, gold[0], where),
        docs=tuple(text for key in _DOCS for text in _texts(row.get(key))),
        pages=tuple(_pages(row.get("search_results"), where)),
        line=number,
    )


def _golds(row: dict[str, Any]) -> tuple[str, ...]:
    found = [text for keys in (_ANSWERS, _ALTERNATIVES) for key in keys for text in _texts(row.get(key))]
    return tuple(dict.fromkeys(text[:MAX_GOLD] for text in found))[:MAX_GOLDS]


def _texts(value: Any) -> list[str]:
    """A text, a number, a list of them, or a list that was written as text (as CRAG's alternatives are)."""
    if isinstance(value, str) and value.lstrip().startswith("[") and len(value) <= MAX_GOLD:
        try:
            value = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return [value]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, str | int | float):
        return [str(value)] if str(value).strip() else []
    return [text for each in value for text in _texts(each)] if isinstance(value, list | tuple) else []


def _kind(row: dict[str, Any], gold: str, where: str) -> Kind:
    named = next((row[key] for key in _KIND if row.get(key) is not None), None)
    if named is not None:
        for kind in KINDS:
            if named == kind:
                return kind
        raise QuestionError(f"{where}: answer_kind {named!r} is none of {', '.join(KINDS)}")
    return "false_premise" if row.get("question_type") == "false_premise" else kind_of(gold)


def kind_of(gold: str) -> Kind:
    """What a gold alone tells: CRAG writes "invalid question" and "I don't know" where there is no answer."""
    if tokens(gold) == tokens(INVALID):
        return "false_premise"
    return "no_answer" if tokens(gold) == tokens("I don't know") else "answer"


def _id(row: dict[str, Any], number: int) -> str:
    value = next((str(row[key]) for key in _ID if isinstance(row.get(key), str | int)), "")
    if re.fullmatch(r"\w[\w.\-]{0,79}", value):
        return value
    return f"q-{hashlib.sha256(value.encode()).hexdigest()[:12]}" if value else f"line-{number}"


def _pages(value: Any, where: str) -> Iterator[Page]:
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise QuestionError(f"{where}: search_results is no list of pages")
    if len(value) > MAX_PAGES:
        raise QuestionError(f"{where}: {len(value)} pages; at most {MAX_PAGES}")
    for each in value:
        yield Page(*(_text(each, f"page_{key}") for key in ("name", "url", "result", "snippet")))


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def kinds(questions: Sequence[Question]) -> dict[str, int]:
    """How many there are of each kind."""
    return {
        kind: sum(each.kind == kind for each in questions)
        for kind in ("answer", "false_premise", "no_answer")
    }
