"""Python functions as tools, and the repair of arguments."""

from __future__ import annotations

import time
from typing import Any, Literal

import anyio
import pytest

from tools_rag.tools.arguments import check_schema, missing, repaired
from tools_rag.tools.functions import FunctionTool, load_function
from tools_rag.tools.types import Reply, ToolError


def brew(drink: Literal["latte", "mocha"], shots: int = 1, *, key: str = "") -> dict[str, Any]:
    """Brew a coffee.

    More that is not for models.
    """
    return {"drink": drink, "shots": shots, "key": key}


async def count(to: int, progress: Any) -> str:
    """Count."""
    for n in range(to):
        progress(f"{n}")
    return "counted"


def sleep(seconds: float) -> str:
    """Sleep."""
    time.sleep(seconds)
    return "slept"


def broken() -> str:
    """Breaks."""
    raise KeyError("nothing there")


def call(tool: FunctionTool, told: list[str] | None = None, **arguments: Any) -> Reply:
    async def main() -> Reply:
        return await tool.call(arguments, key="k", progress=[].append if told is None else told.append)

    return anyio.run(main)


def test_the_schema_comes_from_the_hints_and_the_text_from_the_docstring() -> None:
    spec = FunctionTool(brew, effect="write").spec
    assert (spec.name, spec.description) == ("brew", "Brew a coffee.")
    assert spec.parameters["properties"]["drink"]["enum"] == ["latte", "mocha"]
    assert spec.parameters["required"] == ["drink"]
    assert "key" not in spec.parameters["properties"]


def test_it_is_called_with_checked_arguments_and_the_key() -> None:
    assert call(FunctionTool(brew), drink="mocha", shots="2").data == {
        "drink": "mocha",
        "shots": 2,
        "key": "k",
    }
    for wrong in ({"drink": "tea"}, {}, {"drink": "latte", "more": 1}):
        with pytest.raises(ToolError) as caught:
            call(FunctionTool(brew), **wrong)
        assert caught.value.kind == "arguments"


def test_a_coroutine_reports_progress() -> None:
    told: list[str] = []
    assert call(FunctionTool(count), told, to=3).text == "counted"
    assert told == ["0", "1", "2"]


def test_what_takes_too_long_or_breaks_is_a_tool_error() -> None:
    with pytest.raises(ToolError) as late:
        call(FunctionTool(sleep, timeout=0.1), seconds=1)
    assert late.value.kind == "timeout"
    with pytest.raises(ToolError) as wrong:
        call(FunctionTool(broken))
    assert (wrong.value.kind, "nothing there" in str(wrong.value)) == ("failed", True)


def untyped(x):  # type: ignore[no-untyped-def]
    """No hints."""
    return x


def test_a_function_without_types_and_a_path_that_leads_nowhere_are_refused() -> None:
    with pytest.raises(ValueError, match="x has no type"):
        FunctionTool(untyped)
    for path in ("os", "os:nothing", "no_such_module:f", "os:sep", "../x:f", "os:path:join"):
        with pytest.raises(ValueError, match=r"os|no_such_module|x:f"):
            load_function(path)


ORDER = {
    "type": "object",
    "properties": {
        "drink": {"enum": ["cappuccino", "flat white"]},
        "shots": {"type": "integer", "minimum": 1},
        "iced": {"type": "boolean"},
    },
    "required": ["drink"],
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"drink": "capuccino", "shots": "2"}, {"drink": "cappuccino", "shots": 2}),
        ({"drink": "Flat White", "iced": "yes"}, {"drink": "flat white", "iced": True}),
        ({"drink": "cappuccino", "unknown": 3, "iced": None}, {"drink": "cappuccino"}),
        ({"drink": "espresso"}, "'espresso' is not one of"),
        ({"drink": "cappuccino", "shots": 0}, "less than the minimum"),
        ({"drink": "cappuccino", "shots": "two and a half"}, "not of type"),
        ({}, "'drink' is a required property"),
    ],
)
def test_only_what_cannot_change_a_meaning_is_repaired(given: dict[str, Any], expected: Any) -> None:
    if not isinstance(expected, str):
        assert repaired(ORDER, given) == expected
        return
    with pytest.raises(ToolError, match=expected):
        repaired(ORDER, given)


def test_what_is_missing_is_named_in_order() -> None:
    assert missing({"required": ["b", "a"]}, {}) == ["b", "a"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "object", "properties": {"x": {"$ref": "http://evil.example/schema"}}},
        {"type": "object", "properties": {"x": {"type": "nonsense"}}},
        {"type": "object", "description": "x" * 40_000},
    ],
)
def test_schemas_that_are_none_are_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"schema|object"):
        check_schema(schema)
