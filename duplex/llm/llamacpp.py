"""A local model through llama.cpp, in this process, with a cache slot reserved for each user of it.

Why slots: the small model both judges whether a turn is over (a few words appended, many times) and writes
the answers (a long prompt, once). In one cache they would evict each other's prefix and pay for the whole
prompt each time; with a slot each, only what is new is computed (`id_slot` of llama.cpp's server).
"""

from __future__ import annotations

import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from duplex.llm import llamacpp_wire as wire
from duplex.llm.types import LLMError, Request, Token

_MAGIC = b"GGUF"
_PREFILL_TOKENS = 64  # a request can be cancelled between prompt batches of this size


class LlamaCpp:
    """A GGUF model on the CPU. Shared by all sessions; one request at a time in each slot.

    Nothing here waits on an event loop: whoever has one takes the tokens in a thread (`duplex.nodes.thinking`).

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
        self.slots: dict[str | None, int] = {name: i for i, name in enumerate(slots)} | {None: len(slots)}
        self._threads = threads
        self._debug = debug
        self._server: Any = None
        self._open = threading.Lock()  # held while it is loaded, closed or given work
        self._pool = ThreadPoolExecutor(len(self.slots), thread_name_prefix="llama")
        self._closed = False
        self.usage: dict[str | None, wire.Usage] = {}

    def load(self) -> None:
        """Load the model; at once if it is loaded.

        Raises:
            LLMError: the file is missing, corrupted or of a kind that llama.cpp does not know, or was closed.
        """
        with self._open:
            self._ensure()

    def start(self, run: Callable[[Any], None]) -> Future[None]:
        """Call `run(server)` in a thread, for `Generation`. Loads the model first, as `load` does."""
        with self._open:
            return self._pool.submit(run, self._ensure())

    def _ensure(self) -> Any:
        if self._closed:
            raise LLMError(f"{self.path.name}: the model was closed; load it anew")
        if self._server is None:
            self._server = self._load()
        return self._server

    def _load(self) -> Any:
        check_gguf(self.path)
        try:
            import xllamacpp
        except ImportError as error:
            raise LLMError(
                f"local models need llama.cpp: pip install 'duplex-voice[local]' ({error})"
            ) from error
        with tempfile.TemporaryDirectory(prefix="duplex-") as folder:
            params = _params(xllamacpp, self.path, len(self.slots), self.context, self._threads, self._debug)
            _keep_private(params, Path(folder))
            try:
                return xllamacpp.Server(params)
            except (RuntimeError, MemoryError) as error:
                raise LLMError(
                    f"{self.path}: llama.cpp cannot load this model; run `duplex models verify`, "
                    f"and if the file is sound, free some memory ({error})"
                ) from error

    def generate(self, request: Request) -> Generation:
        """Its tokens, to be taken one by one. The first one loads the model.

        Raises:
            LLMError: the request cannot be met; while tokens are taken: the model failed.
        """
        if request.slot not in self.slots:
            known = ", ".join(str(name) for name in self.slots if name)
            raise LLMError(f"{self.path.name}: no slot named {request.slot!r}; the slots are: {known}")
        return Generation(self, request, wire.body(request, self.slots[request.slot], self.context))

    def close(self) -> None:
        """Release the model, after running requests have ended."""
        with self._open:
            self._closed = True
        self._pool.shutdown()
        self._server = None


class Generation(Iterator[Token | None]):
    """One request: llama.cpp fills it from a thread, and does not pause between tokens; whoever iterates takes them.

    None stands for a part of a long prompt that was read: the iterating thread may then turn to something else.
    """

    def __init__(self, llm: LlamaCpp, request: Request, body: dict[str, Any]) -> None:
        self._llm, self._request, self._body = llm, request, body
        # Bounded by construction: at most one item a token or prompt batch, both within the context, and the end.
        self._made: SimpleQueue[Token | _End | None] = SimpleQueue()
        self._cancelled = threading.Event()
        self._error: str | None = None
        self._work: Future[None] | None = None
        self._over = False

    def __next__(self) -> Token | None:
        """Wait for the next token, or part of the prompt.

        Raises:
            LLMError: the model failed; the text says what to do.
        """
        if self._over:
            raise StopIteration
        if self._work is None:
            self._work = self._llm.start(self._run)
        item = self._made.get()
        if not isinstance(item, _End):
            return item
        self._over = True
        self._work.result()  # raises what the library raised
        if self._error is not None:
            raise LLMError(f"{self._llm.path.name}: {self._error}")
        raise StopIteration

    def cancel(self) -> None:
        """End the model's work after the token, or the batch of the prompt, that it is computing. Any thread may."""
        self._cancelled.set()

    def close(self) -> None:
        """Cancel, and wait for the work to end."""
        self.cancel()
        self._over = True
        if self._work is not None:
            wait([self._work])

    def _run(self, server: Any) -> None:
        handle = server.handle_chat_completions if "messages" in self._body else server.handle_completions
        try:
            if not self._cancelled.is_set():
                handle(self._body, self._on_chunk)
        finally:
            self._made.put(_End())

    def _on_chunk(self, chunk: dict[str, Any]) -> bool:
        """Take a chunk from llama.cpp; True stops it."""
        if "error" in chunk:
            self._error = wire.reason(chunk["error"], self._llm.context)
            return True
        if chunk.get("usage"):
            self._llm.usage[self._request.slot] = wire.usage(chunk["usage"])
        if wire.reads_on(chunk.get("prompt_progress")):
            self._made.put(None)
        for token in wire.tokens(chunk, self._request.top_logprobs):
            self._made.put(token)
        return self._cancelled.is_set()


class _End:
    """No more tokens will come."""


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
