"""The agent `desk` with the server of the example: asked, told that the server has gone, and well again."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio

from duplex.agent.answering import Sentence
from duplex.agent.loader import load_agent
from duplex.agent.spec import AgentSpec
from duplex.agent.toolbox import open_toolbox
from duplex.agent.tooling import FromTools, Unknown
from duplex.dialogue.history import History, Turn
from duplex.nodes.answerer import Answerer
from duplex.resources import agents_dir

SERVER = Path(__file__).parent.parent / "examples" / "desk_server.py"


@contextmanager
def running(port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, str(SERVER), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


class Caller:
    """Says something, and hears the answer to its end."""

    def __init__(self, agent: Answerer) -> None:
        self._agent, self._history = agent, History()

    async def ask(self, text: str) -> str:
        parts = [part async for part in self._agent.answer(text, self._history)]
        turns = self._history.turns
        self._history.turns = (*turns, Turn("agent", "so", len(turns)))
        return " ".join(part.text for part in parts if isinstance(part, Sentence))


def desk(tmp_path: Path, port: int) -> AgentSpec:
    text = (agents_dir() / "desk" / "agent.yaml").read_text()
    file = tmp_path / "agent.yaml"
    file.write_text(text.replace("8765", str(port)))
    return load_agent(file)


def test_the_desk_uses_its_tools_and_survives_its_server(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spec = desk(tmp_path, port)

    async def main() -> None:
        with running(port):
            box = await open_toolbox(spec.tools)
        agent = FromTools(box, Unknown(spec.unknown)).in_session("s1", {"caller": "Ada"})
        async with agent.conversation(lambda part: None) as conversation:
            ask = Caller(conversation).ask
            # The server that told its tools has just been killed.
            assert (await ask("Where is Tom Reed?")).endswith("I can't reach the staff directory right now.")
            assert (await ask("When is the Baltic room free on Monday?")).endswith(
                "the room planner right now."
            )
            with running(port):
                assert (await ask("Where is Tom Reed?")).endswith("Tom Reed is in room 30.")
                assert (
                    await ask("I'd like to book the Baltic room for Monday.")
                    == "At what hour, from eight to seventeen?"
                )
                assert (
                    await ask("At ten, no, at eight.")
                    == "The baltic room, Monday at 8 o'clock. Shall I book it?"
                )
                assert await ask("Yes, please.") == "It's booked: baltic, monday at 8."
                told = await ask("When is the Baltic room free on Monday?")
                assert told == "Baltic has 12 seats and is free from 9 o'clock."
        await box.aclose()

    anyio.run(main)
