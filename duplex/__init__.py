"""Full-duplex spoken-dialogue agents: an event graph with real models, on a laptop CPU, over WebRTC.

`from duplex import Agent` is all that a program needs; it is imported on first use, so that `import duplex` and the
command line stay quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duplex.server.host import Agent

__all__ = ["Agent", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name != "Agent":
        raise AttributeError(f"module 'duplex' has no attribute {name!r}")
    from duplex.server.host import Agent

    return Agent
