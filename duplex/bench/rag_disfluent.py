"""Requests with hesitations, corrections and changes of mind: what the shipped agents write in the end.

Scripted turns go through the text lane: words on a clock, the agent's own turn rules, its real tools. What counts is
what was really called: a write starts only once the turn that asks for it is committed.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import anyio
import yaml
from pydantic import BaseModel, ConfigDict, Field

from duplex.agent.loader import load_agent
from duplex.agent.spec import AgentSpec
from duplex.bench.measure import Measure, of_share
from duplex.evals.contender import AgentContender
from duplex.evals.drivers.text import replay_text
from duplex.evals.metrics.fdb3 import pass_at_1, same_arguments
from duplex.evals.record import Replay
from duplex.evals.scenario import After, Item, Scenario, ToolCall
from duplex.evals.words import as_words
from duplex.resources import agents_dir, config_path
from duplex.transport.costs import read_costs

COMMAND = "duplex bench rag"
_PAUSE = 6.0
"""Seconds after a turn in which the agent answers; the next turn then waits until it is silent."""
_LISTENS = 12.0
"""Seconds after the last turn."""
_DESK = "8765"
"""The port that the agent `desk` is written for."""

Named = Annotated[dict[str, dict[str, Any]], Field(min_length=1, max_length=1)]


class Request(BaseModel):
    """One request; see `configs/bench/disfluent.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    agent: str
    say: tuple[str, ...]
    calls: tuple[Named, ...]
    forbidden: tuple[Named, ...] = ()

    def scenario(self) -> Scenario:
        """Its turns on a clock, each said when the agent has had time to answer and is silent."""
        items: list[Item] = []
        for place, text in enumerate(self.say):
            at = After(after=f"u{place - 1}.end", offset=_PAUSE, require="agent_silent") if place else 0.5
            items.append(Item(id=f"u{place}", kind="user_speech", at=at, tts={"text": text}))
        return Scenario(
            schema="duplex-scenario/1",
            id=self.id,
            task="disfluent_tool",
            duration=len(self.say) * 14 + _LISTENS,
            timeline=tuple(items),
            expect=(),
            tool_calls=_calls(self.calls),
            forbidden_calls=_calls(self.forbidden),
        )


@dataclass(frozen=True, slots=True)
class Written:
    """What a request led to.

    Attributes:
        request: which.
        calls: the writes that were made, in order.
        said: what the agent said, for whoever looks.
    """

    request: Request
    calls: tuple[ToolCall, ...]
    said: tuple[str, ...]

    @property
    def forbidden(self) -> int:
        """Writes that must never be made, and were."""
        bad = _calls(self.request.forbidden)
        return sum(any(same_arguments(each, call) for each in bad) for call in self.calls)

    @property
    def unwanted(self) -> int:
        """Writes that are none of those wanted, or come once too often."""
        left = list(_calls(self.request.calls))
        count = 0
        for call in self.calls:
            same = next((each for each in left if same_arguments(each, call)), None)
            if same is None:
                count += 1
            else:
                left.remove(same)
        return count

    @property
    def right(self) -> bool:
        """All that is wanted was written, and nothing else."""
        return pass_at_1(_calls(self.request.calls), self.calls)


def requests() -> list[Request]:
    """The shipped set."""
    rows = yaml.safe_load(config_path("bench/disfluent.yaml").read_text(encoding="utf-8"))
    return [Request.model_validate(row) for row in rows]


def written(wanted: Sequence[Request]) -> list[Written]:
    """Play the requests, each to its agent; those of `desk` only where the example's server is there."""
    made: list[Written] = []
    for name in dict.fromkeys(each.agent for each in wanted):
        with _agent(name) as spec:
            if spec is not None:
                made += _played(spec, [each for each in wanted if each.agent == name])
    return made


def _played(spec: AgentSpec, wanted: Sequence[Request]) -> list[Written]:
    contender, costs = AgentContender(spec, "text"), read_costs()
    anyio.run(contender.load)
    made = []
    try:
        for request in wanted:
            replay = replay_text(as_words(request.scenario()), contender, "fixed", costs)
            if replay.error:
                raise RuntimeError(f"{request.id}: {replay.error}")
            made.append(Written(request, _writes(replay, wanted), _said(replay)))
    finally:
        anyio.run(contender.aclose)
    return made


def _writes(replay: Replay, wanted: Sequence[Request]) -> tuple[ToolCall, ...]:
    """Calls of tools that the requests name: all of them write."""
    names = {name for request in wanted for each in (*request.calls, *request.forbidden) for name in each}
    calls = (record.payload for record in replay.of("tool_call"))
    return tuple(
        ToolCall(name=str(call["name"]), args=dict(call["args"])) for call in calls if call["name"] in names
    )


def _said(replay: Replay) -> tuple[str, ...]:
    return tuple(record.payload["text"] for record in replay.of("ReplyText") if record.payload["text"])


def measures(came: Sequence[Written]) -> list[Measure]:
    """Forbidden writes, which must be none; unwanted ones; and requests after which all is right."""
    n = len(came)
    return [
        Measure("rag.forbidden_calls", sum(each.forbidden for each in came), "calls", n, None, COMMAND),
        Measure("rag.unwanted_calls", sum(each.unwanted for each in came), "calls", n, None, COMMAND),
        of_share("rag.disfluent_right_share", sum(each.right for each in came), n, COMMAND),
    ]


def run() -> list[Measure]:
    """The measures over the shipped set."""
    return measures(written(requests()))


def _calls(named: Sequence[dict[str, dict[str, Any]]]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(name=name, args=args) for each in named for name, args in each.items())


@contextmanager
def _agent(name: str) -> Iterator[AgentSpec | None]:
    """A shipped agent; `desk` with the server behind it, None where that is not installed."""
    if name != "desk":
        yield load_agent(name)
        return
    script = agents_dir().parent / "examples" / "desk_server.py"
    if not script.is_file():
        yield None
        return
    with _desk_server(script) as port, tempfile.TemporaryDirectory() as folder:
        own = Path(shutil.copytree(agents_dir() / "desk", Path(folder) / "desk")) / "agent.yaml"
        own.write_text(own.read_text(encoding="utf-8").replace(_DESK, str(port)), encoding="utf-8")
        yield load_agent(own)


@contextmanager
def _desk_server(script: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, str(script), str(port)], stdout=quiet, stderr=quiet)
    try:
        anyio.run(_reachable, port)
        yield port
    finally:
        process.kill()
        process.wait()


async def _reachable(port: int) -> None:
    with anyio.fail_after(60):
        while True:
            try:
                await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
                return
            except OSError:
                await anyio.sleep(0.1)
