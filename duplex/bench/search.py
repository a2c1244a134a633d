"""How fast and how right knowledge search is: 10,000 chunks for time, the shipped knowledge for hits.

The 10,000 chunks are invented, each about another place, so that none is a copy and every question has one answer.
The real embedder reads them. Their index is kept under `out/bench/search` and built only once; the rate of building
is measured afresh on a part of them.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from duplex.bench.measure import Measure, of_quantile, of_share
from duplex.models import model_folder
from duplex.resources import agents_dir, config_path
from tools_rag import KnowledgeIndex, MiniLM, Passage, WordLlama
from tools_rag.embed import Embedder
from tools_rag.index import Using

COMMAND = "duplex bench search"
CHUNKS, BUILT, ASKED = 10_000, 1_000, 300
CACHE = Path("out/bench/search")


@dataclass(frozen=True, slots=True)
class Question:
    """A development question; the shipped knowledge answers it, or not.

    Attributes:
        text: as asked.
        answers: accepted answers; a passage that holds one of them is right.
        sources: files in which it is right.
        kind: answerable, out_of_domain, unknown_entity or missing_attribute.
    """

    text: str
    answers: tuple[str, ...]
    sources: tuple[str, ...]
    kind: str


def dev_questions() -> list[Question]:
    """The questions in `configs/bench/lakes_dev.jsonl`."""
    lines = config_path("bench/lakes_dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        Question(row["question"], tuple(row["answers"]), tuple(row["sources"]), row["kind"])
        for row in map(json.loads, lines)
    ]


def holds_answer(passage: Passage, question: Question) -> bool:
    """Whether the passage is from a right file and holds an accepted answer."""
    text = passage.text.lower()
    return passage.source.split("#")[0] in question.sources and any(
        a.lower() in text for a in question.answers
    )


def embedders() -> dict[str, Embedder]:
    """Both embedders, pulled if need be."""
    return {"minilm": MiniLM(model_folder("minilm")), "wordllama": WordLlama(model_folder("wordllama"))}


def open_lakes(embedder: Embedder, cache: Path) -> KnowledgeIndex:
    """The shipped knowledge."""
    return KnowledgeIndex.open(agents_dir() / "lakes" / "knowledge", cache, embedder)


def run() -> list[Measure]:
    """All measures of `duplex bench search`."""
    models = embedders()
    return [*_hits(models), *_build_rate(models["minilm"]), *_times(models["minilm"])]


def _hits(models: dict[str, Embedder]) -> Iterator[Measure]:
    """hit@1 and hit@3 of each way to rank, on the answerable development questions."""
    questions = [question for question in dev_questions() if question.kind == "answerable"]
    ways: list[tuple[str, str, Using]] = [
        ("hybrid_minilm", "minilm", "both"),
        ("hybrid_wordllama", "wordllama", "both"),
        ("minilm", "minilm", "vectors"),
        ("wordllama", "wordllama", "vectors"),
        ("bm25", "minilm", "words"),
    ]
    for name, model, using in ways:
        index = open_lakes(models[model], CACHE)
        right = [[holds_answer(p, q) for p in index.search(q.text, 3, using=using)] for q in questions]
        yield of_share(f"search.{name}_hit1", sum(any(r[:1]) for r in right), len(right), COMMAND)
        yield of_share(f"search.{name}_hit3", sum(any(r) for r in right), len(right), COMMAND)


def _build_rate(embedder: Embedder) -> Iterator[Measure]:
    """Chunks indexed a second, from files to a saved index; and how long it takes to open it again."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, cache = Path(scratch, "knowledge"), Path(scratch, "cache")
        write_places(folder, BUILT)
        seconds = _timed(lambda: KnowledgeIndex.open(folder, cache, embedder))
        again = [_timed(lambda: KnowledgeIndex.open(folder, cache, embedder)) for _ in range(5)]
    yield Measure("search.build_chunks_per_s", round(BUILT / seconds, 1), "1/s", BUILT, None, COMMAND)
    yield of_quantile("search.reopen_1000_chunks_s", again, "s", COMMAND)


def _times(embedder: Embedder) -> Iterator[Measure]:
    """Time of a search for 3 passages over 10,000 chunks, the question's embedding included."""
    folder = CACHE / "places"
    names = write_places(folder, CHUNKS)
    index = KnowledgeIndex.open(folder, CACHE, embedder)
    if len(index) != CHUNKS:
        raise RuntimeError(
            f"{len(index)} chunks were made of {CHUNKS} places; the texts must fit one chunk each"
        )
    chance = random.Random(1)
    sought = chance.sample(names, ASKED)
    asked = [chance.choice(_ASKED).format(name) for name in sought]
    taken: list[float] = []
    found = 0
    for name, question in zip(sought, asked, strict=True):
        start = time.perf_counter()
        passages = index.search(question)
        taken.append((time.perf_counter() - start) * 1e3)
        found += passages[0].title == name
    yield of_quantile("search.p50_ms", taken, "ms", COMMAND)
    yield of_quantile("search.p95_ms", taken, "ms", COMMAND, q=0.95)
    yield of_share("search.places_hit1", found, ASKED, COMMAND)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


_ASKED = (
    "How many people live in {}?",
    "What is {} known for?",
    "Which river runs through {}?",
    "when was {} founded",
    "tell me about the bridge of {}",
)
_STARTS = (
    "Bal Cor Dun Esk Fal Gar Hol Ing Kel Lor Mar Nor Orm Pel Quin Ros Sel Tor Ul Ver Wes Yar Zel Ash Bro"
)
_MIDDLES = "a e i o u an en in on el ar er il or um"
_ENDS = (
    "bury dale fell ford gate ham holm keld ley mere mouth ness port rick stead thorpe ton vale wick worth"
)
_TRADES = "wool glass slate cheese rope barley clocks boats paper honey salt tiles lace cider steel pottery"
_RIVERS = "Alder Birch Clover Dove Ember Fern Gorse Heron Iris Juniper Kite Linden Marten Otter Plover Raven"


def write_places(folder: Path, count: int) -> list[str]:
    """Writes `count` invented towns as JSON lines, one chunk each, the same every time; returns their names."""
    chance = random.Random(0)
    names = [a + b + c for a in _STARTS.split() for b in _MIDDLES.split() for c in _ENDS.split()]
    names += [f"{prefix} {name}" for prefix in ("Upper", "Lower") for name in names[: count // 2]]
    chance.shuffle(names)
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"title": name, "text": _place(name, chance)}) for name in names[:count]]
    (folder / "places.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return names[:count]


def _place(name: str, chance: random.Random) -> str:
    river, other = chance.sample(_RIVERS.split(), 2)
    trade, second = chance.sample(_TRADES.split(), 2)
    return (
        f"{name} is a town of {chance.randrange(900, 90_000):,} people on the River {river}, which joins the River "
        f"{other} {chance.randrange(2, 40)} kilometres below the town. "
        f"{name} was founded in {chance.randrange(900, 1900)} and grew rich from {trade} and later from {second}. "
        f"The stone bridge of {name} has {chance.randrange(2, 12)} arches and was built in "
        f"{chance.randrange(1300, 1950)} after a flood. "
        f"Every {chance.choice(('spring', 'summer', 'autumn', 'winter'))} the people of {name} hold a fair with "
        f"{trade}, music and a race over {chance.randrange(3, 30)} kilometres along the river."
    )
