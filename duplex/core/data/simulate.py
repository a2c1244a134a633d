"""A recogniser that costs nothing: what the real one would believe, drawn from how it errs.

Real partial hypotheses take a whole core; a training set is many hours. So errors are drawn from rates that were
fitted on real ones (`duplex.core.data.fit`), and go through the same LocalAgreement, which makes the revisions and
the stable words. Validation and test always use the real recogniser.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cache
from random import Random
from typing import Any

from asr.agreement import LocalAgreement
from asr.types import Word
from duplex.core.data.align import is_number, parts
from duplex.core.data.build import Staged
from duplex.core.data.ear import Ask, Question, in_order
from duplex.core.data.labels import Reading
from duplex.core.data.mix import AGENT_LEVEL
from duplex.core.data.schedule import Kind
from duplex.core.streams.dialogue import Heard, TimedWord
from duplex.resources import config_path

FILLERS = frozenset(("um", "uh", "er", "erm", "hmm", "hm"))
AGES = (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.5)
"""Upper bounds, in seconds since a word's end, of the bins in which words appear."""
_UNDER_NOISE = 9.0
"""dB by which an echo may be softer than the noise and is understood all the same."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How the recogniser errs; shares of words unless said otherwise.

    Attributes:
        shown: of words that ended so long ago (AGES, and longer), in a partial: written at all, right or wrong.
        fresh_wrong: of words written within .3 s of their end: wrong, beside what stays wrong.
        substituted: written as another word, in partials, again and again.
        deleted: never written.
        inserted: extra words.
        flicker: written otherwise in one partial only.
        final: (substituted, deleted, inserted) of the final hypothesis.
        filler_kept: of filled pauses, those that are written.
        digits: of number words, those that are written in digits.
        extra: of partials, those that go on with a word that nobody said.
        made_up: of hypotheses of sounds that are no speech, those that have words.
        spread: standard deviation of the logarithm of a speaker's error rate.
    """

    shown: tuple[float, ...]
    fresh_wrong: float
    substituted: float
    deleted: float
    inserted: float
    flicker: float
    final: tuple[float, float, float]
    filler_kept: float
    digits: float
    extra: float
    made_up: float
    spread: float


@dataclass(frozen=True, slots=True)
class Errors:
    """Rates, and what is written instead.

    Attributes:
        rates: how often.
        confusions: for a spoken word, what was written for it.
        inserted: words that were written for nothing.
        made_up: hypotheses of sounds that are no speech.
        minutes: of users' audio that this was fitted on.
    """

    rates: Rates
    confusions: dict[str, tuple[str, ...]]
    inserted: tuple[str, ...]
    made_up: tuple[str, ...]
    minutes: float

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """All words that were taken for others, or others for them."""
        return tuple(
            sorted({*self.confusions, *(word for others in self.confusions.values() for word in others)})
        )

    def to_json(self) -> str:
        """As it is kept in configs/core/recogniser.json."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


@cache
def shipped_errors() -> Errors:
    """The fitted rates of the default recogniser, tiny.en for partials and base for finals."""
    given = json.loads(config_path("core/recogniser.json").read_text(encoding="utf-8"))
    rates: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in given["rates"].items()
    }
    confusions = {word: tuple(others) for word, others in given["confusions"].items()}
    return Errors(
        Rates(**rates), confusions, tuple(given["inserted"]), tuple(given["made_up"]), given["minutes"]
    )


def audible_words(staged: Staged) -> list[TimedWord]:
    """All words that a recogniser could hear in the user's channel, in order: also those of others, and echoes."""
    scene, schedule = staged.scene, staged.schedule
    found = [word for sound in schedule.user if sound.kind is not Kind.noise for word in sound.words]
    if scene.echo is not None and (
        scene.noise is None or AGENT_LEVEL - scene.echo > scene.noise - _UNDER_NOISE
    ):
        for sound in schedule.agent:
            found += [TimedWord(w.text, w.start + scene.lag, w.end + scene.lag) for w in sound.words]
    return sorted(found, key=lambda word: word.end)


def simulated(staged: Staged) -> list[Reading]:
    """What the recogniser believes, for `Builder`."""
    return answers(audible_words(staged), staged.asked, shipped_errors(), staged.rng)


def answers(
    words: Sequence[TimedWord], asked: Sequence[Question], errors: Errors, rng: Random
) -> list[Reading]:
    """What would be believed of these words.

    Args:
        words: what can be heard, in the order of their ends.
        asked: when the recogniser is asked.
        errors: how it errs.
        rng: decides.
    """
    badness = math.exp(rng.gauss(0.0, errors.rates.spread) - errors.rates.spread**2 / 2)
    found: list[Reading] = []
    turn: _Turn | None = None
    for question in asked:
        if question.ask is Ask.begin or turn is None:
            turn = _Turn(errors, badness, rng)
            found.append(Reading(Heard(question.t, question.turn, ()), question.t))
            continue
        said = [w for w in words if w.start < question.t and w.end > question.since + 0.1]
        heard = turn.final(said) if question.ask is Ask.final else turn.partial(said, question)
        if heard is not None and heard.words:
            belief = Heard(question.known, question.turn, heard.words, heard.stable)
            found.append(Reading(belief, question.t))
    return in_order(found)


