"""Baselines that know the scenario: when a turn really ends, and when its documents could have been known.

They are no agents but bounds. What they know comes from playing the timeline beside the driver, on what they say
themselves; over a real call their knowledge is a trip through the network ahead of the sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.audio.pcm import Pcm
from duplex.dialogue.events import ToolEnded, ToolStarted, ToolUsed
from duplex.evals.baselines import ANSWER, BaselineSide
from duplex.evals.corpora import TIMEOUT, delays, open_corpus
from duplex.evals.record import RATE, Placed
from duplex.evals.saying import Mouth, Sayings
from duplex.evals.scenario import Item, Scenario, Tool
from duplex.evals.timeline import Player
from duplex.graph import to_ticks

OWN = ("user_speech", "interruption", "backchannel")


@dataclass(frozen=True, slots=True)
class Trigger:
    """The earliest call whose documents are those of the whole turn: how many of the item's words it needs.

    Attributes:
        words: of the item.
        query: the turn up to there.
        docs: what it finds.
    """

    words: int
    query: str
    docs: tuple[str, ...]


def claims(item: Item) -> bool:
    """Whether it takes the floor of the agent."""
    return item.claims_floor and item.addressed_to == "agent" and item.kind in OWN


def turns(scenario: Scenario) -> Iterator[list[Item]]:
    """The items of each turn, in the order of the file; what no answer is due to is left out."""
    turn: list[Item] = []
    for item in filter(claims, scenario.timeline):
        turn.append(item)
        if item.ends_turn:
            yield turn
            turn = []


def foresee(scenario: Scenario, corpus: Path) -> dict[str, Trigger]:
    """By the item in which it falls, each turn's earliest word from which on the documents are the final ones.

    Raises:
        ScenarioError: the corpus cannot be read.
    """
    documents = open_corpus(corpus)
    found: dict[str, Trigger] = {}
    for turn in turns(scenario):
        # An item without word times counts as one word, which ends with it.
        blocks = [
            (item, at + 1, word)
            for item in turn
            for at, word in enumerate([text for text, _, _ in item.words] or [item.text])
        ]
        queries = [" ".join(word for _, _, word in blocks[: at + 1]).strip() for at in range(len(blocks))]
        if not queries or not queries[-1]:
            continue
        results = [documents.search(query)[2] for query in queries]
        first = len(results) - 1
        while first and set(results[first - 1]) == set(results[-1]):
            first -= 1
        item, words, _ = blocks[first]
        found[item.id] = Trigger(words, queries[first], results[first])
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call: when its result comes, in seconds of the scenario, and what that is."""

    id: str
    attempt: int
    until: float
    docs: tuple[str, ...]


class OracleSide(BaselineSide):
    """Answers as each turn ends, or as its tool's result comes; yields to what claims the floor alone."""

    def __init__(
        self, scenario: Scenario, sayings: Sayings, tool: Tool | None, triggers: Mapping[str, Trigger]
    ) -> None:
        """`triggers` by item, of `tool`."""
        super().__init__(sayings, scenario.agent.opening)
        audio = {item.id: np.zeros(round((item.dur or 0.0) * RATE), np.int16) for item in scenario.timeline}
        self._player = Player(scenario, audio)
        self._tool, self._triggers = tool, dict(triggers)
        self._delays = delays(tool.latency, scenario) if tool is not None else None
        self._yielded: set[str] = set()
        self._ended: set[str] = set()
        """Items whose turns are over."""
        self._decided = False
        """A turn is over, and not answered yet."""
        self._asked: _Asked | None = None
        """A call under way, and the one that the turn's answer will rest on."""
        self._used: _Asked | None = None

    def _said(self, frame: Pcm) -> None:
        self._player.frame(frame)

    def _decide(self, mouth: Mouth) -> None:
        for placed in self._player.placed:
            if claims(placed.item):
                self._yield(placed, mouth)
                self._call(placed, mouth)
                self._end(placed, mouth)
        if self._asked is not None and self.now >= self._asked.until:
            self._result(self._asked)
        if self._decided and self._asked is None:
            self._decided = False
            mouth.say(self.t, ANSWER)

    def _yield(self, placed: Placed, mouth: Mouth) -> None:
        if placed.item.id not in self._yielded and self.now >= placed.speech[0][0]:
            self._yielded.add(placed.item.id)
            mouth.stop(self.t)

    def _call(self, placed: Placed, mouth: Mouth) -> None:
        trigger = self._triggers.get(placed.item.id)
        if trigger is None or self._tool is None or self._delays is None:
            return
        at = placed.words[trigger.words - 1][2] if placed.words else end_of(placed)
        if self.now < at:
            return
        del self._triggers[placed.item.id]
        fails, delay = self._tool.fail, next(self._delays)
        docs = trigger.docs if fails == "none" else ()
        until = self.now + (TIMEOUT if fails == "timeout" else delay)
        self._asked = self._used = asked = _Asked(f"call-{placed.item.id}", mouth.next, until, docs)
        query = {"query": trigger.query}
        name = self._tool.name
        self._tell(ToolStarted(t=self.t, attempt=asked.attempt, call=asked.id, name=name, arguments=query))

    def _end(self, placed: Placed, mouth: Mouth) -> None:
        end = end_of(placed)
        if not placed.item.ends_turn or placed.item.id in self._ended or self.now < end - 1e-9:
            return
        self._ended.add(placed.item.id)
        self._decided = True
        mouth.decide(self.t, self.t - to_ticks(self.now - end))
        if self._used is not None:
            self._tell(ToolUsed(t=self.t, attempt=self._used.attempt, call=self._used.id))
            self._used = None

    def _result(self, asked: _Asked) -> None:
        self._asked, name = None, self._tool.name if self._tool else ""
        self._tell(ToolEnded(t=self.t, attempt=asked.attempt, call=asked.id, name=name, sources=asked.docs))


def end_of(placed: Placed) -> float:
    """t_eos: where the last word of an item ends."""
    return max((end for _, _, end in placed.words), default=placed.speech[-1][1])
