"""The web application: `POST /api/offer` opens a call, the rest says how the server is and serves the page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from duplex.server.sessions import ServerFull, Sessions
from duplex.transport.types import Peer
from duplex.transport.webrtc.errors import OfferError
from duplex.transport.webrtc.offer import Offer, Trickle

PAGE = Path(__file__).parent / "page"
MAX_BODY = 128 * 1024
"""Bytes in a request's body; a browser's offer has 6,000 to 10,000."""
RETRY_AFTER = "5"

Body = TypeVar("Body", bound=BaseModel)


class Refused(Exception):
    """A request that cannot be served: an HTTP status and the reason."""

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers


async def read_body(request: Request, model: type[Body]) -> Body:
    """The request's JSON body as `model`; raises Refused (400, 413 or 422) saying what is wrong with it."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise Refused(413, f"the body is over {MAX_BODY} bytes")
        parts.append(part)
    try:
        return model.model_validate_json(b"".join(parts))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise Refused(400, f"the body is not JSON: {first['msg']}") from error
        raise Refused(422, f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}") from error


class Api:
    """The endpoints of one server."""

    def __init__(self, sessions: Sessions, ready: Callable[[], bool], title: str) -> None:
        self.sessions = sessions
        self._ready = ready
        self._title = title

    async def offer(self, request: Request) -> Response:
        """Open a call: the answer, 4xx with what is wrong, or 503 while it cannot be taken."""
        body = await read_body(request, Offer)
        if not self._ready():
            raise Refused(503, "the models are still loading", {"Retry-After": RETRY_AFTER})
        return JSONResponse((await self.sessions.open(body)).model_dump())

    async def trickle(self, request: Request) -> Response:
        """Later candidates of a caller whose offer was answered."""
        body = await read_body(request, Trickle)
        connection = self.sessions.find(body.pc_id)
        if connection is None:
            raise Refused(404, "no call has this pc_id")
        await connection.add_candidates(body.candidates)
        return JSONResponse({"status": "success"})

    async def health(self, _: Request) -> Response:
        """That the process answers, and how full it is."""
        return JSONResponse(
            {"status": "ok", "sessions": len(self.sessions), "max_sessions": self.sessions.limit}
        )

    async def ready(self, _: Request) -> Response:
        """200 once calls can be taken, 503 before."""
        warm = self._ready()
        return JSONResponse({"ready": warm}, status_code=200 if warm else 503)

    async def about(self, _: Request) -> Response:
        """What the page shows of the agent."""
        return JSONResponse({"title": self._title})

    async def page(self, _: Request) -> Response:
        """The call page."""
        return FileResponse(PAGE / "index.html")

    def routes(self) -> list[Route | Mount]:
        """Where each endpoint is."""
        return [
            Route("/", self.page),
            Route("/api/offer", self.offer, methods=["POST"]),
            Route("/api/offer", self.trickle, methods=["PATCH"]),
            Route("/api/about", self.about),
            Route("/health", self.health),
            Route("/ready", self.ready),
            Mount("/static", StaticFiles(directory=PAGE)),
        ]


def create_app(
    new_peer: Callable[[], Peer],
    ready: Callable[[], bool] = lambda: True,
    *,
    max_sessions: int = 8,
    loopback: bool = False,
    ice_servers: Sequence[str] = (),
    connect_timeout: float = 30.0,
    title: str = "duplex",
) -> Starlette:
    """The application. Its `state.sessions` is the `Sessions`; stopping it ends them all.

    Args:
        new_peer: makes a session for a call; called on the event loop, so it must return at once.
        ready: whether calls can be taken (models warm).
        max_sessions: calls at a time; more are told to come back (503).
        loopback: offer 127.0.0.1 alone, for tests and machines without another interface.
        ice_servers: STUN or TURN URLs.
        connect_timeout: seconds a caller has to get through after the answer.
        title: what the page calls the agent.
    """
    sessions = Sessions(
        new_peer,
        max_sessions=max_sessions,
        loopback=loopback,
        ice_servers=ice_servers,
        connect_timeout=connect_timeout,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with sessions.running():
            yield

    handlers = {Refused: _refused, OfferError: _bad_offer, ServerFull: _full, ClientDisconnect: _gone}
    app = Starlette(
        routes=Api(sessions, ready, title).routes(), exception_handlers=handlers, lifespan=lifespan
    )
    app.state.sessions = sessions
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse({"error": str(error)}, status_code=error.status, headers=error.headers)


async def _bad_offer(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400)


async def _full(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=503, headers={"Retry-After": RETRY_AFTER})


async def _gone(_: Request, error: Exception) -> Response:
    return Response(status_code=400)
