"""A replay as the metrics see it: turns and events of the user from the scenario's truth, the agent from its audio.

The agent's response ids are used for one thing alone: to tell a new response from an old one that goes on after a
pause. Where there are none (other systems' recordings, baselines) every onset counts as a response of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from duplex.evals.metrics.spans import (
    FDB_GAP,
    OUR_GAP,
    SILENT,
    Spans,
    Word,
    at,
    audible,
    clip,
    gaps,
    merge,
)
from duplex.evals.record import RATE, Placed, Replay
from duplex.evals.scenario import Span, Window

UNASKED = ("greeting", "announcement", "resumption")
"""Reasons of responses that no turn of the user asked for."""
OWN = ("user_speech", "interruption", "backchannel")
"""What the user says himself."""
PAUSE = 0.1
"""Seconds; a shorter silence of the user's is part of the words around it."""
_LATE = 0.06
"""Seconds that the log's start of a response and its sound may differ by."""
_MOMENT = re.compile(r"([\w.\-]+?)\.(speech_start|speech_end|start|end)\s*(?:([+-])\s*(\d+(?:\.\d+)?))?$")
_PAUSES = re.compile(r"each pause in ([\w\-]+)(?:\.speech)?$")
_END = re.compile(r"end\s*(?:([+-])\s*(\d+(?:\.\d+)?))?$")


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user says before the agent's answer is due; it may have pauses and consist of several items.

    Attributes:
        start, end: of its first and last word; `end` is t_eos.
        until: when the user's next turn begins, or the replay ends.
        items: as they were played.
        speech: its true spans of speech.
        ended: its last item ends the turn; else no answer is due.
    """

    start: float
    end: float
    until: float
    items: tuple[Placed, ...]
    speech: tuple[Span, ...]
    ended: bool

    @property
    def pauses(self) -> list[Span]:
        """Its true silences of at least 0.1 s, as eot-bench counts them."""
        return gaps(self.speech, PAUSE)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One response as it was heard, or one span where responses are not known.

    Attributes:
        id: the response's; None where it is not known.
        asked: it answers the user, as far as is known.
    """

    start: float
    end: float
    id: Any = None
    path: str = "slow"
    asked: bool = True


