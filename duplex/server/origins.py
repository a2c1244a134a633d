"""Whose pages may use this server: its own, and those of the sites that are listed.

A browser lets any page send a request; it asks first only where the request is unusual, and hides only the answer.
So a request that changes something is looked at here too. One without `Origin` comes from no page and is let in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

ANY = "*"


def allowed(origin: str | None, host: str | None, listed: Sequence[str]) -> bool:
    """Whether a page of `origin` may use a server that it knows as `host`.

    Args:
        origin: the request's `Origin`, such as `https://example.org`; None if no page sent it.
        host: its `Host`, such as `example.org`.
        listed: other origins that may; `*` is all of them.
    """
    if origin is None or ANY in listed or origin in listed:
        return True
    return host is not None and origin.partition("://")[2] == host


class SameOrigin:
    """Refuses (403) what pages of other sites send, but for those listed; their preflights are answered (CORS)."""

    def __init__(self, app: ASGIApp, listed: Sequence[str] = ()) -> None:
        self._listed = listed
        self._app: Any = app
        if listed:
            self._app = CORSMiddleware(
                app, allow_origins=listed, allow_methods=["GET", "POST", "PATCH"], allow_headers=[ANY]
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            headers = Headers(scope=scope)
            if not allowed(headers.get("origin"), headers.get("host"), self._listed):
                reason = (
                    "pages of another site may not call here; the server's `origins` lists those that may"
                )
                await JSONResponse({"error": reason}, status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)
