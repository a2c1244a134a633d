"""Running the application for as long as a block lasts, and a program until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
import uvicorn
from starlette.applications import Starlette

GRACE_SECONDS = 3
"""How long open HTTP requests may take to end at shutdown."""


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


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` until it ends, or until Ctrl-C or SIGTERM cancels it; then say so and return."""

    async def until_signal() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_on_signal, tasks.cancel_scope)
            await main()
            tasks.cancel_scope.cancel()

    anyio.run(until_signal)


async def _cancel_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            print("stopped", flush=True)
            scope.cancel()
            return
