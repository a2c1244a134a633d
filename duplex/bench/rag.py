"""How much of a slow tool's time is hidden behind the user's own words, and at what cost.

Text lane: words come at a steady pace, the tool takes as long as the paper's (Stream RAG: 2.78 s at the median), and
each policy is played through question by question. `DUPLEX_EVALDATA` names a folder with `xquad/` and `nc_crag/`;
without it the shipped development questions about lakes are used, and the names of the measures say so. Beside it are
measured spoken orders (`duplex.bench.rag_orders`), requests with changes of mind (`rag_disfluent`), tools that fail
(`rag_faults`), which tool is meant (`rag_choice`) and questions with a wrong premise (`rag_premises`).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from duplex.bench import rag_choice, rag_disfluent, rag_faults, rag_orders, rag_premises
from duplex.bench.measure import Measure, of_quantile, of_share
from duplex.bench.search import dev_questions
from duplex.dialogue.speculation import Ask, Ended, Look, Speculation, SpeculationSettings
from duplex.graph import to_ticks
from duplex.models import model_folder
from duplex.resources import agents_dir
from tools_rag import KnowledgeIndex, MiniLM

COMMAND = "duplex bench rag"
CACHE = Path("out/bench/rag")
WORDS_A_SECOND = 2.5
DELAY = 2.78
"""Seconds that the tool takes."""
POLICIES: dict[str, SpeculationSettings] = {
    "": SpeculationSettings(),
    "interval_": SpeculationSettings("interval", budget=99),
    "always_": SpeculationSettings("triggered", budget=99, settle=1),
    "end_": SpeculationSettings("end"),
}
"""By the prefix of their measures: ours, a query a second, one at every change, one at the end."""
DELAYS = (0.0, 0.3, 0.6, DELAY)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one question.

    Attributes:
        lead: seconds before the end of the question at which the query that was used left.
        calls: all that were made.
        same: its best document is that of the whole question.
    """

    lead: float
    calls: int
    same: bool


@dataclass(slots=True)
class Corpus:
    """An index and the questions that are asked of it."""

    name: str
    index: KnowledgeIndex
    questions: list[str]
    answered: bool = True
    """Its documents answer them."""
    looks: dict[str, tuple[tuple[str, ...], float]] = field(default_factory=dict)
    costs: list[float] = field(default_factory=list)
    """Seconds of each look."""

    def look(self, words: Sequence[str], end: bool) -> Look:
        """What is found for these words, which have just been said."""
        query = " ".join(words)
        if query not in self.looks:
            start = time.perf_counter()
            self.looks[query] = self.index.look(query)
            self.costs.append(time.perf_counter() - start)
        best, margin = self.looks[query]
        kind = Ended if end else Look
        return kind(to_ticks(len(words) / WORDS_A_SECOND), query, best, margin)

    def ask(self, question: str, settings: SpeculationSettings) -> Asked:
        """Play a question through a policy."""
        words = question.split()
        machine, asked = Speculation(settings), dict[int, tuple[float, str]]()
        alive: list[int] = []
        for count in range(1, len(words) + 1):
            for action in machine.on(self.look(words[:count], count == len(words))):
                if isinstance(action, Ask):
                    asked[action.call] = (count / WORDS_A_SECOND, action.query)
                    alive.append(action.call)
                else:
                    alive.remove(action.call)
        at, query = asked[alive[0]]
        same = self.look(query.split(), True).best[:1] == self.look(words, True).best[:1]
        return Asked(len(words) / WORDS_A_SECOND - at, machine.asked, same)


def hidden(asked: Sequence[Asked], delay: float) -> float:
    """The share of the tool's time that nobody waited for: the sum of what was saved by the sum of all."""
    return sum(min(delay, each.lead) for each in asked) / (delay * len(asked))


def run() -> list[Measure]:
    """Measure all policies on all corpora."""
    folder = os.environ.get("DUPLEX_EVALDATA")
    corpora = list(_evaldata(Path(folder))) if folder else [_lakes()]
    made: list[Measure] = []
    pooled: dict[str, list[Asked]] = {prefix: [] for prefix in POLICIES}
    for corpus in corpora:
        for prefix, settings in POLICIES.items():
            came = [corpus.ask(question, settings) for question in corpus.questions]
            if corpus.answered:
                pooled[prefix] += came
            made += _measures(f"rag.{corpus.name}_{prefix}", came)
    area = "rag." if folder else "rag.dev_"
    for prefix, came in pooled.items():
        made += _measures(f"{area}{prefix}", came)
    for delay in DELAYS:  # where a tool takes no time there is nothing to save, and that is what is told
        saved = [min(delay, each.lead) for each in pooled[""]]
        made.append(of_quantile(f"{area}saved_at_{delay:g}s_s", saved, "s", COMMAND))
    costs = [1000 * cost for corpus in corpora for cost in corpus.costs]
    made.append(of_quantile(f"{area}look_ms", costs, "ms", COMMAND))
    # One look a word, spread over the frames of 80 ms that a word takes.
    frames = 1 / WORDS_A_SECOND / 0.08
    made.append(of_quantile(f"{area}trigger_ms", [cost / frames for cost in costs], "ms", COMMAND))
    made += [*rag_choice.run(), *rag_premises.run(), *rag_faults.run(), *rag_disfluent.run()]
    return [*made, *rag_orders.run(Path(folder))] if folder else made


def _measures(prefix: str, came: Sequence[Asked]) -> list[Measure]:
    n = len(came)
    calls = sum(each.calls for each in came) / n
    return [
        Measure(f"{prefix}hidden_share", round(hidden(came, DELAY), 4), "share", n, None, COMMAND),
        Measure(f"{prefix}calls_per_question", round(calls, 3), "calls", n, None, COMMAND),
        of_share(f"{prefix}fidelity", sum(each.same for each in came), n, COMMAND),
    ]


def _lakes() -> Corpus:
    questions = [each.text for each in dev_questions()]
    return Corpus("lakes", _index(agents_dir() / "lakes" / "knowledge"), questions)


def _evaldata(folder: Path) -> Iterator[Corpus]:
    """The questions that the pages answer; and those of CRAG that they do not, whose best page is any, apart."""
    pages = "nc_crag/docs_250.jsonl"
    for name, docs, asked, answered in (
        ("xquad", "xquad/docs.jsonl", "xquad/questions.jsonl", True),
        ("crag", pages, "nc_crag/grounded_dev5.jsonl", True),
        ("crag_other", pages, "nc_crag/questions_split0.jsonl", False),
    ):
        lines = (folder / asked).read_text(encoding="utf-8").splitlines()
        questions = [json.loads(line)["query"] for line in lines]
        yield Corpus(name, _index(_folder(Path(docs).parent.name, folder / docs)), questions, answered)


def _folder(name: str, docs: Path) -> Path:
    """A document a file, as a knowledge folder has them."""
    out = CACHE / name
    out.mkdir(parents=True, exist_ok=True)
    for line in docs.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        title = str(row.get("title") or "").replace("_", " ")
        text = str(row.get("text") or row.get("page_text") or row.get("snippet") or "")
        (out / f"{row['doc_id']}.txt").write_text(f"{title}\n\n{text}\n", encoding="utf-8")
    return out


def _index(folder: Path) -> KnowledgeIndex:
    return KnowledgeIndex.open(folder, CACHE / "indexes", MiniLM(model_folder("minilm")))
