"""llama.cpp in process: streaming, cancellation, cache slots, and what happens with bad files and requests."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from duplex.graph import Lanes
from duplex.llm import LLMError, Message, Request, Token
from duplex.llm.llamacpp import LlamaCpp
from duplex.nodes.thinking import LocalLLM

pytestmark = pytest.mark.models
STORY = "The quick brown fox jumps over the lazy dog and then it walks home through the dark wood. " * 16


@pytest.fixture(scope="module")
def gguf(model_path: Callable[[str], Path]) -> Path:
    return next(model_path("smollm2-135m").glob("*.gguf"))


@asynccontextmanager
async def loaded(path: Path, *slots: str) -> AsyncIterator[LocalLLM]:
    async with Lanes() as lanes:
        llm = LocalLLM(LlamaCpp(path, slots=slots), lanes)
        try:
            llm.model.load()
            yield llm
        finally:
            await llm.aclose()


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(main())


async def text(llm: LocalLLM, request: Request) -> str:
    return "".join([token.text async for token in llm.stream(request)])


def listening() -> set[str]:
    """This process's listening TCP sockets, by inode."""
    mine = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            mine.add(os.readlink(f"/proc/self/fd/{fd}").removeprefix("socket:[").removesuffix("]"))
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
    rows = [row.split() for row in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == "0A" and row[9] in mine}


def test_it_streams_stops_and_gives_log_probabilities(gguf: Path) -> None:
    async def main() -> None:
        before = listening()
        async with loaded(gguf, "a") as llm:
            assert listening() == before  # no TCP port
            tokens = [t async for t in llm.stream(Request("The capital of France is", 6, top_logprobs=60))]
            assert "".join(t.text for t in tokens).startswith(" Paris")
            first: Token = tokens[0]
            assert len(first.top) == 60
            assert first.top[0] == (" Paris", first.logprob)
            assert sorted((p for _, p in first.top), reverse=True) == [p for _, p in first.top]
            counted = await text(llm, Request("One, two, three, four,", 20, stop=(" six",)))
            assert counted.strip() == "five,"
            chat = (Message("system", "Be brief."), Message("user", "What is the capital of France?"))
            assert "Paris" in await text(llm, Request(chat, 12, slot="a"))
            again = [await text(llm, Request("Once upon a time", 12)) for _ in range(2)]
            assert again[0] == again[1]  # temperature 0

    run(main)


def test_each_slot_keeps_its_prefix_while_the_other_works(gguf: Path) -> None:
    async def main() -> None:
        async with loaded(gguf, "end", "answer") as llm:
            await text(llm, Request(STORY, 1, slot="answer"))
            whole = llm.model.usage["answer"]
            for words in ("How", "How deep", "How deep is", "How deep is the"):
                await text(llm, Request(f"User: {words}", 1, slot="end"))
            assert llm.model.usage["end"].prompt_tokens - llm.model.usage["end"].cached_tokens <= 2
            await text(llm, Request(STORY + "And", 1, slot="answer"))
            assert whole.cached_tokens <= 1
            assert llm.model.usage["answer"].cached_tokens >= whole.prompt_tokens - 2

    run(main)


async def is_idle() -> None:
    """Wait until this process computes nothing for 0.2 s."""
    cpu = -1.0
    while time.process_time() - cpu >= 0.1:
        cpu = time.process_time()
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("tokens_first", [0, 3], ids=["in the prompt", "in the answer"])
def test_cancelling_stops_the_work(gguf: Path, tokens_first: int) -> None:
    async def main() -> None:
        async with loaded(gguf, "a") as llm:
            seen, reached = 0, asyncio.Event()

            async def read() -> None:
                nonlocal seen
                async for _ in llm.stream(Request(STORY if tokens_first == 0 else "Once", 600, slot="a")):
                    seen += 1
                    if seen == tokens_first:
                        reached.set()

            task = asyncio.create_task(read())
            await (reached.wait() if tokens_first else asyncio.sleep(0.1))
            task.cancel()
            start = time.perf_counter()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.perf_counter() - start < 1.0  # the whole would take five seconds
            await is_idle()
            assert time.perf_counter() - start < 2.0  # a batch of the prompt was running, and no other began
            assert seen <= tokens_first + 2
            await text(llm, Request("Hi", 1, slot="a"))  # the slot is free

    run(main)


def test_requests_in_one_slot_wait_for_each_other_and_in_two_run_together(gguf: Path) -> None:
    async def main() -> None:
        async with loaded(gguf, "a", "b") as llm:
            asked = [Request(f"The number {n} is", 8, slot=slot) for n in "123" for slot in ("a", "b", None)]
            one_by_one = [await text(llm, request) for request in asked]
            assert await asyncio.gather(*(text(llm, request) for request in asked)) is not None
            assert [await text(llm, request) for request in asked] == one_by_one

    run(main)


def test_the_loop_stays_free_while_the_model_works(gguf: Path) -> None:
    async def main() -> None:
        async with loaded(gguf, "a") as llm:
            worst, done = 0.0, asyncio.create_task(text(llm, Request(STORY, 30, slot="a")))
            while not done.done():
                start = time.perf_counter()
                await asyncio.sleep(0.005)
                worst = max(worst, time.perf_counter() - start - 0.005)
            assert worst < 0.1

    run(main)


def test_bad_requests_are_explained(gguf: Path) -> None:
    async def main() -> None:
        async with loaded(gguf, "a") as llm:
            bad = {
                "no slot named 'b'; the slots are: a": Request("x", slot="b"),
                "tokens and the slot holds 1024; shorten it": Request("word " * 3000, 4),
                "between 1 and the context of 1024": Request("x", 5000),
                "top_logprobs is -1": Request("x", 1, top_logprobs=-1),
            }
            for reason, request in bad.items():
                with pytest.raises(LLMError, match=reason):
                    await text(llm, request)
            assert await text(llm, Request("Still", 1, slot="a"))  # the model goes on
            await llm.aclose()
            with pytest.raises(LLMError, match="was closed"):
                await text(llm, Request("x", 1))

    run(main)


@pytest.mark.parametrize("damage", ["missing", "empty", "magic", "half", "header"])
def test_a_damaged_file_is_one_clear_error(gguf: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "model.gguf"
    with gguf.open("rb") as file:
        head = bytearray(file.read(4_000_000))
    match damage:
        case "empty":
            head.clear()
        case "magic":
            head[:4] = b"ZZZZ"
        case "header":
            head[8:200] = bytes(255 - b for b in head[8:200])
    if damage != "missing":
        path.write_bytes(head)

    with pytest.raises(LLMError, match=r"model\.gguf.*duplex models (verify|pull)") as caught:
        LlamaCpp(path).load()
    assert "\n" not in str(caught.value)


def test_settings_are_checked() -> None:
    bad: dict[str, Any]
    for bad in ({"slots": ("a", "a")}, {"threads": 0}, {"context": 5}):
        with pytest.raises(ValueError, match="must"):
            LlamaCpp("x.gguf", **bad)
