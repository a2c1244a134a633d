"""The OpenAI-compatible client against a real llama.cpp server process."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from duplex.llm import LLMError, Message, Request, Token
from duplex.llm.openai import OpenAI


@pytest.fixture(scope="module")
def address(model_path: Callable[[str], Path]) -> Iterator[str]:
    gguf = next(model_path("smollm2-135m").glob("*.gguf"))
    script = Path(__file__).with_name("llm_http_server.py")
    with subprocess.Popen(
        [sys.executable, str(script), str(gguf)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        assert line.startswith("http"), "the server did not start"
        yield line + "/v1"
        process.terminate()


@pytest.fixture
def remote(address: str, monkeypatch: pytest.MonkeyPatch) -> OpenAI:
    monkeypatch.setenv("TEST_LLM_KEY", "right-key")
    return OpenAI("smollm2", base_url=address, key_env="TEST_LLM_KEY", max_top=50)


async def collect(llm: OpenAI, request: Request) -> list[Token]:
    return [token async for token in llm.stream(request)]


CHAT = (Message("system", "Be brief."), Message("user", "What is the capital of France?"))


@pytest.mark.models
def test_both_apis_stream_text_and_log_probabilities(remote: OpenAI) -> None:
    async def main() -> None:
        plain = await collect(remote, Request("The capital of France is", max_tokens=4))
        assert len(plain) > 1
        assert "Paris" in "".join(token.text for token in plain)
        chat = await collect(remote, Request(CHAT, max_tokens=12, top_logprobs=5))
        assert "Paris" in "".join(token.text for token in chat)
        for tokens in (chat, await collect(remote, Request("Two and two", max_tokens=2, top_logprobs=30))):
            assert tokens[0].logprob is not None
            assert len(tokens[0].top) >= 5
            assert tokens[0].top[0][1] >= tokens[0].top[-1][1]
        await remote.aclose()

    asyncio.run(main())


@pytest.mark.models
def test_closing_the_stream_stops_the_server(remote: OpenAI) -> None:
    async def main() -> None:
        stream = remote.stream(Request("Once upon a time", max_tokens=1500))
        await anext(stream)
        await stream.aclose()
        start = time.perf_counter()  # the one slot is free at once, or this would wait some ten seconds
        await collect(remote, Request("Hello", max_tokens=1))
        assert time.perf_counter() - start < 3
        await remote.aclose()

    asyncio.run(main())


@pytest.mark.models
def test_a_wrong_key_is_named_by_its_variable_only(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_LLM_KEY", "wrong-key")
    llm = OpenAI("smollm2", base_url=address, key_env="TEST_LLM_KEY")

    async def main() -> None:
        with pytest.raises(LLMError, match="TEST_LLM_KEY") as caught:
            await collect(llm, Request(CHAT, max_tokens=1))
        assert "wrong-key" not in str(caught.value)
        await llm.aclose()

    asyncio.run(main())


def test_a_missing_key_says_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_LLM_KEY", raising=False)
    llm = OpenAI("any", base_url="http://127.0.0.1:9/v1", key_env="TEST_LLM_KEY")
    with pytest.raises(LLMError, match="set the environment variable TEST_LLM_KEY"):
        asyncio.run(collect(llm, Request("x", max_tokens=1)))


def test_no_server_and_a_silent_server_are_told_apart() -> None:
    async def main() -> None:
        refused = OpenAI("m", base_url="http://127.0.0.1:9/v1", key_env=None, retries=0)
        with pytest.raises(LLMError, match="cannot connect"):
            await collect(refused, Request("x", max_tokens=1))
        await refused.aclose()
        with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, never answers
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
            slow = OpenAI("m", base_url=url, key_env=None, timeout=0.3, retries=0)
            with pytest.raises(LLMError, match=r"no answer in 0\.3 s"):
                await collect(slow, Request("x", max_tokens=1))
            await slow.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("bad", [{"base_url": "ftp://x"}, {"timeout": 0}, {"retries": 99}])
def test_bad_settings_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        OpenAI("m", **bad)  # type: ignore[arg-type]
