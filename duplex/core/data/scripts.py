"""What a user says in one turn, word by word: fluent sentences made as broken as spoken ones.

Pauses are human: log-normal, with the median and the 90th percentile of those within a speaker's turns in
Switchboard (231,683 of them). Disfluencies are the classes of Shriberg 1994: filled pauses, repetitions, false
starts, substitutions with and without an editing term; and turns that trail off and never end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from duplex.core.data.grammar import Family, Sentence, expand
from duplex.core.data.lexicon import Lexicon, Split

PAUSE_MEDIAN, PAUSE_P90 = 0.517, 1.162
"""Seconds; human_reference_stats: Switchboard-1, word alignments ms98, 258.7 h."""
_PAUSE_SIGMA = math.log(PAUSE_P90 / PAUSE_MEDIAN) / 1.2816
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 2.5
"""Seconds; below the first it is no pause but the gap between two words."""

WRITTEN = 0.35
"""Of turns, those from elsewhere, where there are any."""
_ASKING = frozenset(
    """
    who what where when why how which whose can could would will shall should may is are was were am do does did have
    has had isn't aren't don't doesn't didn't can't won't
    """.split()  # noqa: SIM905  a list of words reads as one
)
"""With these a question begins."""
_JOINTS = frozenset(
    ("and", "but", "so", "because", "or", "if", "when", "which", "with", "before", "after", "for")
)
"""Before these a sentence from elsewhere could be over."""

_PLAIN, _FILLER, _REPAIR = "plain", "filler", "repair"


@dataclass(frozen=True, slots=True)
class Script:
    """One turn as it is to be said.

    Attributes:
        words: all words, those of the disfluencies too.
        pauses: seconds of silence behind each word; 0.0 for none, and behind the last one.
        may_end: numbers of words after which the turn could be over, though it is not.
        rest: what would have come next, where the turn trails off: said by nobody, but the melody goes on to it.
        kind: what the turn is: question, order, story, ...
        family: the grammar's family, or where else the text is from.
        agent: what the agent said before it, if that matters.
        reply: what the agent answers.
        fillers: numbers of the words that only fill time.
    """

    words: tuple[str, ...]
    pauses: tuple[float, ...]
    may_end: frozenset[int]
    kind: str
    family: str
    rest: tuple[str, ...] = ()
    agent: str = ""
    reply: str = ""
    fillers: frozenset[int] = frozenset()

    @property
    def ended(self) -> bool:
        """The user said all that he wanted to say."""
        return not self.rest

    @property
    def text(self) -> str:
        """What a voice is given: the words, with what shapes their melody."""
        said = [word + ("," if pause > 0 and at in self.may_end else "")
                for at, (word, pause) in enumerate(zip(self.words, self.pauses, strict=True), 1)]  # fmt: skip
        return " ".join((*said, *self.rest)) + ("?" if self.kind == "question" else ".")


@dataclass(frozen=True, slots=True)
class Habits:
    """How often what happens.

    Attributes:
        filler: of a turn, to have a filled pause; also behind each pause.
        repeat: of a turn, to have a word said twice.
        restart: of a turn, to begin twice.
        repair: of a turn with a slot, to have its words corrected.
        trail: of a turn, never to be ended.
        pause_at_clause: of each place where the turn could end, to have a pause.
        pause: of any other place between two words.
        double: of a turn, to be of two sentences.
    """

    filler: float = 0.16
    repeat: float = 0.08
    restart: float = 0.05
    repair: float = 0.1
    trail: float = 0.07
    pause_at_clause: float = 0.4
    pause: float = 0.05
    double: float = 0.12


HABITS = Habits()


@dataclass(slots=True)
class _Word:
    text: str
    kind: str = _PLAIN
    may_end: bool = False
    pause: float = 0.0


@dataclass(slots=True)
class Writer:
    """Writes turns of one split."""

    split: Split
    families: Sequence[Family]
    lexicon: Lexicon
    rng: Random
    sentences: Sequence[tuple[str, ...]] = ()
    """Turns from elsewhere, as words: those that a language model wrote."""
    habits: Habits = field(default_factory=Habits)

    def turn(self, family: Family | None = None) -> Script:
        """One turn of a family; without one, of any that speaks to the agent, or one of the given sentences."""
        if family is None and self.sentences and self.rng.random() < WRITTEN:
            return self._written(self.rng.choice(self.sentences))
        if family is None:
            family = self.rng.choice([f for f in self.families if f.kind != "side"])
        return self._of(family)

    def side(self) -> Script:
        """Something said near the microphone to somebody else."""
        family = self.rng.choice([f for f in self.families if f.kind == "side"])
        said = self._expand(self.rng.choice(family.user))
        words = [_Word(word, may_end=at in said.may_end) for at, word in enumerate(said.words, 1)]
        return self._script(words, (), "side", family.name, "", "")

    def phrase(self, slot: str, kind: str) -> Script:
        """An entry of a slot as a turn of its own: a backchannel, or "wait, stop"."""
        words = [_Word(word) for word in self.rng.choice(self.lexicon.slots[slot]).split()]
        return self._script(words, (), kind, slot, "", "")

    def _written(self, words: tuple[str, ...]) -> Script:
        may_end = frozenset(at for at in range(3, len(words) - 1) if words[at].lower() in _JOINTS)
        kind = "question" if words[0].lower() in _ASKING else "statement"
        return self._broken(Sentence(words, may_end), kind, "written", "", "")

    def _of(self, family: Family) -> Script:
        last: dict[str, str] = {}
        agent = self._expand(self.rng.choice(family.agent), last).text if family.agent else ""
        said = self._expand(self.rng.choice(family.user), last)
        reply = self._expand(self.rng.choice(family.reply), last).text if family.reply else ""
        if family.kind not in ("answer", "spelled", "story") and self.rng.random() < self.habits.double:
            said = _joined(said, self._expand(self.rng.choice(family.user), last))
        return self._broken(said, family.kind, family.name, agent, reply)

    def _expand(self, template: str, last: dict[str, str] | None = None) -> Sentence:
        return expand(template, self.lexicon, self.rng, last)

    def _broken(self, said: Sentence, kind: str, family: str, agent: str, reply: str) -> Script:
        """A sentence with this and that going wrong."""
        words = [_Word(word, may_end=at in said.may_end) for at, word in enumerate(said.words, 1)]
        if kind != "spelled":
            self._correct(words, said)
        if len(words) > 4 and self._happens(self.habits.repeat):
            at = self.rng.randrange(len(words) - 1)
            words.insert(at, _Word(words[at].text, _REPAIR))
        if len(words) > 5 and self._happens(self.habits.restart):
            size = self.rng.randint(1, 3)
            words[:0] = [_Word(word.text, _REPAIR) for word in words[:size]]
            words[size - 1].pause = self._pause() * 0.5
        rest = self._trail(words) if kind != "story" else ()
        self._hesitate(words, kind)
        return self._script(words, rest, kind, family, agent, reply)

    def _correct(self, words: list[_Word], said: Sentence) -> None:
        """Say another entry of a slot first, and then take it back."""
        open_slots = [slot for slot in said.slots if slot.name not in ("lead", "filler", "digit", "letter")]
        if not open_slots or not self._happens(self.habits.repair):
            return
        slot = self.rng.choice(open_slots)
        wrong = [_Word(word, _REPAIR) for word in self.rng.choice(self.lexicon.slots[slot.name]).split()]
        edit = [_Word(word, _REPAIR) for word in self.rng.choice(self.lexicon.slots["edit"]).split()]
        if self.rng.random() < 0.3:
            edit = [_Word(self.rng.choice(self.lexicon.slots["filler"]), _FILLER)]
        wrong[-1].pause = self._pause() if self._happens(0.4) else 0.0
        wrong[-1].may_end = slot.last == len(words) or slot.last in said.may_end
        words[slot.first : slot.first] = [*wrong, *edit]

    def _trail(self, words: list[_Word]) -> tuple[str, ...]:
        """Cut the turn short; returns what would have come."""
        if len(words) < 4 or not self._happens(self.habits.trail):
            return ()
        at = self.rng.randint(2, len(words) - 1)
        rest = tuple(word.text for word in words[at:])
        del words[at:]
        if self._happens(0.5):
            tail = self.rng.choice(self.lexicon.slots["trail"]).split()
            words += [_Word(word) for word in tail]
        words[-1].may_end = words[-1].pause = False
        return rest

    def _hesitate(self, words: list[_Word], kind: str) -> None:
        """Pauses and filled pauses between the words."""
        habits = self.habits
        at = 0
        while at < len(words) - 1:
            word = words[at]
            likely = habits.pause_at_clause if word.may_end else habits.pause
            likely = 0.75 if kind == "story" and word.may_end else likely
            if word.kind != _REPAIR and not word.pause and self._happens(likely):
                word.pause = self._pause()
                if self._happens(habits.filler):
                    filler = _Word(self.rng.choice(self.lexicon.slots["filler"]), _FILLER)
                    filler.pause = self._pause() if self._happens(0.4) else 0.0
                    words.insert(at + 1, filler)
                    at += 1
            at += 1
        if len(words) > 2 and self._happens(habits.filler):
            at = self.rng.randrange(len(words) - 1)
            words.insert(at, _Word(self.rng.choice(self.lexicon.slots["filler"]), _FILLER))

    def _pause(self) -> float:
        seconds = self.rng.lognormvariate(math.log(PAUSE_MEDIAN), _PAUSE_SIGMA)
        return min(LONGEST_PAUSE, max(SHORTEST_PAUSE, seconds))

    def _happens(self, probability: float) -> bool:
        return self.rng.random() < probability

    def _script(
        self, words: list[_Word], rest: tuple[str, ...], kind: str, family: str, agent: str, reply: str
    ) -> Script:
        last = len(words)
        return Script(
            words=tuple(word.text for word in words),
            pauses=tuple(word.pause if at < last else 0.0 for at, word in enumerate(words, 1)),
            may_end=frozenset(at for at, word in enumerate(words, 1) if word.may_end and at < last),
            kind=kind,
            family=family,
            rest=rest,
            agent=agent,
            reply=reply,
            fillers=frozenset(at for at, word in enumerate(words) if word.kind == _FILLER),
        )


def _joined(first: Sentence, second: Sentence) -> Sentence:
    """Two sentences as one; the first one's end is a place where the turn could be over."""
    size = len(first.words)
    ends = first.may_end | {size} | {at + size for at in second.may_end}
    return Sentence((*first.words, *second.words), frozenset(ends), first.slots)
