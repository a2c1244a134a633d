"""Logging: standard, with the session on every line, without secrets, and without what callers say unless asked.

The session is a context variable, so that it follows every task that a session starts. `%(session)s` works in any
handler of the user's own that has a `SessionFilter`.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

CAPTIONS = "duplex.captions"
"""The logger of what callers and agents say; silent unless asked for."""
LEVELS = ("debug", "info", "warning", "error")
_LIBRARIES = (
    "aiortc",
    "aioice",
    "httpx",
    "httpx2",
    "httpcore",
    "mcp",
    "uvicorn",
    "huggingface_hub",
    "asyncio",
    "openai",
)
_OFF = logging.CRITICAL + 1
_SHORTEST_SECRET = 6
"""Shorter ones are no keys, and hiding them would cut holes into ordinary words."""

_session: ContextVar[str | None] = ContextVar("duplex_session", default=None)
_hidden: set[str] = set()

logging.getLogger(CAPTIONS).setLevel(_OFF)  # also where `configure` is never called


@contextmanager
def session_logs(session: str) -> Iterator[None]:
    """Put the session's id on every line that this block logs, tasks and threads that it starts included."""
    token = _session.set(session)
    try:
        yield
    finally:
        _session.reset(token)


def caption(who: str, text: str, session: str | None = None) -> None:
    """Log what `who` ("user" or "agent") said; dropped unless captions were asked for."""
    extra = {"session": session} if session else None
    logging.getLogger(CAPTIONS).info("%s: %s", who, text, extra=extra)


def hide(secrets: Iterable[str]) -> None:
    """Keep these values out of every line logged from now on."""
    _hidden.update(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)


def redact(text: str) -> str:
    """The text without hidden values; the longest first, since one may hold another."""
    for secret in sorted(_hidden, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


class SessionFilter(logging.Filter):
    """Gives a record its session, where it does not name one itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True: nothing is dropped."""
        if not hasattr(record, "session"):
            record.session = _session.get()
        return True


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        session = getattr(record, "session", None) or "-"
        # Further lines are indented: what comes from outside must not look like a record of our own.
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\n  | ")
        text = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower():7} [{session}] {message}"
        return redact(f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "session": getattr(record, "session", None),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            entry["error"] = redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def configure(level: str = "info", as_json: bool = False, captions: bool = False) -> None:
    """Set up logging to stderr.

    Args:
        level: one of `LEVELS`.
        as_json: a JSON object a line.
        captions: also log what callers and agents say.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if as_json else _Plain())
    handler.addFilter(SessionFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _LIBRARIES:  # theirs are for those who debug them
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.getLogger(CAPTIONS).setLevel(logging.INFO if captions else _OFF)
