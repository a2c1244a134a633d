"""The agent's own way of searching, with a tool that takes its time: what it asks for and when is noted.

Two runs are paired. In the one the agent does what it does, early searches on stable words included. In the other, open
book, it may ask only once the turn is over. Questions, delays and everything else are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import anyio

from duplex.agent.answering import SEARCH, FromKnowledge
from duplex.dialogue.events import Commit, Eager, Resumed
from duplex.dialogue.history import History
from duplex.evals.corpora import Corpus
from duplex.evals.record import Record, Replay
from duplex.graph import Event, Lanes, Priority
from duplex.llm.grounded import GroundedAnswerer
from tools_rag.types import Passage

Policy = Literal["own", "open_book"]
"""What the agent does of its own, or calls at the endpoint alone."""
_TOOL_RECORDS = ("tool_call", "tool_result", "tool_cancel", "tool_commit")


@dataclass(slots=True)
class Call:
    """One use of the tool, in seconds of the session.

    Attributes:
        query: what was asked.
        early: on words of which more may follow; its result only lets the model read in advance.
        issued, ended, cancelled: when; None where that never came.
        docs: the best documents' ids.
    """

    query: str
    early: bool
    issued: float
    ended: float | None = None
    cancelled: float | None = None
    docs: tuple[str, ...] = field(default=())


class Watched:
    """What a session's searches need to know of it: its time, and whether the turn is over."""

    def __init__(self) -> None:
        self.seconds: Callable[[], float] = lambda: 0.0
        self._over = anyio.Event()

    def on(self, event: Event) -> None:
        """Take an event of the session's."""
        match event:
            case Eager() | Resumed():
                self._over = anyio.Event()
            case Commit():
                self._over.set()

    async def turn_over(self) -> None:
        """Wait until the turn that is ending has surely ended."""
        await self._over.wait()


class Searches(FromKnowledge):
    """The agent's answering from a corpus whose search takes `delay` seconds.

    Args:
        corpus: what is searched.
        answerer: makes the answers.
        lanes: where work runs.
        delay: seconds that each call takes, its own computing included where that is shorter.
        policy: see there.
        session: is given the session's events and clock.
    """

    def __init__(
        self,
        corpus: Corpus,
        answerer: GroundedAnswerer,
        lanes: Lanes,
        *,
        delay: float,
        policy: Policy,
        session: Watched,
    ) -> None:
        super().__init__(corpus.index, answerer, lanes)
        self._corpus, self._heavy = corpus, lanes
        self._delay, self._policy, self._session = delay, policy, session
        self.calls: list[Call] = []

    async def prepare(self, text: str, history: History) -> None:
        """What the agent does, but for open book, which never asks early."""
        if self._policy == "own":
            await super().prepare(text, history)

    async def find(self, query: str, early: bool = False) -> tuple[str, Sequence[Passage]]:
        """One call, noted; see `FromKnowledge.find`."""
        if self._policy == "open_book":
            await self._session.turn_over()
        call = Call(query, early, self._session.seconds())
        self.calls.append(call)
        until = anyio.current_time() + self._delay
        priority, name = (Priority.SPECULATION, "search.early") if early else (Priority.LLM, "search")
        try:
            asked, passages, call.docs = await self._heavy.heavy(
                priority, self._corpus.search, query, name=name
            )
            await anyio.sleep_until(until)
            call.ended = self._session.seconds()
        finally:
            if call.ended is None:
                call.cancelled = self._session.seconds()
        return asked, passages


def note(replay: Replay, calls: Sequence[Call]) -> None:
    """Put the calls into a replay's records, in place of what the session tells of tools.

    The session announces a call before it is made and says nothing of early ones; what it knows better is which call an
    answer rests on.
    """
    told = [record for record in replay.records if record.type == "tool_call"]
    kept_by = {record.payload["id"]: record for record in replay.records if record.type == "tool_commit"}
    rest = [record for record in replay.records if record.type not in _TOOL_RECORDS]
    made = []
    for number, call in enumerate(calls, start=1):
        head = {"id": f"{'early-' if call.early else ''}{number}", "name": SEARCH, "query": call.query}
        made.append(Record(call.issued, "agent", "tool_call", head | {"early": call.early}))
        if call.cancelled is not None:
            made.append(Record(call.cancelled, "agent", "tool_cancel", head))
        if call.ended is None:
            continue
        found = head | {"docs": list(call.docs)}
        made.append(Record(call.ended, "agent", "tool_result", found))
        if not call.early and (kept := kept_by.get(_announced(told, call))) is not None:
            made.append(Record(kept.t, "agent", "tool_commit", found))
    replay.records = sorted([*rest, *made], key=lambda record: record.t)


def _announced(told: Sequence[Record], call: Call) -> str | None:
    """The id under which the session announced a call: the last before it that asks the same."""
    before = [
        record
        for record in told
        if record.t <= call.issued + 1e-6 and record.payload["args"].get("query") == call.query
    ]
    return str(before[-1].payload["id"]) if before else None
