"""A real local model in the lanes: what virtual time charges for it, and who goes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path

import anyio
import numpy as np
import pytest

from duplex.graph import Lanes, Priority, run_virtual
from duplex.graph.virtual import Mode
from duplex.llm import Request
from duplex.llm.llamacpp import LlamaCpp
from duplex.nodes.thinking import LocalLLM, embed_in

pytestmark = pytest.mark.models
ANSWER = Request("Once upon a time there was a", 12, slot="answer")
JUDGE = Request("User: How deep is", 1, slot="end", top_logprobs=50)
EARLY = Request("Once upon", 1, slot="answer", early=True)
LONG = Request("The quick brown fox jumps over the lazy dog. " * 30, 2, slot="answer")
COSTS = {"llm.answer": 0.5, "llm.end": 0.25, "llm.early": 4.0}


@pytest.fixture(scope="module")
def model(model_path: Callable[[str], Path]) -> Iterator[LlamaCpp]:
    llm = LlamaCpp(next(model_path("smollm2-135m").glob("*.gguf")), slots=("end", "answer"))
    llm.load()
    yield llm
    llm.close()


Times = list[tuple[str, float]]


async def read(llm: LocalLLM, request: Request, enough: int = 1000) -> Times:
    """The tokens and when each came."""
    got: Times = []
    async with aclosing(llm.stream(request)) as tokens:
        async for token in tokens:
            got.append((token.text, anyio.current_time()))
            if len(got) == enough:
                break
    return got


def virtual(
    model: LlamaCpp, main: Callable[[LocalLLM], Awaitable[Times]], mode: Mode = "fixed", workers: int = 2
) -> Times:
    async def run() -> Times:
        async with Lanes() as lanes:
            return await main(LocalLLM(model, lanes))

    return run_virtual(run, compute=mode, costs=COSTS if mode == "fixed" else None, workers=workers)


def test_every_token_is_charged(model: LlamaCpp) -> None:
    async def answer(llm: LocalLLM) -> Times:
        return await read(llm, ANSWER)

    text = "".join(token for token, _ in virtual(model, answer, "zero"))
    assert len(text.split()) >= 6
    for mode in ("measured", "fixed", "zero"):
        came = virtual(model, answer, mode)
        times = [at for _, at in came]
        assert "".join(token for token, _ in came) == text
        assert times == sorted(times)
        match mode:
            case "fixed":
                assert times == [0.5 * n for n in range(1, len(times) + 1)]
            case "zero":
                assert times[-1] == 0
            case _:
                assert times[-1] > 0.001 * len(times), "no machine is that fast"


def test_a_judgement_waits_for_one_token_and_not_for_the_answer(model: LlamaCpp) -> None:
    async def both(llm: LocalLLM) -> Times:
        judged: Times = []

        async def judge() -> None:
            await anyio.sleep(1.75)
            judged.extend(await read(llm, JUDGE))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(judge)
            came = await read(llm, ANSWER)
        return [*judged, *came]

    (_, judged), *came = virtual(model, both)  # one heavy worker
    assert judged == 2.25, "asked in the middle of the fourth token"
    assert [at for _, at in came][3:5] == [2.0, 2.75]
    (_, judged), *came = virtual(model, both, workers=3)
    assert judged == 2.0
    assert [at for _, at in came][3:5] == [2.0, 2.5], "side by side"


def test_what_is_read_in_advance_gives_way_between_two_parts_of_it(model: LlamaCpp) -> None:
    """A prompt of several batches: the judgement comes after the first of them."""

    async def both(llm: LocalLLM) -> Times:
        judged: Times = []

        async def judge() -> None:
            await anyio.sleep(0.5)
            judged.extend(await read(llm, JUDGE))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(judge)
            came = await read(llm, Request(LONG.prompt, 1, slot="answer", early=True))
        return [*judged, *came]

    (_, judged), (_, read_at) = virtual(model, both)
    assert judged == 4.25
    assert read_at > 8.25, "several parts, each charged"


def test_without_free_cores_what_is_read_in_advance_ends_for_an_answer(model: LlamaCpp) -> None:
    """It holds the slot, and with one worker that has other work it would hold it for long."""

    async def both(llm: LocalLLM, busy: bool) -> Times:
        first: Times = []

        async def answer() -> None:
            await anyio.sleep(0.5)
            if busy:
                tasks.start_soon(partial(llm._lanes.heavy, Priority.PARTIAL, int, name="llm.end"))
                await anyio.sleep(0.25)
            first.extend(await read(llm, ANSWER, 1))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(answer)
            sentence = "Two cooks had five pots. " if busy else "Four pots had one cook. "
            read_ahead = await read(llm, Request(sentence * 60, 1, slot="answer", early=True))
        return [*first, *read_ahead]

    (_, answered), (_, read_at) = virtual(model, partial(both, busy=False))
    assert answered > read_at > 8, "there was time for both"
    ((_, answered),) = virtual(model, partial(both, busy=True))
    assert answered == 4.5, "after the part that was being read"


def test_an_answer_that_is_dropped_frees_its_slot_and_its_worker(model: LlamaCpp) -> None:
    async def main(llm: LocalLLM) -> Times:
        with anyio.move_on_after(1.25):
            await read(llm, ANSWER)
        assert anyio.current_time() == 1.25
        return await read(llm, ANSWER, enough=2)

    times = [at for _, at in virtual(model, main)]
    assert times == [2.0, 2.5], "the token that was being made is paid for, the rest is not"


def test_in_real_time_a_judgement_comes_in_the_middle_of_an_answer(model: LlamaCpp) -> None:
    async def main() -> tuple[Times, Times]:
        judged: Times = []
        async with Lanes(heavy_workers=1) as lanes:
            llm = LocalLLM(model, lanes)

            async def judge() -> None:
                judged.extend(await read(llm, JUDGE))

            came: Times = []
            async with (
                anyio.create_task_group() as tasks,
                aclosing(llm.stream(Request("One", 200))) as tokens,
            ):
                async for token in tokens:
                    came.append((token.text, anyio.current_time()))
                    if len(came) == 3:
                        tasks.start_soon(judge)
            statistics = lanes.statistics()
        assert statistics["llm.end"].n == 1
        assert statistics["llm.any"].n >= len(came)
        return judged, came

    judged, came = anyio.run(main)
    assert judged[0][1] < came[-1][1]


def test_embeddings_are_charged_by_how_urgent_they_are() -> None:
    async def main() -> list[float]:
        async with Lanes() as lanes:
            embed = embed_in(lanes, lambda texts: np.ones((len(texts), 2), np.float32))
            assert (await embed(["a", "b"], True)).shape == (2, 2)
            early = anyio.current_time()
            await embed(["a"], False)
            return [early, anyio.current_time() - early]

    assert run_virtual(main, compute="fixed", costs={"embed.early": 2.0, "embed": 1.0}) == [2.0, 1.0]
