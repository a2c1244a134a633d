"""Tools that somebody else carries out: told, answered once, given up. Time is virtual."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from duplex.graph import run_virtual
from tools_rag.tools.remote import MAX_OPEN, NoSuchCall, RemoteCalls, RemoteTool, Told, current_calls
from tools_rag.tools.types import MAX_TEXT, Reply, ToolError, ToolSpec

SCHEMA = {"type": "object", "properties": {"door": {"enum": ["front", "back"]}}, "required": ["door"]}
SPEC = ToolSpec("open_door", "Open a door.", SCHEMA, "write", timeout=2.0)


class House:
    """Notes what it is told, and does with each call what the test says."""

    def __init__(self, does: Callable[[RemoteCalls, Told], Any] = lambda calls, told: None) -> None:
        self.calls = RemoteCalls()
        self.told: list[Told] = []
        self._does = does
        self.calls.listen(self._on)

    def _on(self, told: Told) -> bool:
        self.told.append(told)
        self._does(self.calls, told)
        return True


def use(house: House, arguments: dict[str, Any] | None = None, progress: Any = lambda words: None) -> Reply:
    async def main() -> Reply:
        current_calls.set(house.calls)
        given = {"door": "front"} if arguments is None else arguments
        return await RemoteTool(SPEC).call(given, key="s1-1", progress=progress)

    return run_virtual(main)


def test_a_call_is_told_and_its_result_is_the_reply() -> None:
    words: list[str] = []

    def does(calls: RemoteCalls, told: Told) -> None:
        calls.progress(told.call, "turning the key")
        calls.result(told.call, {"state": "open"})

    house = House(does)
    assert use(house, progress=words.append).data == {"state": "open"}
    assert house.told == [Told("open_door-1", "open_door", {"door": "front"}, "s1-1", 2.0)]
    assert words == ["turning the key"]


@pytest.mark.parametrize("again", ["result", "failed", "progress"])
@pytest.mark.parametrize("first", ["result", "failed"])
def test_a_result_is_taken_once(first: str, again: str) -> None:
    refused: list[str] = []

    def does(calls: RemoteCalls, told: Told) -> None:
        getattr(calls, first)(told.call, "one")
        with pytest.raises(NoSuchCall) as caught:
            getattr(calls, again)(told.call, "two")
        refused.append(str(caught.value))

    try:
        text = use(House(does)).text
    except ToolError as error:
        text = str(error)
    assert (text, len(refused)) == ("one", 1)


def test_a_call_that_nobody_answers_is_given_up_and_its_result_comes_too_late() -> None:
    house = House()
    with pytest.raises(ToolError) as late:
        use(house)
    assert late.value.kind == "timeout"
    assert [(told.call, told.given_up) for told in house.told] == [
        ("open_door-1", False),
        ("open_door-1", True),
    ]
    with pytest.raises(NoSuchCall, match="open_door-1"):
        house.calls.result("open_door-1", "open")


def test_whoever_is_cancelled_gives_its_call_up() -> None:
    house = House()

    async def main() -> None:
        current_calls.set(house.calls)
        with anyio.move_on_after(0.5):
            await RemoteTool(SPEC).call({"door": "back"})

    run_virtual(main)
    assert house.told[-1].given_up


def test_wrong_arguments_are_told_nobody() -> None:
    house = House()
    with pytest.raises(ToolError) as wrong:
        use(house, {"door": "the third from the left"})
    assert (wrong.value.kind, house.told) == ("arguments", [])


def test_without_a_session_or_somebody_to_tell_nothing_is_waited_for() -> None:
    async def main() -> list[str]:
        kinds = []
        for calls in (None, RemoteCalls()):
            current_calls.set(calls)
            with pytest.raises(ToolError) as alone:
                await RemoteTool(SPEC).call({"door": "front"})
            kinds.append(alone.value.kind)
        assert anyio.current_time() == 0
        return kinds

    assert run_virtual(main) == ["failed", "failed"]


def test_what_is_kept_is_bounded() -> None:
    def does(calls: RemoteCalls, told: Told) -> None:
        calls.result(told.call, "x" * 16_000)

    assert len(use(House(does)).text) == MAX_TEXT
    house = House()

    async def main() -> None:
        current_calls.set(house.calls)
        async with anyio.create_task_group() as tasks:

            async def one() -> None:
                with anyio.move_on_after(1):
                    await RemoteTool(SPEC).call({"door": "front"})

            for _ in range(MAX_OPEN):
                tasks.start_soon(one)
            await anyio.sleep(0.1)
            with pytest.raises(ToolError, match="are open"):
                await RemoteTool(SPEC).call({"door": "front"})

    run_virtual(main)
    assert len([told for told in house.told if not told.given_up]) == MAX_OPEN
