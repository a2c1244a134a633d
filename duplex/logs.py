"""Logging: standard, with the session on every line, and without what callers say unless it was asked for."""

from __future__ import annotations

import json
import logging
import sys

CAPTIONS = "duplex.captions"
"""The logger of what callers and agents say; silent unless asked for."""
LEVELS = ("debug", "info", "warning", "error")
_LIBRARIES = ("aiortc", "aioice", "httpx", "httpcore", "uvicorn", "huggingface_hub", "asyncio")


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        session = getattr(record, "session", "-")
        text = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower():7} [{session}] {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "session": getattr(record, "session", None),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
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
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _LIBRARIES:  # theirs are for those who debug them
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.getLogger(CAPTIONS).setLevel(logging.INFO if captions else logging.CRITICAL + 1)
