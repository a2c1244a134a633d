"""A Python function as a tool: its arguments' schema from its type hints, its description from its docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from importlib import import_module
from typing import Any

import anyio
from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError, create_model
from pydantic_core import to_jsonable_python

from tools_rag.tools.parts import joined
from tools_rag.tools.types import (
    Effect,
    Part,
    Parts,
    Progress,
    Reply,
    ToolError,
    ToolSpec,
    no_parts,
    no_progress,
    reply_of,
)

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_RESERVED = frozenset({"progress", "key"})
"""Parameters that are given by us and not by the model."""


class FunctionTool:
    """Calls a function, on a thread unless it is a coroutine function.

    A parameter `progress` is given a function to tell how far it is, `key` the idempotency key. An async generator
    function gives its result in parts: texts, or a `Part` that replaces those before it.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str = "",
        description: str = "",
        effect: Effect = "read",
        confirm: bool = False,
        timeout: float = 10.0,
        say: str = "",
        answer: bool = False,
    ) -> None:
        """Raises ValueError if its parameters have no types that a schema can be made of."""
        self._function = function
        self._wants = _RESERVED & inspect.signature(function).parameters.keys()
        self._model = _arguments(function)
        doc = inspect.getdoc(function) or ""
        self.spec = ToolSpec(
            name or function.__name__,
            description or doc.partition("\n\n")[0].replace("\n", " "),
            self._model.model_json_schema(),
            effect,
            confirm,
            timeout,
            say,
            answer,
        )

    async def call(
        self,
        arguments: Mapping[str, Any],
        *,
        key: str = "",
        progress: Progress = no_progress,
        parts: Parts = no_parts,
    ) -> Reply:
        """See `Tool.call`. A function on a thread runs on to its end when it is cancelled; nobody waits for it."""
        try:
            checked = self._model.model_validate(dict(arguments))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise ToolError("arguments", f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        given = {name: getattr(checked, name) for name in type(checked).model_fields}
        ours: dict[str, Any] = {"progress": progress, "key": key}
        given |= {name: ours[name] for name in self._wants}
        try:
            with anyio.fail_after(self.spec.timeout):
                if inspect.isasyncgenfunction(self._function):
                    return reply_of(await joined(self._parts(given), parts))
                return reply_of(to_jsonable_python(await self._run(given)))
        except TimeoutError as error:
            raise ToolError("timeout", f"no answer within {self.spec.timeout:g} s") from error
        except ToolError:
            raise
        except Exception as error:
            raise ToolError("failed", f"{type(error).__name__}: {error}") from error

    async def _parts(self, given: Mapping[str, Any]) -> AsyncGenerator[Part, None]:
        async with aclosing(self._function(**given)) as made:
            async for each in made:
                if not isinstance(each, str | Part):
                    raise TypeError(f"it yields {type(each).__name__}, where a part is a text")
                yield Part(each) if isinstance(each, str) else each

    async def _run(self, given: Mapping[str, Any]) -> Any:
        if inspect.iscoroutinefunction(self._function):
            call: Awaitable[Any] = self._function(**given)
            return await call
        return await anyio.to_thread.run_sync(lambda: self._function(**given), abandon_on_cancel=True)


def load_function(path: str) -> Callable[..., Any]:
    """The function that `package.module:name` names.

    Raises:
        ValueError: it is not of that form, cannot be imported or is no function.
    """
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} is not of the form package.module:function")
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from error
    if not callable(found):
        raise ValueError(f"{path} is no function")
    return found  # type: ignore[no-any-return]


def _arguments(function: Callable[..., Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, each in inspect.signature(function, eval_str=True).parameters.items():
        if name in _RESERVED:
            continue
        if each.annotation is each.empty or each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            raise ValueError(f"{function.__name__}: the parameter {name} has no type")
        fields[name] = (each.annotation, ... if each.default is each.empty else each.default)
    try:
        return create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
    except PydanticUserError as error:
        raise ValueError(f"{function.__name__}: {error.message}") from error
