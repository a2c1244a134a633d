"""The requests that llama.cpp's server takes and the chunks that it gives, in one place: everything that may change."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from duplex.llm.types import LLMError, Request, Token

_MAX_TOP = 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What a request cost: tokens in the prompt, how many of them were cached, and tokens generated."""

    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int


def body(request: Request, slot: int, context: int) -> dict[str, Any]:
    """The request as the server takes it, for either of its APIs.

    Raises:
        LLMError: it asks for more than there is.
    """
    if not 1 <= request.max_tokens <= context:
        raise LLMError(
            f"max_tokens is {request.max_tokens}; it must be between 1 and the context of {context}"
        )
    if not 0 <= request.top_logprobs <= _MAX_TOP:
        raise LLMError(f"top_logprobs is {request.top_logprobs}; it must be between 0 and {_MAX_TOP}")
    asked: dict[str, Any] = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stop": list(request.stop),
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # a chunk for each prompt batch, so that a long prompt can be cancelled
        "cache_prompt": True,
        "id_slot": slot,
    }
    if request.schema:
        asked["json_schema"] = json.loads(request.schema)
    if isinstance(request.prompt, str):
        return asked | {"prompt": request.prompt, "n_probs": request.top_logprobs}
    messages = [{"role": message.role, "content": message.content} for message in request.prompt]
    asked |= {"messages": messages, "logprobs": request.top_logprobs > 0}
    return asked | ({"top_logprobs": request.top_logprobs} if request.top_logprobs else {})


def tokens(chunk: dict[str, Any], top: int) -> list[Token]:
    """The tokens in a chunk of either API; none in a chunk that only reports progress or usage."""
    found = []
    for choice in chunk.get("choices", ()):
        text = choice["text"] if "text" in choice else choice.get("delta", {}).get("content")
        logprobs = (choice.get("logprobs") or {}).get("content") or []
        if logprobs:
            first = logprobs[0]
            alternatives = tuple((item["token"], item["logprob"]) for item in first["top_logprobs"][:top])
            found.append(Token(text or "", first["logprob"], alternatives))
        elif text:
            found.append(Token(text))
    return found


def reads_on(progress: dict[str, int] | None) -> bool:
    """Whether a part of the prompt was computed and more of it is left."""
    return progress is not None and progress["cache"] < progress["processed"] < progress["total"]


def usage(counts: dict[str, Any]) -> Usage:
    """What the last chunk says of the request's cost."""
    cached = (counts.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return Usage(counts.get("prompt_tokens", 0), cached, counts.get("completion_tokens", 0))


def reason(error: Any, context: int) -> str:
    """Why the server refused a request, and what to do."""
    if isinstance(error, dict) and error.get("type") == "exceed_context_size_error":
        return (
            f"the prompt has {error.get('n_prompt_tokens')} tokens and the slot holds {context}; shorten it"
        )
    message = error.get("message", error) if isinstance(error, dict) else error
    return f"llama.cpp refused the request: {message}"
