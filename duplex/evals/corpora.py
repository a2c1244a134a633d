"""The tools of a scenario: a search over its documents that takes as long, and fails, as the scenario says.

It takes the place of the agent's own knowledge. The index is the agent's kind of index, kept in the user's cache by the
documents' content. What the tool takes is slept on the running clock, so virtual time charges it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from platformdirs import user_cache_path

from duplex.agent.answering import Sentence, messages, titles
from duplex.agent.engines import embedder
from duplex.dialogue.history import History
from duplex.dialogue.speculation import SpeculationSettings
from duplex.evals.scenario import Latency, Scenario, ScenarioError, Tool
from duplex.graph import Lanes, Priority
from duplex.llm.context import contextualise
from duplex.llm.grounded import GroundedAnswerer
from duplex.models.store import write_atomically
from duplex.nodes.answerer import Report, ToolCall, ToolResult
from duplex.nodes.early import EarlySearch
from tools_rag import KnowledgeError, KnowledgeIndex, Passage
from tools_rag.folder import Limits

DOCS = 5
"""Documents that a call gives."""
TIMEOUT = 10.0
"""Seconds after which the caller of a tool that never answers gives up."""
_ALL = 100
"""More passages than a search ranks: several may be of one document."""
_PASSAGES = 3
"""Passages that an answer is made of, as with the agent's own knowledge."""
_MAX_BYTES = 200_000_000
_LIMITS = Limits(file_bytes=_MAX_BYTES, chunks=200_000)
_TEXT = ("text", "content", "answer", "passage", "page_content", "page_snippet", "snippet")
_TITLE = ("title", "name", "heading", "page_name", "question")
_ID = ("id", "doc_id", "_id", "docid", "document_id")
_P90 = 1.2815515655446004
"""The standard normal's 90 % quantile."""

logger = logging.getLogger(__name__)


Results = tuple[str, list[Passage], tuple[str, ...]]
"""The question as it was understood, the passages to answer from, and the best documents' ids."""


class ToolFailed(Exception):
    """The tool failed, as the scenario wants it to."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents that can be searched.

    Attributes:
        index: over them.
        ids: of a jsonl's documents, in the order of its lines; empty for a folder, whose files' names are the ids.
    """

    index: KnowledgeIndex
    ids: tuple[str, ...] = ()

    def id_of(self, passage: Passage) -> str:
        """The document that a passage is from."""
        line = re.search(r"#line-(\d+)$", passage.source) if self.ids else None
        return self.ids[int(line[1]) - 1] if line else passage.source.partition("#")[0]

    def look(self, query: str) -> tuple[tuple[str, ...], float]:
        """See `KnowledgeIndex.look`."""
        return self.index.look(query, DOCS, self.id_of)

    def search(self, query: str) -> Results:
        """The question as it was understood, the passages to answer from, and the best documents' ids."""
        passages = self.index.search(query, _ALL)
        docs = tuple(dict.fromkeys(self.id_of(passage) for passage in passages))[:DOCS]
        return self.index.repair(query).text, passages[:_PASSAGES], docs


def open_corpus(path: Path, embedder_name: Any = "minilm") -> Corpus:
    """A corpus from a jsonl of documents (`text`, `title` and `id`, or names like these) or a folder of files.

    Raises:
        ScenarioError: it cannot be read, or holds no document.
    """
    try:
        laid_out: tuple[Path, tuple[str, ...]] = (path, ()) if path.is_dir() else _laid_out(path)
        index = _index(laid_out[0], user_cache_path("duplex", appauthor=False) / "indexes", embedder_name)
    except (OSError, UnicodeDecodeError, KnowledgeError) as error:
        raise ScenarioError(f"{path}: no corpus: {error}") from error
    return Corpus(index, laid_out[1])


@lru_cache(maxsize=4)
def _index(folder: Path, cache: Path, embedder_name: Any) -> KnowledgeIndex:
    return KnowledgeIndex.open(folder, cache, embedder(embedder_name), limits=_LIMITS)


def _laid_out(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The jsonl as a knowledge folder in the user's cache, by its content, and the ids of its documents."""
    if path.stat().st_size > _MAX_BYTES:
        raise ScenarioError(f"{path}: larger than {_MAX_BYTES // 1_000_000} MB; split it")
    raw = path.read_bytes()
    folder = user_cache_path("duplex", appauthor=False) / "corpora" / hashlib.sha256(raw).hexdigest()[:24]
    rows = list(_rows(raw.decode("utf-8"), path))
    if not rows:
        raise ScenarioError(f"{path}: no line of it is a document: a JSON object with `text`")
    if not (folder / "docs.jsonl").exists():
        folder.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"title": title, "text": text}) for _, title, text in rows]
        write_atomically(folder / "docs.jsonl", ("\n".join(lines) + "\n").encode())
    return folder, tuple(doc for doc, _, _ in rows)


