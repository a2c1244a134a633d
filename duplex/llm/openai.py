"""Any OpenAI-compatible endpoint as a language model: a hosted API, llama-server, vLLM, Ollama.

The official client does the wire format, the retries and the timeouts. What is added here: one error type that says
what to do, cancellation that closes the HTTP stream (so that the server stops and stops charging), and a key that is
read from an environment variable and appears nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import urlsplit

from duplex.llm.types import LLMError, Request, Token

_MAX_TOP = {"chat": 20, "completion": 5}  # what the API allows; local servers allow more


class OpenAI:
    """A model behind an OpenAI-compatible HTTP API.

    Args:
        model: the model's name there.
        base_url: up to and including `/v1`; None is api.openai.com.
        key_env: the NAME of the environment variable that holds the key; None for a server that wants none.
        timeout: seconds without any data after which the request fails.
        retries: tries again after a refused connection, a 429 or a 5xx, before the first token only.
        max_top: the most log-probabilities that the server gives a token; None is the official API's limit.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        key_env: str | None = "OPENAI_API_KEY",
        timeout: float = 20.0,
        retries: int = 2,
        max_top: int | None = None,
    ) -> None:
        if base_url is not None and urlsplit(base_url).scheme not in ("http", "https"):
            raise ValueError(f"base_url must begin with http:// or https://: {base_url!r}")
        if not 0 < timeout <= 600 or not 0 <= retries <= 10:
            raise ValueError("timeout must be in 0..600 s and retries in 0..10")
        self.model = model
        self._where = urlsplit(base_url).netloc.rpartition("@")[2] if base_url else "api.openai.com"
        self._base_url, self._key_env, self._max_top = base_url, key_env, max_top
        self._timeout, self._retries = timeout, retries
        self._client: Any = None

    async def stream(self, request: Request) -> AsyncGenerator[Token, None]:
        """Generate; see `LLM.stream`."""
        import openai

        client = self._open()
        try:
            create = client.completions if isinstance(request.prompt, str) else client.chat.completions
            response = await create.create(**self._body(request))
            try:
                async for chunk in response:
                    for token in _tokens(chunk, request.top_logprobs):
                        yield token
            finally:
                await response.close()
        except openai.APIError as error:
            raise LLMError(self._explain(error)) from error

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _open(self) -> Any:
        if self._client is None:
            import openai

            key = os.environ.get(self._key_env, "") if self._key_env else "none"
            if not key:
                raise LLMError(f"{self._where}: no key; set the environment variable {self._key_env}")
            self._client = openai.AsyncOpenAI(
                api_key=key, base_url=self._base_url, timeout=self._timeout, max_retries=self._retries
            )
        return self._client

    def _body(self, request: Request) -> dict[str, Any]:
        chat = not isinstance(request.prompt, str)
        limit = _MAX_TOP["chat" if chat else "completion"] if self._max_top is None else self._max_top
        top = min(request.top_logprobs, limit)
        body: dict[str, Any] = {
            "model": self.model,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "stream": True,
        }
        if request.stop:
            body["stop"] = list(request.stop)
        if isinstance(request.prompt, str):
            return body | {"prompt": request.prompt} | ({"logprobs": top} if top else {})
        messages = [{"role": message.role, "content": message.content} for message in request.prompt]
        return body | {"messages": messages} | ({"logprobs": True, "top_logprobs": top} if top else {})

    def _explain(self, error: Any) -> str:
        """One line: which endpoint, what went wrong, what to do. Never the key, never the prompt."""
        import openai

        name = f"{self.model} at {self._where}"
        advice: dict[type[Exception], str] = {
            openai.APITimeoutError: f"no answer in {self._timeout:g} s; raise the timeout or choose a faster model",
            openai.APIConnectionError: "cannot connect; check base_url and the network",
            openai.AuthenticationError: f"the key was refused; check the environment variable {self._key_env}",
            openai.PermissionDeniedError: f"the key may not use this model; check {self._key_env}",
            openai.NotFoundError: "no such model or path; check the model's name and base_url",
            openai.RateLimitError: "too many requests, or the quota is used up; try later",
        }
        for kind, text in advice.items():
            if isinstance(error, kind):
                return f"{name}: {text}"
        status = getattr(error, "status_code", None)
        return (
            f"{name}: the server failed{f' with status {status}' if status else ''} ({type(error).__name__})"
        )


def _tokens(chunk: Any, top: int) -> list[Token]:
    """The tokens in a chunk of either API."""
    found = []
    for choice in chunk.choices:
        delta = getattr(choice, "delta", None)
        text = (delta.content if delta is not None else choice.text) or ""
        logprobs = choice.logprobs
        if logprobs is None:
            found += [Token(text)] if text else []
        elif getattr(logprobs, "content", None):  # chat, and local servers' completions
            found.append(_from_content(text, logprobs.content[0], top))
        elif getattr(logprobs, "token_logprobs", None):
            best = sorted((logprobs.top_logprobs or [{}])[0].items(), key=lambda item: -item[1])
            found.append(Token(text, logprobs.token_logprobs[0], tuple(best[:top])))
    return found


def _from_content(text: str, first: Any, top: int) -> Token:
    """A token of the newer log-probability format; a client that does not know it leaves dicts."""
    item = first if isinstance(first, dict) else first.model_dump()
    alternatives = tuple((other["token"], other["logprob"]) for other in item.get("top_logprobs", ())[:top])
    return Token(text, item["logprob"], alternatives)