@dataclass(frozen=True, slots=True)
class _Belief:
    words: tuple[str, ...]
    stable: int


class _Turn:
    """One turn's errors: some stay as long as it is read again, others come and go."""

    def __init__(self, errors: Errors, badness: float, rng: Random) -> None:
        self._errors, self._rng = errors, rng
        self._badness = badness
        self._written: dict[float, tuple[str, ...]] = {}
        """What a word, known by its end, is taken for in partials."""
        self._agreement = LocalAgreement()
        self._dreamt: tuple[str, ...] | None = None

    def partial(self, said: Sequence[TimedWord], question: Question) -> _Belief:
        rates = self._errors.rates
        raw: list[tuple[str, float]] = []
        cut = False
        for word in said:
            age = question.t - word.end
            if cut or (age < 0.5 and self._rng.random() > rates.shown[age_bin(age)]):
                cut = True  # what comes after a word that is not there yet is not there either
                continue
            written = self._taken_for(word)
            if self._happens(rates.flicker) or (age < 0.3 and self._happens(rates.fresh_wrong)):
                written = (self._instead(word.text),)
            raw += [(part, word.end) for part in written]
        if raw and self._happens(rates.extra):
            raw.append((self._rng.choice(self._errors.inserted), question.t))
        if not said:
            raw = [(word, question.t) for word in self._dream()]
        words = [Word(text, end, end) for text, end in _digits(raw, rates.digits, said)]
        belief = self._agreement.update(words)
        return _Belief(tuple(word.text for word in belief.words), belief.stable)

    def final(self, said: Sequence[TimedWord]) -> _Belief:
        substituted, deleted, inserted = self._errors.rates.final
        raw: list[tuple[str, float]] = []
        for word in said:
            if self._dropped(word.text, deleted):
                continue
            text = self._instead(word.text) if self._happens(substituted) else word.text
            raw.append((text, word.end))
            if self._happens(inserted):
                raw.append((self._rng.choice(self._errors.inserted), word.end))
        if not said:
            raw = [(word, 0.0) for word in self._dream()]
        words = tuple(text for text, _ in _digits(raw, self._errors.rates.digits, said))
        return _Belief(words, len(words))

    def _taken_for(self, word: TimedWord) -> tuple[str, ...]:
        if word.end not in self._written:
            rates = self._errors.rates
            written: tuple[str, ...] = (word.text,)
            if self._dropped(word.text, rates.deleted):
                written = ()
            elif self._happens(rates.substituted):
                written = (self._instead(word.text),)
            if self._happens(rates.inserted):
                written = (*written, self._rng.choice(self._errors.inserted))
            self._written[word.end] = written
        return self._written[word.end]

    def _dropped(self, text: str, deleted: float) -> bool:
        if text in FILLERS:
            return self._rng.random() > self._errors.rates.filler_kept
        return self._happens(deleted)

    def _instead(self, text: str) -> str:
        known = [other for part in parts([text]) for other in self._errors.confusions.get(part, ())]
        if known and self._rng.random() < 0.7:
            return self._rng.choice(known)
        return self._rng.choice(_sounding_like(text.lower(), self._errors.vocabulary))

    def _dream(self) -> tuple[str, ...]:
        if self._dreamt is None:
            dreams = self._rng.random() < self._errors.rates.made_up
            self._dreamt = tuple(self._rng.choice(self._errors.made_up).split()) if dreams else ()
        return self._dreamt

    def _happens(self, rate: float) -> bool:
        return self._rng.random() < min(0.9, rate * self._badness)


@cache
def _sounding_like(text: str, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
    """The words most like it by their letters."""
    return tuple(get_close_matches(text, vocabulary, n=5, cutoff=0.3)) or vocabulary


def age_bin(age: float) -> int:
    """Which of AGES a word's age is in."""
    return next((at for at, bound in enumerate(AGES) if age < bound), len(AGES))


def _digits(
    raw: Sequence[tuple[str, float]], share: float, said: Sequence[TimedWord]
) -> list[tuple[str, float]]:
    """Runs of number words in digits, as a turn's recogniser likes them: always, or never."""
    key = Random(f"{said[0].end:.3f}").random() if said else 1.0
    if key >= share:
        return list(raw)
    out: list[tuple[str, float]] = []
    for text, end in raw:
        if not is_number(text.lower()):
            out.append((text, end))
        elif out and out[-1][0].isdigit():
            out[-1] = (out[-1][0] + "0", end)
        else:
            out.append(("1", end))  # which number it is, the core does not see
    return out
