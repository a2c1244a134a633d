"""The call page's files, with headers under which a browser runs nothing but them."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PAGE = Path(__file__).parent / "page"
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "media-src": "'self' blob:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
"""Content-Security-Policy: no script or style but the page's own files, no other site, in no other site's frame."""
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Cache-Control": "no-cache",  # asked for again each time, and not sent again while it is the same
    "Permissions-Policy": "microphone=(self), speaker-selection=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageFiles(StaticFiles):
    """The files under `/static`."""

    def __init__(self) -> None:
        super().__init__(directory=PAGE)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or 404."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def index() -> Response:
    """The page itself."""
    return FileResponse(PAGE / "index.html", headers=HEADERS)