class View:
    """What all metrics ask of a replay.

    Args:
        replay: which.
        words: the agent's, where its log has none.
        voiced: where the agent speaks, found otherwise than by level: recordings of other systems may be noisy.
    """

    def __init__(
        self, replay: Replay, words: Sequence[Word] | None = None, voiced: Spans | None = None
    ) -> None:
        self.replay = replay
        self.scenario = replay.scenario
        self.end = replay.seconds
        self._given = words
        self._voiced = voiced

    @cached_property
    def said(self) -> list[tuple[Any, Word]]:
        """The agent's words as they were heard, each with its response's id, in order."""
        rows = [
            (record.payload.get("id"), (str(text), float(start), float(end)))
            for record in self.replay.of("agent_text")
            for text, start, end in record.payload.get("words", ())
        ]
        if not rows and self._given is not None:
            rows = [(None, word) for word in self._given]
        return sorted(rows, key=lambda row: row[1][1])

    @property
    def words(self) -> list[Word]:
        """The agent's words."""
        return [word for _, word in self.said]

    @property
    def has_words(self) -> bool:
        """Its words are known, so that none means that it said nothing."""
        return bool(self.said) or self._given is not None or not self.voiced

    @cached_property
    def voiced(self) -> list[Span]:
        """Where the agent is audible; in the text lane, where its words are."""
        if self._voiced is not None:
            return merge(self._voiced, 0.0)
        if len(self.replay.agent):
            return audible(self.replay.agent, RATE)
        return merge([(start, end) for _, (_, start, end) in self.said if end > start], 0.0)

    @cached_property
    def spans(self) -> list[Span]:
        """A, with our own gap."""
        return merge(self.voiced, OUR_GAP)

    @cached_property
    def spans_fdb(self) -> list[Span]:
        """A, with the gap of Full-Duplex-Bench."""
        return merge(self.voiced, FDB_GAP)

    @cached_property
    def utterances(self) -> list[Utterance]:
        """What was heard of each response, in order; each span of its own where responses are not known."""
        starts = [
            (record.t, record.payload) for record in self.replay.of("response_start") if record.t < self.end
        ]
        if not starts:
            return [Utterance(start, end) for start, end in self.spans]
        found = []
        for (t, payload), until in zip(starts, [*(t for t, _ in starts[1:]), self.end + 1], strict=True):
            own = clip(self.voiced, t - _LATE, until - _LATE)
            # What reaches in from the response before is that one's tail.
            own = [span for span in own if span[1] > t + _LATE or span[0] > t - _LATE + 1e-6]
            if own:
                asked = payload.get("reason") not in UNASKED
                path = str(payload.get("path") or "slow")
                start = max(own[0][0], t) if at(self.voiced, t - _LATE) else own[0][0]
                found.append(Utterance(start, own[-1][1], payload.get("id"), path, asked))
        return found

    @property
    def has_ids(self) -> bool:
        """Its responses are known: a pause in one is told from the beginning of another."""
        return any(each.id is not None for each in self.utterances)

    @cached_property
    def turns(self) -> list[Turn]:
        """The user's turns, from the items that claim the floor of the agent."""
        own = [each for each in self.replay.placed if claims(each) and each.speech]
        groups: list[list[Placed]] = [[]]
        for each in own:
            groups[-1].append(each)
            if each.item.ends_turn:
                groups.append([])
        groups = [group for group in groups if group]
        starts = [min(each.speech[0][0] for each in group) for group in groups]
        untils = [*starts[1:], self.end]
        return [_turn(*each) for each in zip(groups, starts, untils, strict=False)]

    @property
    def due(self) -> list[Turn]:
        """The turns that an answer is due to."""
        return [turn for turn in self.turns if turn.ended]

    @cached_property
    def user_speech(self) -> list[Span]:
        """U: what the user says to the agent, turns and backchannels."""
        own = [each for each in self.replay.placed if each.item.kind in OWN]
        return merge([span for each in own for span in each.speech], 0.0)

    @property
    def claimed(self) -> list[float]:
        """The onsets of what claims the floor; each that falls into the agent's speech is an interruption."""
        return [placed.speech[0][0] for turn in self.turns for placed in turn.items]

    @cached_property
    def asides(self) -> list[Placed]:
        """What does not claim the floor: backchannels, speech to others, noises."""
        placed = self.replay.placed
        return [each for each in placed if not claims(each) and each.item.kind not in ("silence", "pause")]

    def answer(self, turn: Turn) -> Utterance | None:
        """The first utterance that began after the turn did and is heard after its end; None if there is none."""
        return next((each for each in self.answers(turn) if each.end > turn.end), None)

    def answers(self, turn: Turn) -> list[Utterance]:
        """What the agent began to say between a turn's first word and the next turn's."""
        return [each for each in self.utterances if each.asked and turn.start < each.start < turn.until]

    def words_of(self, utterance: Utterance) -> list[Word]:
        """Its words; by time where responses are not known."""
        if utterance.id is not None and any(key is not None for key, _ in self.said):
            return [word for key, word in self.said if key == utterance.id]
        return [word for _, word in self.said if utterance.start - _LATE <= word[1] < utterance.end + _LATE]

    def reply(self, turn: Turn) -> list[Word]:
        """All words that were said in answer to a turn, from the first that is heard after its end."""
        first = self.answer(turn)
        if first is None:
            return []
        said = {(each.id, *self.words_of(each)) for each in self.answers(turn) if each.start >= first.start}
        return sorted((word for _, *words in said for word in words), key=lambda word: word[1])

    def speaking(self, t: float) -> bool:
        """Whether the agent speaks, or pauses for less than 0.3 s within its speech."""
        return at(merge(self.voiced, SILENT - 1e-6), t) is not None

    def speaker(self, t: float) -> Utterance | None:
        """The utterance that is under way at a moment."""
        return next((each for each in reversed(self.utterances) if each.start <= t < each.end), None)

    def windows(self, window: Window) -> list[Span]:
        """The spans that a window stands for; none where its item never came, or its words mean nothing here."""
        each = _PAUSES.match(str(window.start).strip())
        if each is not None:
            return self._pauses(each[1])
        start, end = self.moment(window.start), self.moment(window.end)
        return [] if start is None or end is None or end <= start else [(start, min(end, self.end))]

    def moment(self, what: float | str) -> float | None:
        """A moment by name; None where its item never came."""
        if isinstance(what, int | float):
            return float(what)
        text = what.strip()
        if (found := _END.match(text)) is not None:
            return self.end + _shift(found[1], found[2])
        if (found := _MOMENT.match(text)) is None:
            return _number(text)
        placed = next((each for each in self.replay.placed if each.item.id == found[1]), None)
        if placed is None:
            return None
        spans: Spans = placed.speech if found[2].startswith("speech") and placed.speech else ()
        spans = spans or ((placed.start, placed.end),)
        edge = spans[0][0] if found[2].endswith("start") else spans[-1][1]
        return edge + _shift(found[3], found[4])

    def _pauses(self, item: str) -> list[Span]:
        placed = next((each for each in self.replay.placed if each.item.id == item), None)
        return [] if placed is None else gaps(merge(placed.speech, 0.0), PAUSE)


def claims(placed: Placed) -> bool:
    """Whether an item takes the floor of the agent."""
    item = placed.item
    return item.claims_floor and item.addressed_to == "agent" and item.kind in OWN


def _turn(group: Sequence[Placed], start: float, until: float) -> Turn:
    last = group[-1]
    end = max((end for _, _, end in last.words), default=last.speech[-1][1])
    speech = merge([span for each in group for span in each.speech], 0.0)
    return Turn(start, end, until, tuple(group), tuple(speech), last.item.ends_turn)


def _shift(sign: str | None, seconds: str | None) -> float:
    return float(f"{sign}{seconds}") if sign and seconds else 0.0


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
