"""The server's configuration: a YAML file, in which no secret stands; those come from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from duplex.agent.faults import describe, from_source, from_validation
from duplex.agent.schema import Section
from duplex.agent.source import SourceError, parse, read_text
from duplex.bus.config import MqttSection
from duplex.logs import hide
from duplex.transport.webrtc.ice import Ice, Turn

_HOST = r"(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+"
_STUN = re.compile(rf"stun:{_HOST}(:\d{{1,5}})?")
_TURN = re.compile(rf"turns?:{_HOST}(:\d{{1,5}})?(\?transport=(udp|tcp))?")
_ORIGIN = re.compile(rf"https?://{_HOST}(:\d{{1,5}})?")


class ServerConfigError(Exception):
    """The server cannot be configured so; the text has a line for each fault."""


def _stun(url: str) -> str:
    if not _STUN.fullmatch(url):
        raise ValueError("expected stun:host or stun:host:port")
    return url


def _turn(url: str) -> str:
    if not _TURN.fullmatch(url) or (url.startswith("turns:") and url.endswith("=udp")):
        raise ValueError("expected turn:host:port?transport=udp (or tcp), or turns:host:port")
    return url


def _origin(origin: str) -> str:
    if origin != "*" and not _ORIGIN.fullmatch(origin):
        raise ValueError("expected https://host, with the port if it is unusual, or *")
    return origin


class TurnSection(Section):
    """A TURN server, for this server and, with a secret, for its callers.

    Attributes:
        url: `turn:host:3478?transport=udp`; aioice uses one.
        username_env, password_env: environment variables with a long-term user. It is given to nobody.
        secret_env: the variable with coturn's `static-auth-secret`, from which credentials are made that expire;
            callers are given such credentials too.
    """

    url: Annotated[str, AfterValidator(_turn)]
    username_env: str | None = None
    password_env: str | None = None
    secret_env: str | None = None

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        user = (self.username_env is not None, self.password_env is not None)
        if user not in ((True, True), (False, False)) or user[0] == (self.secret_env is not None):
            raise ValueError("name secret_env, or both username_env and password_env")
        return self

    def resolve(self, environment: Mapping[str, str]) -> Turn:
        """The server with its secrets, which are kept out of the log from now on. Raises ServerConfigError."""
        names = (self.username_env, self.password_env, self.secret_env)
        missing = [name for name in names if name and not environment.get(name)]
        if missing:
            raise ServerConfigError(f"the environment variable {missing[0]} is not set; {self.url} needs it")
        user, password, secret = (environment[name] if name else "" for name in names)
        hide([password, secret])
        return Turn(self.url, user, password, secret)


class IceSection(Section):
    """How connections are sought; see `duplex.transport.webrtc.ice.Ice`."""

    loopback: bool = False
    relay_only: bool = False
    stun: Annotated[str, AfterValidator(_stun)] | None = None
    turn: TurnSection | None = None

    @model_validator(mode="after")
    def _can_relay(self) -> Self:
        if self.relay_only and self.turn is None:
            raise ValueError("relay_only needs turn")
        return self

    def resolve(self, environment: Mapping[str, str]) -> Ice:
        """With its secrets. Raises ServerConfigError if the environment lacks one."""
        turn = self.turn.resolve(environment) if self.turn else None
        return Ice(self.loopback, self.relay_only, self.stun, turn)


class ServerConfig(Section):
    """What a server is run with.

    Attributes:
        max_sessions: calls at a time.
        origins: other sites whose pages may call, such as `https://example.org`; `*` for all.
        connect_seconds: how long a caller has to get through.
        reconnect_seconds: how long a session waits for a caller who was cut off.
        drain_seconds: how long calls may go on after SIGTERM or Ctrl-C.
        ice: how connections are sought.
        mqtt: a broker on which sessions are told of and controlled; none without it.
    """

    max_sessions: int = Field(default=4, ge=1, le=1_000)
    origins: list[Annotated[str, AfterValidator(_origin)]] = Field(default=[], max_length=100)
    connect_seconds: float = Field(default=30, gt=0, le=300)
    reconnect_seconds: float = Field(default=30, ge=0, le=3_600)
    drain_seconds: float = Field(default=20, ge=0, le=3_600)
    ice: IceSection = IceSection()
    mqtt: MqttSection | None = None


def load_config(
    file: Path | None = None,
    *,
    max_sessions: int | None = None,
    origins: list[str] | None = None,
    loopback: bool | None = None,
) -> ServerConfig:
    """The configuration in a file, or the default one; what is given beside it goes before it.

    Raises ServerConfigError with every fault, a line each.
    """
    config = ServerConfig() if file is None else _read(file)
    given = {"max_sessions": max_sessions, "origins": origins}
    data = config.model_dump() | {key: value for key, value in given.items() if value is not None}
    if loopback is not None:
        data["ice"]["loopback"] = loopback
    try:
        return ServerConfig.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ServerConfigError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _read(file: Path) -> ServerConfig:
    try:
        data, lines = parse(read_text(file))
    except SourceError as error:
        raise ServerConfigError(describe(file, from_source(error))) from error
    try:
        return ServerConfig.model_validate(data)
    except ValidationError as error:
        faults = from_validation(error, lines, ServerConfig)
        raise ServerConfigError("\n".join(describe(file, fault) for fault in faults)) from error


def resolve_ice(config: ServerConfig) -> Ice:
    """How connections are sought, with the secrets from the environment. Raises ServerConfigError."""
    return config.ice.resolve(os.environ)
