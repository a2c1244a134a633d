"""Turns of real telephone conversations by the times of their words alone: Switchboard's, without sound.

`swb_timing/word_timings.jsonl.gz` holds a conversation a line: `{"conversation", "words": [[side, start, end, word]]}`.
Each side is the user in turn, the other the agent. A turn is what one says until the other says something, backchannels
and noises left out; those in which the other had begun before the end are left out too, since then nobody waited. The
voice detector is an ideal one, noticed as late as ours, and words are known as late as the recogniser's.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from duplex.bench.core_human_data import RATE, Clip, Span
from duplex.bench.core_human_stage import LEAD, Stage, empty_dialogue, turn_of_spans
from duplex.bench.core_rules import Scene
from duplex.core.data.ear import FINAL_COST, PARTIAL_COST, VoiceEdge
from duplex.core.streams.dialogue import Heard, TimedWord
from duplex.core.streams.layout import FRAME_SECONDS
from duplex.core.turns import PATIENCE
from duplex.dialogue.overlap import claim_of

FILE = Path("swb_timing", "word_timings.jsonl.gz")
TURNS = 6
"""Turns of a conversation, the first ones."""
JOINED = 0.1
"""Seconds between words that no detector takes for a silence."""
UNIT = 0.2
"""Seconds of silence that part two stretches of one side's speech."""
ALONE = 1.0
"""Seconds that a backchannel lasts at most, and that the same side is silent before and after it."""
LATE = 0.064
"""Seconds after which the detector notices."""
SHORTEST, LONGEST = 3, 60.0
"""Words that make a turn, and its seconds."""
_HISTORY = 40
"""Words of the other's, before the turn."""


@dataclass(frozen=True, slots=True)
class Said:
    """A word of one side."""

    side: str
    start: float
    end: float
    text: str


def text_stages(data: Path) -> list[Stage]:
    """The first turns of each conversation; none where the file is absent."""
    if not (data / FILE).is_file():
        return []
    found = []
    with gzip.open(data / FILE, "rt", encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            words = [Said(str(s), float(a), float(b), str(w)) for s, a, b, w in told["words"]]
            turns = list(turns_of([word for word in words if not word.text.startswith("[")]))
            found += [_stage(f"{told['conversation']}/{n}", *turn) for n, turn in enumerate(turns[:TURNS])]
    return found


def turns_of(words: Sequence[Said]) -> Iterator[tuple[list[Said], list[Said]]]:
    """Each turn that was waited for, and what the other had said before it."""
    runs: list[list[Said]] = []
    for unit in _units(words):
        if runs and runs[-1][0].side == unit[0].side:
            runs[-1] += unit
        else:
            runs.append(list(unit))
    for before, turn, after in zip([[], *runs], runs, runs[1:], strict=False):
        length = turn[-1].end - turn[0].start
        if len(turn) >= SHORTEST and length <= LONGEST and after[0].start >= turn[-1].end:
            yield turn, before


def _units(words: Sequence[Said]) -> list[list[Said]]:
    """Both sides' stretches of speech in the order of their beginnings, without backchannels: short, of words that
    listeners say, with nothing of the same side's near."""
    found = []
    for side in {word.side for word in words}:
        own = sorted((word for word in words if word.side == side), key=lambda word: word.start)
        units: list[list[Said]] = []
        for word in own:
            if units and word.start - units[-1][-1].end < UNIT:
                units[-1].append(word)
            else:
                units.append([word])
        for before, unit, after in zip([None, *units], units, [*units[1:], None], strict=False):
            alone = (before is None or unit[0].start - before[-1].end >= ALONE) and (
                after is None or after[0].start - unit[-1].end >= ALONE
            )
            short = unit[-1].end - unit[0].start <= ALONE
            if not (alone and short and claim_of(" ".join(word.text for word in unit)) == "backchannel"):
                found.append(unit)
    return sorted(found, key=lambda unit: (unit[0].start, unit[0].side))


def _stage(name: str, words: Sequence[Said], before: Sequence[Said]) -> Stage:
    shift = LEAD - words[0].start
    moved = [TimedWord(word.text, word.start + shift, word.end + shift) for word in words]
    spans = spans_of(moved)
    edges = [
        VoiceEdge(at + LATE, began, at) for start, end in spans for at, began in ((start, True), (end, False))
    ]
    frames = math.ceil((spans[-1][1] + PATIENCE * FRAME_SECONDS + 0.4) / FRAME_SECONDS)
    heard = tuple(_heard(moved, spans))
    agent = tuple(TimedWord(word.text, 0.0, 0.0) for word in before[-_HISTORY:])
    silent = np.zeros(RATE, np.int16)
    clip = Clip("switchboard", name, silent, tuple((a - LEAD, b - LEAD) for a, b in spans))
    dialogue = empty_dialogue(frames, spans, heard, agent)
    return Stage(clip, Scene(dialogue, edges), turn_of_spans(spans), None, spans)


def spans_of(words: Sequence[TimedWord]) -> tuple[Span, ...]:
    """Stretches of speech without a silence that would be noticed."""
    spans = [(words[0].start, words[0].end)]
    for earlier, word in pairwise(words):
        if word.start - earlier.end <= JOINED:
            spans[-1] = (spans[-1][0], max(spans[-1][1], word.end))
        else:
            spans.append((word.start, word.end))
    return tuple(spans)


def _heard(words: Sequence[TimedWord], spans: Sequence[Span]) -> Iterator[Heard]:
    """Words as they become known: each a moment after its end, and all of them after each silence begins."""
    yield Heard(0.0, 1, ())
    texts = tuple(word.text for word in words)
    for start, end in spans:
        for count, word in enumerate(words, 1):
            t = word.end + LATE + PARTIAL_COST
            if start <= word.start < end and t < end + LATE:
                yield Heard(t, 1, texts[:count])
        yield Heard(end + LATE + FINAL_COST, 1, texts[: sum(word.end <= end for word in words)])
