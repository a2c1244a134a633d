"""Running the application for as long as a block lasts, and a program until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
import uvicorn
from starlette.applications import Starlette

GRACE_SECONDS = 3
"""How long open HTTP requests may take to end at shutdown."""
EXIT_INTERRUPTED = 130
"""The exit status of a process that was told three times to end."""


class BindError(OSError):
    """The address cannot be listened on; the message names it and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises BindError."""
    if not 0 <= port <= 65535:
        raise BindError(f"there is no port {port}: choose one from 0 (any free one) to 65535")
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise BindError(f"cannot listen on {host}:{port}: {error}; choose another --port") from error


def url_of(listener: socket.socket) -> str:
    """The address to open in a browser: `http://127.0.0.1:8080`."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which belong to whoever runs the event loop; `up` once it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = anyio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=GRACE_SECONDS
    )


@asynccontextmanager
async def serving(app: Starlette, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve while the block lasts; gives the URL once requests are answered. Raises BindError."""
    listener = listen(host, port)
    server = _Server(_config(app))
    with listener:
        # A task of its own, not a task group: what the block raises comes out as it is.
        task = asyncio.create_task(server.serve([listener]))
        try:
            await server.up.wait()
            if server.should_exit:
                raise RuntimeError("the server could not start; the log says why")
            yield url_of(listener)
        finally:
            server.should_exit = True
            with anyio.CancelScope(shield=True):
                await task


@asynccontextmanager
async def until(stop: anyio.Event) -> AsyncIterator[None]:
    """Cancel the block when `stop` is set, and go on after it. What it raises comes out as it is."""
    with anyio.CancelScope() as scope:

        async def watch() -> None:
            await stop.wait()
            scope.cancel()

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()


def run(main: Callable[[anyio.Event], Awaitable[None]]) -> None:
    """Run `main` until it ends; then say so, if it was by a signal, and return.

    The first Ctrl-C or SIGTERM sets the event that `main` is given, at which it should come to its end. The second
    cancels it. A further one ends the process there and then, also after this has returned: a program that was told
    to end has nothing else to do. To be called in the main thread.
    """
    signals = _Signals()
    before = {each: signal.signal(each, signals.receive) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        anyio.run(signals.guide, main)
    finally:
        signals.over = True
        if not signals.count:
            for each, handler in before.items():
                signal.signal(each, handler)


class _Signals:
    """Counts signals from before the event loop runs until after it is closed: none is left to raise somewhere."""

    def __init__(self) -> None:
        self.count = 0
        self.over = False
        self._act: Callable[[], object] | None = None

    def receive(self, *_: object) -> None:
        """Called by Python, between any two instructions of the main thread: it only hands on."""
        self.count += 1
        if self.over or self.count > 2:
            os._exit(EXIT_INTERRUPTED)
        if self._act is not None:
            self._act()

    async def guide(self, main: Callable[[anyio.Event], Awaitable[None]]) -> None:
        """Run `main`, and let signals reach it."""
        loop, stop = asyncio.get_running_loop(), anyio.Event()
        with anyio.CancelScope() as scope:

            def act() -> None:
                stop.set()
                if self.count > 1:
                    scope.cancel()

            self._act = lambda: loop.call_soon_threadsafe(act)
            if self.count:
                act()
            try:
                await main(stop)
            finally:
                self._act = None
        if self.count:
            print("stopped", flush=True)
