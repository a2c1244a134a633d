"""How the parts of an agent file are written: closed to unknown keys, with short forms, relative to the file.

Every short form is declared once, on its part, and shows in the JSON Schema as well: an editor must not underline
what the loader takes. A component is its name or `name: {settings}`, the form that pydantic-ai uses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema

BASE = "folder"
"""Key of the validation context under which the file's own folder stands."""


class Section(BaseModel):
    """A part of the file: frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Short(Section):
    """A section whose most used key may stand for the whole: `turns: patient` is `turns: {profile: patient}`."""

    SHORT: ClassVar[str]
    """The key that a bare value stands for."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, data: Any) -> Any:
        return {cls.SHORT: data} if isinstance(data, str) else data

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return _also(handler(core), handler, lambda long: long["properties"][cls.SHORT])


class Component(Section):
    """One of several engines: `asr: whisper`, or `asr: {whisper: {final: whisper-base}}`. Each field is an engine."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {data: {}}
        if isinstance(data, dict):
            return {name: {} if settings is None else settings for name, settings in data.items()}
        return data

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"name exactly one, not {len(given)}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        def short(long: dict[str, Any]) -> dict[str, Any]:
            long.update(minProperties=1, maxProperties=1)
            return {"type": "string", "enum": cls.bare_names()}

        return _also(handler(core), handler, short)

    @classmethod
    def bare_names(cls) -> list[str]:
        """The engines that need no settings, as they are written."""
        return [
            field.alias or name
            for name, field in cls.model_fields.items()
            if (settings := section_in(field.annotation))
            and not any(key.is_required() for key in settings.model_fields.values())
        ]


def section_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a field of type `Section` or `Section | None` holds; None for plain values."""
    options = (annotation, *getattr(annotation, "__args__", ()))
    return next((kind for kind in options if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _also(schema: dict[str, Any], handler: GetJsonSchemaHandler, short: Any) -> dict[str, Any]:
    """Let the short form stand beside the long one, wherever the section is used."""
    place = handler.resolve_ref_schema(schema)
    long = dict(place)
    about = {key: long[key] for key in long if key in ("title", "description")}
    place.clear()
    place.update({**about, "anyOf": [short(long), long]})
    return schema


def _located(path: Path, info: ValidationInfo) -> Path:
    """The path, absolute; a relative one starts at the agent file's folder."""
    base: Path = (info.context or {}).get(BASE, Path())
    try:
        return (base / path.expanduser()).resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: `~name` of nobody
        raise ValueError(f"no usable path: {error}") from error


def _existing(path: Path, info: ValidationInfo, folder: bool) -> Path:
    full = _located(path, info)
    kind = "folder" if folder else "file"
    try:
        there = full.is_dir() if folder else full.is_file()
    except OSError as error:
        raise ValueError(f"no usable path: {error.strerror}") from error
    if not there:
        raise ValueError(f"no {kind} at {full}")
    return full


def _folder(path: Path, info: ValidationInfo) -> Path:
    return _existing(path, info, folder=True)


def _file(path: Path, info: ValidationInfo) -> Path:
    return _existing(path, info, folder=False)


Folder = Annotated[Path, AfterValidator(_folder)]
"""A folder that is there; absolute once validated."""
File = Annotated[Path, AfterValidator(_file)]
"""A file that is there; absolute once validated."""


def json_schema(section: type[Section]) -> dict[str, Any]:
    """The JSON Schema of a file that holds this section."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **section.model_json_schema()}
