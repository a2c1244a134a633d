"""The web application: `POST /api/offer` opens a call, the rest says how the server is and serves the page."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import anyio
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from duplex.server.files import PageFiles, index
from duplex.server.origins import SameOrigin
from duplex.server.sessions import ServerFull, Sessions
from duplex.transport.types import Peer
from duplex.transport.webrtc.errors import OfferError
from duplex.transport.webrtc.ice import Ice
from duplex.transport.webrtc.offer import Offer, Trickle

MAX_BODY = 128 * 1024
"""Bytes in a request's body; a browser's offer has 6,000 to 10,000."""
BODY_SECONDS = 10
"""How long a request's body may take."""
RETRY_AFTER = "5"
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

Body = TypeVar("Body", bound=BaseModel)


class Refused(Exception):
    """A request that cannot be served: an HTTP status and the reason."""

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers


class Start(BaseModel):
    """The body of `POST /start`; what it asks for is not needed here."""

    model_config = ConfigDict(extra="ignore")


async def read_body(request: Request, model: type[Body]) -> Body:
    """The request's JSON body as `model`; raises Refused (400, 408, 413 or 422) saying what is wrong with it."""
    parts: list[bytes] = []
    size = 0
    try:
        with anyio.fail_after(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > MAX_BODY:
                    raise Refused(413, f"the body is over {MAX_BODY} bytes")
                parts.append(part)
    except TimeoutError as error:
        raise Refused(408, f"the body took longer than {BODY_SECONDS} s") from error
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
        self._warm = ready
        self._title = title

    async def start(self, request: Request) -> Response:
        """Tell a stock Pipecat client where to send its offer, and which STUN and TURN servers to use.

        No session is made yet, and the id leads to the offer whatever it is: nothing is kept that could pile up.
        """
        await read_body(request, Start)
        self._check_warm()
        self.sessions.check_room()
        answer: dict[str, Any] = {"sessionId": secrets.token_urlsafe(16)}
        if servers := self.sessions.ice.for_clients(datetime.now(UTC)):
            answer["iceConfig"] = {"iceServers": servers}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def offer(self, request: Request) -> Response:
        """Open a call, or go on with one: the answer, 4xx with what is wrong, or 503 while it cannot be taken."""
        _check_session_id(request)
        body = await read_body(request, Offer)
        self._check_warm()
        return JSONResponse((await self.sessions.open(body)).model_dump())

    async def trickle(self, request: Request) -> Response:
        """Later candidates of a caller whose offer was answered."""
        _check_session_id(request)
        body = await read_body(request, Trickle)
        connection = self.sessions.find(body.pc_id)
        if connection is None:
            raise Refused(404, "no call has this pc_id")
        await connection.add_candidates(body.candidates)
        return JSONResponse({"status": "success"})

    def _check_warm(self) -> None:
        if not self._warm():
            raise Refused(503, "the models are still loading", {"Retry-After": RETRY_AFTER})

    async def health(self, _: Request) -> Response:
        """That the process answers, and how full it is."""
        return JSONResponse(
            {"status": "ok", "sessions": len(self.sessions), "max_sessions": self.sessions.limit}
        )

    async def ready(self, _: Request) -> Response:
        """200 once calls can be taken, 503 before that and when the server is about to stop."""
        ready = self._warm() and not self.sessions.draining
        return JSONResponse({"ready": ready}, status_code=200 if ready else 503)

    async def about(self, _: Request) -> Response:
        """What the page shows of the agent."""
        return JSONResponse({"title": self._title})

    async def page(self, _: Request) -> Response:
        """The call page."""
        return index()

    def routes(self) -> list[Route | Mount]:
        """Where each endpoint is."""
        offers = ("/api/offer", "/sessions/{session}/api/offer")
        return [
            Route("/", self.page),
            Route("/start", self.start, methods=["POST"]),
            *(Route(path, self.offer, methods=["POST"]) for path in offers),
            *(Route(path, self.trickle, methods=["PATCH"]) for path in offers),
            Route("/api/about", self.about),
            Route("/health", self.health),
            Route("/ready", self.ready),
            Mount("/static", PageFiles()),
        ]


def _check_session_id(request: Request) -> None:
    if not SESSION_ID.fullmatch(request.path_params.get("session", "-")):
        raise Refused(404, "this is no session's id")


def create_app(
    new_peer: Callable[[], Peer],
    ready: Callable[[], bool] = lambda: True,
    *,
    max_sessions: int = 8,
    loopback: bool = False,
    ice: Ice | None = None,
    origins: Sequence[str] = (),
    connect_timeout: float = 30.0,
    reconnect_timeout: float = 30.0,
    title: str = "duplex",
) -> Starlette:
    """The application. Its `state.sessions` is the `Sessions`; stopping it ends them all.

    Args:
        new_peer: makes a session for a call; called on the event loop, so it must return at once.
        ready: whether calls can be taken (models warm).
        max_sessions: calls at a time; more are told to come back (503).
        loopback: offer 127.0.0.1 alone, for tests and machines without another interface.
        ice: how connections are sought otherwise.
        origins: other sites whose pages may call; `*` for all.
        connect_timeout: seconds a caller has to get through after the answer.
        reconnect_timeout: seconds a session waits for a caller who was cut off.
        title: what the page calls the agent.
    """
    sessions = Sessions(
        new_peer,
        max_sessions=max_sessions,
        ice=ice or Ice(loopback=loopback),
        connect_timeout=connect_timeout,
        reconnect_timeout=reconnect_timeout,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with sessions.running():
            yield

    handlers = {Refused: _refused, OfferError: _bad_offer, ServerFull: _full, ClientDisconnect: _gone}
    app = Starlette(
        routes=Api(sessions, ready, title).routes(),
        exception_handlers=handlers,
        middleware=[Middleware(SameOrigin, origins)],
        lifespan=lifespan,
    )
    app.state.sessions = sessions
    return app


def _failure(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    """The reason as `error`, and as the `detail` that stock Pipecat clients show."""
    return JSONResponse({"error": reason, "detail": reason}, status_code=status, headers=headers)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _failure(error.status, str(error), error.headers)


async def _bad_offer(_: Request, error: Exception) -> Response:
    return _failure(400, str(error))


async def _full(_: Request, error: Exception) -> Response:
    return _failure(503, str(error), {"Retry-After": RETRY_AFTER})


async def _gone(_: Request, error: Exception) -> Response:
    return Response(status_code=400)
