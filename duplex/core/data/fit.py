"""How the real recogniser errs: real partial hypotheses of training dialogues, and the rates that imitate them.

What is seen of a hypothesis has gone through LocalAgreement, which freezes errors, so rates cannot be read off it.
They are fitted as moments: simulate the same words at the same times, measure real and simulated hypotheses alike,
and correct each rate by the ratio, a few times.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from duplex.core.data.align import align, is_number, parts
from duplex.core.data.ear import Ask, Question
from duplex.core.data.labels import Reading
from duplex.core.data.simulate import AGES, FILLERS, Errors, Rates, age_bin, answers
from duplex.core.streams.dialogue import Heard, TimedWord

SETTLED = 0.8
"""Seconds after its end at which a word that is not there will not come."""
_MOST_CONFUSIONS, _MOST_WORDS = 6, 1_500
_LONGEST_DREAM = 5
"""Words that are made up of noise."""
_ROUNDS = 6
_SMALLEST, _LARGEST = 0.002, 0.98
_WIDEST = 0.8
"""Of `spread`: a few bad dialogues are no measure of it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What could be heard in a dialogue, when the recogniser was asked, and what it answered."""

    words: tuple[TimedWord, ...]
    asked: tuple[Question, ...]
    readings: tuple[Reading, ...]


def save_sample(file: Path, sample: Sample) -> None:
    """Keep a sample as JSON; it appears whole."""
    rows = {
        "words": [[w.text, w.start, w.end] for w in sample.words],
        "asked": [[q.ask.name, q.t, q.known, q.turn, q.since] for q in sample.asked],
        "readings": [
            [r.heard.t, r.heard.turn, r.heard.words, r.heard.stable, r.until] for r in sample.readings
        ],
    }
    part = file.with_suffix(".part")
    part.write_text(json.dumps(rows), encoding="utf-8")
    part.replace(file)


def load_sample(file: Path) -> Sample:
    """Read what `save_sample` wrote."""
    rows = json.loads(file.read_text(encoding="utf-8"))
    return Sample(
        tuple(TimedWord(*row) for row in rows["words"]),
        tuple(Question(Ask[name], *rest) for name, *rest in rows["asked"]),
        tuple(
            Reading(Heard(t, turn, tuple(words), stable), until)
            for t, turn, words, stable, until in rows["readings"]
        ),
    )


@dataclass(slots=True)
class Tally:
    """What is counted in hypotheses; `rate` of one thing in another."""

    counts: Counter[str] = field(default_factory=Counter)
    confusions: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    inserted: Counter[str] = field(default_factory=Counter)
    made_up: Counter[str] = field(default_factory=Counter)
    logs: list[float] = field(default_factory=list)

    def rate(self, of: str, among: str) -> float:
        """`of` by `among`, 0 where there are none."""
        return self.counts[of] / self.counts[among] if self.counts[among] else 0.0

    def summary(self) -> dict[str, float]:
        """The moments that the fit matches."""
        shown = {f"shown_{at}": self.rate(f"shown {at}", f"word {at}") for at in range(len(AGES) + 1)}
        return shown | {
            "fresh_wrong": self.rate("fresh wrong", "fresh shown"),
            "substituted": self.rate("wrong", "settled"),
            "deleted": self.rate("lost", "settled"),
            "inserted": self.rate("added", "settled"),
            "flicker": self.rate("changed", "loose"),
            "final_substituted": self.rate("final wrong", "final"),
            "final_deleted": self.rate("final lost", "final"),
            "final_inserted": self.rate("final added", "final"),
            "filler_kept": self.rate("filler kept", "filler"),
            "digits": self.rate("digits", "numbers"),
            "extra": self.rate("extra", "partials"),
            "made_up": self.rate("dreamt", "no speech"),
            "spread": _deviation(self.logs),
        }


def measured(samples: Iterable[Sample]) -> Tally:
    """Count what real or simulated hypotheses do."""
    tally = Tally()
    for sample in samples:
        _count(sample, tally)
    return tally


def _count(sample: Sample, tally: Tally) -> None:
    before = Counter(tally.counts)
    since = {q.turn: q.since for q in sample.asked if q.ask is Ask.begin}
    finals = {(q.turn, q.t) for q in sample.asked if q.ask is Ask.final}
    answered = {(r.heard.turn, r.until): r for r in sample.readings if r.heard.words}
    shown: dict[tuple[int, float], str] = {}
    for question in sample.asked:
        if question.ask is Ask.begin or question.turn not in since:
            continue
        reading = answered.get((question.turn, question.t))
        said = [w for w in sample.words if w.start < question.t and w.end > since[question.turn] + 0.1]
        if not said:
            if reading is not None and len(reading.heard.words) > _LONGEST_DREAM:
                continue  # a voice that was thought to be too soft
            tally.counts["no speech"] += 1
            if reading is not None:
                tally.counts["dreamt"] += 1
                tally.made_up[" ".join(reading.heard.words)] += 1
            continue
        if reading is not None:
            _compare(said, reading, (question.turn, question.t) in finals, shown, tally)
    new = tally.counts - before
    if new["settled"] >= 20:
        tally.logs.append(math.log((new["wrong"] + new["lost"] + 0.5) / new["settled"]))


def _compare(
    said: Sequence[TimedWord],
    reading: Reading,
    final: bool,
    shown: dict[tuple[int, float], str],
    tally: Tally,
) -> None:
    """One hypothesis against what had been said."""
    counts = tally.counts
    truth = [(part, word.end) for word in said for part in parts([word.text])]
    heard = parts(reading.heard.words)
    if any(is_number(word) for word, _ in truth):
        counts["numbers"] += 1
        counts["digits"] += any(word[0].isdigit() for word in heard)
    truth, heard = [pair for pair in truth if not is_number(pair[0])], [w for w in heard if not is_number(w)]
    stable = len(parts(reading.heard.words[: reading.heard.stable]))
    pairs = align([word for word, _ in truth], heard)
    last = max(
        (at for at, pair in enumerate(pairs) if pair.said is not None and pair.heard is not None), default=-1
    )
    counts["partials"] += not final
    counts["extra"] += not final and any(pair.said is None for pair in pairs[last + 1 :])
    for at, pair in enumerate(pairs):
        if pair.said is None:
            assert pair.heard is not None
            if at < last:
                counts["final added" if final else "added"] += 1
            tally.inserted[heard[pair.heard]] += 1
            continue
        word, end = truth[pair.said]
        written = None if pair.heard is None else heard[pair.heard]
        if word in FILLERS:
            counts["filler"] += reading.until - end > SETTLED
            counts["filler kept"] += reading.until - end > SETTLED and written is not None
            continue
        if written is not None and written != word:
            tally.confusions[word][written] += 1
        if final:
            counts["final"] += 1
            counts["final wrong"] += written is not None and written != word
            counts["final lost"] += written is None
        else:
            _age(word, reading.until - end, written, counts)
            if written is not None and pair.heard is not None and pair.heard >= stable - 1:
                known = shown.get((reading.heard.turn, end))
                counts["loose"] += known is not None
                counts["changed"] += known is not None and known != written
            if written is not None:
                shown[(reading.heard.turn, end)] = written


def _age(word: str, age: float, written: str | None, counts: Counter[str]) -> None:
    at = age_bin(age)
    counts[f"word {at}"] += 1
    counts[f"shown {at}"] += written is not None
    if age < 0.3:
        counts["fresh shown"] += written is not None
        counts["fresh wrong"] += written is not None and written != word
    if age > SETTLED:
        counts["settled"] += 1
        counts["wrong"] += written is not None and written != word
        counts["lost"] += written is None


def fitted(
    samples: Sequence[Sample], start: Errors, seed: int = 0
) -> tuple[Errors, dict[str, tuple[float, float]]]:
    """Rates whose hypotheses are like the real ones.

    Args:
        samples: real ones.
        start: rates to begin with.
        seed: of the simulation.

    Returns:
        The errors, and each moment of the real and of the simulated hypotheses.
    """
    real = measured(samples)
    goal = real.summary()
    errors = replace(
        start,
        confusions=_confusions(real),
        inserted=tuple(word for word, _ in real.inserted.most_common(60)) or start.inserted,
        made_up=tuple(text for text, _ in real.made_up.most_common(60)) or start.made_up,
        minutes=round(sum(minutes_of(sample) for sample in samples), 1),
    )
    for _ in range(_ROUNDS):
        now = measured(imitated(samples, errors, seed)).summary()
        errors = replace(errors, rates=_corrected(errors.rates, goal, now))
    now = measured(imitated(samples, errors, seed)).summary()
    return errors, {name: (goal[name], now[name]) for name in goal}


def imitated(samples: Sequence[Sample], errors: Errors, seed: int) -> Iterator[Sample]:
    """The same words at the same times, heard by the simulation."""
    for number, sample in enumerate(samples):
        readings = answers(sample.words, sample.asked, errors, Random(f"{seed} {number}"))
        yield replace(sample, readings=tuple(readings))


def _corrected(rates: Rates, goal: dict[str, float], now: dict[str, float]) -> Rates:
    def towards(rate: float, name: str) -> float:
        ratio = (goal[name] + 1e-3) / (now[name] + 1e-3)
        return round(min(_LARGEST, max(_SMALLEST, rate * math.pow(ratio, 0.8))), 4)

    shown = []
    for at, rate in enumerate(rates.shown):
        ratio = (goal[f"shown_{at}"] + 1e-2) / (now[f"shown_{at}"] + 1e-2)
        shown.append(round(min(0.999, max(0.005, rate * ratio)), 4))
    substituted, deleted, inserted = rates.final
    return Rates(
        shown=tuple(shown),
        fresh_wrong=towards(rates.fresh_wrong, "fresh_wrong"),
        substituted=towards(rates.substituted, "substituted"),
        deleted=towards(rates.deleted, "deleted"),
        inserted=towards(rates.inserted, "inserted"),
        flicker=towards(rates.flicker, "flicker"),
        final=(
            towards(substituted, "final_substituted"),
            towards(deleted, "final_deleted"),
            towards(inserted, "final_inserted"),
        ),
        filler_kept=towards(rates.filler_kept, "filler_kept"),
        digits=towards(rates.digits, "digits"),
        extra=towards(rates.extra, "extra"),
        made_up=towards(rates.made_up, "made_up"),
        spread=min(_WIDEST, towards(rates.spread, "spread")),
    )


def _confusions(tally: Tally) -> dict[str, tuple[str, ...]]:
    """What words are taken for, if that was so more than once: a single time it may be anything."""
    often = {
        word: tuple(other for other, times in others.most_common(_MOST_CONFUSIONS) if times > 1)
        for word, others in tally.confusions.items()
    }
    common = sorted(often, key=lambda word: (-sum(tally.confusions[word].values()), word))
    return {word: often[word] for word in sorted(common[:_MOST_WORDS]) if often[word]}


def minutes_of(sample: Sample) -> float:
    """Minutes of audio that the recogniser was given."""
    ends: dict[int, tuple[float, float]] = {}
    for question in sample.asked:
        ends[question.turn] = (question.since, question.t)
    return sum(end - since for since, end in ends.values()) / 60


def _deviation(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
