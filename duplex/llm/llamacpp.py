"""A local model through llama.cpp, in this process, with a cache slot reserved for each user of it.

Why slots: the small model both judges whether a turn is over (a few words appended, many times) and writes
the answers (a long prompt, once). In one cache they would evict each other's prefix and pay for the whole
prompt each time; with a slot each, only what is new is computed (`id_slot` of llama.cpp's server).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import threading
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duplex.llm.types import LLMError, Request, Token

_MAGIC = b"GGUF"
_PREFILL_TOKENS = 64  # a request can be cancelled between prompt batches of this size
_MAX_TOP = 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What a request cost: tokens in the prompt, how many of them were cached, and tokens generated."""

    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int


class LlamaCpp:
    """A GGUF model on the CPU. Shared by all sessions; one request at a time in each slot.

    Args:
        path: the .gguf file.
        slots: names of the reserved cache slots; requests that name none share one more.
        threads: compute threads. One, so that the loop and the other engines keep their cores.
        context: tokens that each slot holds, prompt and answer together.
        debug: let llama.cpp write its log to stderr.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        slots: Sequence[str] = (),
        threads: int = 1,
        context: int = 1024,
        debug: bool = False,
    ) -> None:
        if len(set(slots)) != len(slots):
            raise ValueError(f"slot names must differ: {list(slots)}")
        if threads < 1 or not 64 <= context <= 131_072:
            raise ValueError("threads must be at least 1 and context between 64 and 131072 tokens")
        self.path = Path(path)
        self.context = context
        self._slots: dict[str | None, int] = {name: i for i, name in enumerate(slots)} | {None: len(slots)}
        self._busy = {name: asyncio.Lock() for name in self._slots}
        self._threads = threads
        self._debug = debug
        self._server: Any = None
        self._loading: asyncio.Lock = asyncio.Lock()
        self._pool = ThreadPoolExecutor(len(self._slots), thread_name_prefix="llama")
        self._closed = False
        self.usage: dict[str | None, Usage] = {}

    async def load(self) -> None:
        """Load the model off the loop; at once if it is loaded.

        Raises:
            LLMError: the file is missing, corrupted or of a kind that llama.cpp does not know.
        """
        async with self._loading:
            if self._closed:
                raise LLMError(f"{self.path.name}: the model was closed; load it anew")
            if self._server is None:
                self._server = await asyncio.get_running_loop().run_in_executor(self._pool, self._load)

    def _load(self) -> Any:
        check_gguf(self.path)
        try:
            import xllamacpp
        except ImportError as error:
            raise LLMError(
                f"local models need llama.cpp: pip install 'duplex-voice[local]' ({error})"
            ) from error
        with tempfile.TemporaryDirectory(prefix="duplex-") as folder:
            params = _params(xllamacpp, self.path, len(self._slots), self.context, self._threads, self._debug)
            _keep_private(params, Path(folder))
            try:
                return xllamacpp.Server(params)
            except (RuntimeError, MemoryError) as error:
                raise LLMError(
                    f"{self.path}: llama.cpp cannot load this model; run `duplex models verify`, "
                    f"and if the file is sound, free some memory ({error})"
                ) from error

    async def stream(self, request: Request) -> AsyncGenerator[Token, None]:
        """Generate; see `LLM.stream`. The first call loads the model."""
        await self.load()
        if request.slot not in self._slots:
            known = ", ".join(str(name) for name in self._slots if name)
            raise LLMError(f"{self.path.name}: no slot named {request.slot!r}; the slots are: {known}")
        body = _body(request, self._slots[request.slot], self.context)
        async with self._busy[request.slot]:
            job = _Job(self, request, body)
            try:
                async for token in job.run():
                    yield token
            finally:
                await job.stop()

    async def aclose(self) -> None:
        """Release the model, after running requests have ended."""
        async with self._loading:
            self._closed = True
            server, self._server = self._server, None
            if server is not None:
                del server
            await asyncio.to_thread(self._pool.shutdown)


class _Job:
    """One request: llama.cpp fills it from a thread, the loop reads it."""

    def __init__(self, llm: LlamaCpp, request: Request, body: dict[str, Any]) -> None:
        self._llm, self._request, self._body = llm, request, body
        self._loop = asyncio.get_running_loop()
        # Bounded by construction: at most one item a token, max_tokens <= context, and the end.
        self._tokens: asyncio.Queue[Token | None] = asyncio.Queue(request.max_tokens + 2)
        self._cancelled = threading.Event()
        self._error: str | None = None
        self._work: asyncio.Future[None] | None = None

    async def run(self) -> AsyncGenerator[Token, None]:
        self._work = self._loop.run_in_executor(self._llm._pool, self._generate)
        while (token := await self._tokens.get()) is not None:
            yield token
        await self._work
        if self._error is not None:
            raise LLMError(f"{self._llm.path.name}: {self._error}")

    async def stop(self) -> None:
        """End the model's work: it stops after the token, or the batch of the prompt, that it is computing."""
        self._cancelled.set()
        if self._work is not None and not self._work.done():
            await asyncio.wait([self._work])

    def _generate(self) -> None:
        server = self._llm._server
        chat = "messages" in self._body
        try:
            if not self._cancelled.is_set():
                (server.handle_chat_completions if chat else server.handle_completions)(
                    self._body, self._on_chunk
                )
        finally:
            self._put(None)

    def _on_chunk(self, chunk: dict[str, Any]) -> bool:
        """Take a chunk from llama.cpp; True stops it."""
        if "error" in chunk:
            self._error = _reason(chunk["error"], self._llm.context)
            return True
        if chunk.get("usage"):
            self._llm.usage[self._request.slot] = _usage(chunk["usage"])
        for token in _tokens(chunk, self._request.top_logprobs):
            self._put(token)
        return self._cancelled.is_set()

    def _put(self, token: Token | None) -> None:
        if not self._cancelled.is_set():
            self._loop.call_soon_threadsafe(self._tokens.put_nowait, token)


