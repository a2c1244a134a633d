"""Knowledge search on its own: a folder of files in, passages with scores out. Knows nothing of speech.

Names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools_rag.embed import Embedder, MiniLM, WordLlama
    from tools_rag.errors import KnowledgeError, Problem
    from tools_rag.folder import Limits
    from tools_rag.index import KnowledgeIndex
    from tools_rag.types import Passage

__all__ = [
    "Embedder",
    "KnowledgeError",
    "KnowledgeIndex",
    "Limits",
    "MiniLM",
    "Passage",
    "Problem",
    "WordLlama",
]

_HOMES = {
    "Embedder": "embed",
    "KnowledgeError": "errors",
    "KnowledgeIndex": "index",
    "Limits": "folder",
    "MiniLM": "embed",
    "Passage": "types",
    "Problem": "errors",
    "WordLlama": "embed",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
