"""An agent that takes calls: loaded engines behind the web application, and what a program needs to run one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import anyio
from starlette.applications import Starlette

from duplex.agent.engines import load_engines
from duplex.agent.loader import load_agent
from duplex.agent.memory import keep_for_good
from duplex.agent.session import Engines, Session
from duplex.agent.spec import AgentSpec
from duplex.bus.config import BusError
from duplex.graph import Event, Lanes
from duplex.graph.log import line
from duplex.server.app import create_app
from duplex.server.config import ServerConfig, resolve_ice
from duplex.server.serve import serving, until

if TYPE_CHECKING:
    from duplex.bus.bridge import Bridge

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
        config: ServerConfig | None = None,
        record: Path | None = None,
        stop: anyio.Event | None = None,
    ) -> None:
        """Take calls until cancelled, or until `stop` is set and the calls under way have ended.

        The page answers at once, calls are taken when the models are warm.

        Args:
            host: the address to listen on; 127.0.0.1 is this machine alone.
            port: 0 takes a free one.
            config: how many calls, from where, over which servers.
            record: folder for `<session>/events.jsonl` with all that was said; None keeps nothing.
            stop: takes no more calls once it is set; those under way have `drain_seconds` to end.

        Raises:
            BindError: the address cannot be listened on.
            ServerConfigError: the environment lacks a secret.
            AgentFileError, ModelError, LLMError, KnowledgeError: the models cannot be loaded.
        """
        config, stop = config or ServerConfig(), stop or anyio.Event()
        bridge = self._bridge(config)
        app = self._app(config, record, bridge)
        try:
            async with _running(bridge), serving(app, host, port) as url:
                print(f"{self.spec.name}: open {url} in a browser (Ctrl-C ends)", flush=True)
                async with until(stop):
                    await self.load()
                    keep_for_good()
                    logger.info("the models are warm: calls are taken")
                    await anyio.sleep_forever()
                await app.state.sessions.drain(config.drain_seconds)
        finally:
            with anyio.CancelScope(shield=True):
                await self.aclose()

    def _bridge(self, config: ServerConfig) -> Bridge | None:
        if config.mqtt is None:
            return None
        try:
            from duplex.bus.bridge import Bridge  # its library is not part of the base install
        except ModuleNotFoundError as error:
            raise BusError("the configuration names a broker: pip install 'duplex-voice[mqtt]'") from error
        return Bridge(config.mqtt.resolve(), self.spec.name)

    def _app(self, config: ServerConfig, record: Path | None, bridge: Bridge | None) -> Starlette:
        def new_session() -> Session:
            assert self._engines is not None  # the application asks `ready` first
            session = Session(self._engines)
            if record is not None:
                session.subscribe(Recorder(record / session.id))
            if bridge is not None:
                bridge.attach(session)
            return session

        return create_app(
            new_session,
            lambda: self.ready,
            max_sessions=config.max_sessions,
            ice=resolve_ice(config),
            origins=config.origins,
            connect_timeout=config.connect_seconds,
            reconnect_timeout=config.reconnect_seconds,
            title=self.spec.name,
        )


@asynccontextmanager
async def _running(bridge: Bridge | None) -> AsyncIterator[None]:
    """Keep the bridge for as long as the block lasts. What the block raises comes out as it is."""
    if bridge is None:
        yield
        return
    task = asyncio.create_task(bridge.run())
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await bridge.flush()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Recorder:
    """Writes a session's events to `events.jsonl`, a line each as it happens. It holds what was said."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "events.jsonl"

    def __call__(self, event: Event) -> None:
        """Append one event."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line("session", event.t, event) + "\n")