def check_gguf(path: Path) -> None:
    """Refuse what is plainly not a whole GGUF file, before llama.cpp maps it.

    Raises:
        LLMError: missing, empty, or without GGUF's magic number.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise LLMError(
            f"{path}: cannot read the model ({error.strerror}); run `duplex models pull`"
        ) from error
    if magic != _MAGIC:
        raise LLMError(f"{path}: not a GGUF model, or corrupted; run `duplex models verify`")


def _params(xllamacpp: Any, path: Path, slots: int, context: int, threads: int, debug: bool) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel = slots
    params.n_ctx = context * slots
    params.n_batch = params.n_ubatch = _PREFILL_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.n_gpu_layers = 0
    params.fit_params = False
    params.swa_full = True  # Gemma's sliding windows: without the full cache a prefix cannot be reused
    params.cache_ram_mib = 0  # slots are reserved by name: nothing to keep beside them
    params.cache_idle_slots = False
    params.n_ctx_checkpoints = 0
    params.ui = False
    params.verbosity = 3 if debug else -1
    return params


def _keep_private(params: Any, folder: Path) -> None:
    """Keep the library's HTTP server out of reach: it always listens, we call it directly.

    It binds a socket file in a private folder that is removed as soon as the model is loaded, so nothing can
    connect. Where there are no socket files it binds the loopback, on a free port. A random key guards both.
    """
    params.api_keys = [secrets.token_hex(16)]
    params.n_threads_http = 1
    if os.name == "posix":
        params.hostnames = [str(folder / "llm.sock")]


def _body(request: Request, slot: int, context: int) -> dict[str, Any]:
    if not 1 <= request.max_tokens <= context:
        raise LLMError(
            f"max_tokens is {request.max_tokens}; it must be between 1 and the context of {context}"
        )
    if not 0 <= request.top_logprobs <= _MAX_TOP:
        raise LLMError(f"top_logprobs is {request.top_logprobs}; it must be between 0 and {_MAX_TOP}")
    body: dict[str, Any] = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stop": list(request.stop),
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # a chunk for each prompt batch, so that a long prompt can be cancelled
        "cache_prompt": True,
        "id_slot": slot,
    }
    if isinstance(request.prompt, str):
        return body | {"prompt": request.prompt, "n_probs": request.top_logprobs}
    messages = [{"role": message.role, "content": message.content} for message in request.prompt]
    body |= {"messages": messages, "logprobs": request.top_logprobs > 0}
    return body | ({"top_logprobs": request.top_logprobs} if request.top_logprobs else {})


def _tokens(chunk: dict[str, Any], top: int) -> list[Token]:
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


def _usage(usage: dict[str, Any]) -> Usage:
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return Usage(usage.get("prompt_tokens", 0), cached, usage.get("completion_tokens", 0))


def _reason(error: Any, context: int) -> str:
    if isinstance(error, dict) and error.get("type") == "exceed_context_size_error":
        return (
            f"the prompt has {error.get('n_prompt_tokens')} tokens and the slot holds {context}; shorten it"
        )
    message = error.get("message", error) if isinstance(error, dict) else error
    return f"llama.cpp refused the request: {message}"
