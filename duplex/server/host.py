"""An agent that takes calls: loaded engines behind the web application, and what a program needs to run one."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import anyio

from duplex.agent.engines import load_engines
from duplex.agent.loader import load_agent
from duplex.agent.session import Engines, Session
from duplex.agent.spec import AgentSpec
from duplex.graph import Event, Lanes
from duplex.graph.log import line
from duplex.server.app import create_app
from duplex.server.serve import serving

logger = logging.getLogger(__name__)


class Agent:
    """An agent from a file, to be called over WebRTC or fed with audio frames.

    ```python
    agent = Agent.from_file("agent.yaml")
    await agent.serve(port=8080)          # until cancelled
    async with agent.session() as call:   # or by hand: every 20 ms
        call.push(frame)                  # int16 [320] at 16 kHz
        frame = call.pull()               # int16 [480] at 24 kHz
    ```
    """

    def __init__(self, spec: AgentSpec) -> None:
        self.spec = spec
        self._engines: Engines | None = None
        self._loading = anyio.Lock()

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """The agent in a file, in a folder with agent.yaml, or shipped under this name.

        Raises:
            AgentFileError: with every fault of the file, a line each.
        """
        return cls(load_agent(path))

    @property
    def ready(self) -> bool:
        """Whether the models are warm."""
        return self._engines is not None

    async def load(self) -> Engines:
        """Load and warm the models, once; missing ones are pulled."""
        async with self._loading:
            if self._engines is None:
                self._engines = await load_engines(self.spec, Lanes())
            return self._engines

    async def aclose(self) -> None:
        """Release the models."""
        engines, self._engines = self._engines, None
        if engines is not None:
            await engines.lanes.aclose()
            if engines.close is not None:
                await engines.close()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A running conversation; it ends with the block."""
        session = Session(await self.load())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.run)
            await session.started.wait()
            yield session
            tasks.cancel_scope.cancel()

    async def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 8080,
        *,
        max_sessions: int = 4,
        record: Path | None = None,
        loopback: bool = False,
    ) -> None:
        """Take calls until cancelled. The page answers at once, calls are taken when the models are warm.

        Args:
            host: the address to listen on; 127.0.0.1 is this machine alone.
            port: 0 takes a free one.
            max_sessions: calls at a time.
            record: folder for `<session>/events.jsonl` with all that was said; None keeps nothing.
            loopback: offer 127.0.0.1 alone.

        Raises:
            BindError: the address cannot be listened on.
            AgentFileError, ModelError, LLMError, KnowledgeError: the models cannot be loaded.
        """

        def new_session() -> Session:
            assert self._engines is not None  # the application asks `ready` first
            session = Session(self._engines)
            if record is not None:
                session.subscribe(Recorder(record / session.id))
            return session

        app = create_app(
            new_session,
            lambda: self.ready,
            max_sessions=max_sessions,
            loopback=loopback,
            title=self.spec.name,
        )
        try:
            async with serving(app, host, port) as url:
                print(f"{self.spec.name}: open {url} in a browser (Ctrl-C ends)", flush=True)
                await self.load()
                logger.info("the models are warm: calls are taken")
                await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await self.aclose()


class Recorder:
    """Writes a session's events to `events.jsonl`, a line each as it happens. It holds what was said."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "events.jsonl"

    def __call__(self, event: Event) -> None:
        """Append one event."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line("session", event.t, event) + "\n")