def _rows(text: str, path: Path) -> Iterator[tuple[str, str, str]]:
    """Id, title and text of each document."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        body = _first(row, _TEXT) if isinstance(row, dict) else ""
        if not body:
            logger.warning("%s: line %d is no document: it is left out", path, number)
            continue
        yield _first(row, _ID) or f"line-{number}", _first(row, _TITLE).replace("_", " "), body


def _first(row: dict[str, Any], keys: Sequence[str]) -> str:
    values = (row.get(key) for key in keys)
    return next((str(value) for value in values if isinstance(value, str | int) and str(value).strip()), "")


def delays(latency: Latency, scenario: Scenario) -> Iterator[float]:
    """Seconds that each call takes.

    A lognormal is drawn once for a scenario, so that a paired run that calls at another time, or more often, differs by
    that alone; a trace is taken value by value, again and again.
    """
    if latency.dist == "trace":
        return cycle(latency.values)
    if latency.dist == "fixed":
        return cycle((latency.p50,))
    seed = (abs(latency.seed), abs(scenario.seed), zlib.crc32(scenario.id.encode()))
    sigma = math.log((latency.p90 or latency.p50) / latency.p50) / _P90
    return cycle((latency.p50 * math.exp(sigma * float(np.random.default_rng(seed).standard_normal())),))


class Searching:
    """A tool at work: each call finds what the corpus has, when the scenario says."""

    def __init__(self, tool: Tool, corpus: Corpus, scenario: Scenario, lanes: Lanes) -> None:
        self.name = tool.name
        self._fail, self._corpus, self._lanes = tool.fail, corpus, lanes
        self._delays = delays(tool.latency, scenario)

    async def look(self, query: str) -> tuple[tuple[str, ...], float]:
        """The best documents now and the first's margin; see `KnowledgeIndex.look`."""
        return await self._lanes.heavy(Priority.SPECULATION, self._corpus.look, query, name="search.look")

    def understood(self, query: str) -> str:
        """The question with misheard names put right."""
        return self._corpus.index.repair(query).text

    def told(self, results: Results) -> tuple[str, Sequence[str]]:
        """What is shown of a call: the passages' titles, and the documents."""
        _, passages, docs = results
        return titles(passages), docs

    async def call(self, query: str) -> Results:
        """What `Corpus.search` finds, after the tool's time.

        Raises:
            ToolFailed: the scenario wants it to fail.
        """
        until = anyio.current_time() + next(self._delays)
        if self._fail == "timeout":
            await anyio.sleep(TIMEOUT)
            raise ToolFailed(f"{self.name} has not answered for {TIMEOUT:.0f} s")
        asked, passages, docs = await self._lanes.heavy(
            Priority.LLM, self._corpus.search, query, name="search"
        )
        await anyio.sleep_until(until)
        if self._fail == "error":
            raise ToolFailed(f"{self.name} failed")
        return (asked, [], ()) if self._fail == "empty" else (asked, passages, docs)


class FromTool:
    """Answers from what a scenario's tool finds, which is asked while the user still speaks (`EarlySearch`).

    What triggers a call is a look at the corpus itself; a call takes as long as the scenario says.
    """

    def __init__(
        self, tool: Searching, answerer: GroundedAnswerer, settings: SpeculationSettings | None = None
    ) -> None:
        self._tool, self._answerer = tool, answerer
        self._settings = settings or SpeculationSettings()
        self._search: EarlySearch[Results] | None = None

    @asynccontextmanager
    async def conversation(self, report: Report) -> AsyncIterator[FromTool]:
        """One session's; a scenario has one."""
        self._search = EarlySearch(self._tool, self._tool.look, self._settings, report)
        async with self._search.running():
            yield self

    async def prepare(self, text: str, history: History) -> None:
        """Let the words so far trigger what they do."""
        await self._early.hear(contextualise(text, messages(history)))

    async def answer(self, text: str, history: History) -> AsyncIterator[Sentence | ToolCall | ToolResult]:
        """One answer, from the call that stands."""
        before = messages(history)
        query = contextualise(text, before)
        call, (_, passages, docs) = await self._early.finish(query)
        yield ToolResult(call, titles(passages), docs)
        # What was found for the first words is asked the whole question.
        answer = await self._answerer.answer(self._tool.understood(query), passages, before)
        yield Sentence(answer.text, (answer.source,) if answer.source else ())

    @property
    def _early(self) -> EarlySearch[Results]:
        if self._search is None:
            raise RuntimeError("no conversation is on")
        return self._search
