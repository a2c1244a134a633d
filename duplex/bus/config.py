"""The broker of a server: where it is, how to log in, what is told."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from duplex.agent.schema import Section
from duplex.bus.topics import PREFIX
from duplex.logs import hide

_HOST = r"^[A-Za-z0-9_.:-]{1,253}$"


class BusError(Exception):
    """The bus cannot be used; the text says what to do."""


class MqttSection(Section):
    """An MQTT broker.

    Attributes:
        host, port: where it is; 8883 is usual with `tls`.
        tls: verify the broker's certificate and encrypt.
        ca_file: certificates to trust beside the system's; needs `tls`.
        username_env, password_env: environment variables with the login.
        prefix: what all topics begin with.
        transcripts: also tell what callers and agents say, and what tools are given and give.
        buffer: messages kept while the broker is away; the oldest go.
        control: take control messages. Who may write to the control topics can make an agent say anything.
    """

    host: Annotated[str, Field(pattern=_HOST)]
    port: int = Field(default=1883, ge=1, le=65_535)
    tls: bool = False
    ca_file: Path | None = None
    username_env: str | None = None
    password_env: str | None = None
    prefix: Annotated[str, Field(pattern=f"^{PREFIX}$")] = "duplex"
    transcripts: bool = False
    buffer: int = Field(default=1_000, ge=10, le=100_000)
    control: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.ca_file is not None and not self.tls:
            raise ValueError("ca_file needs tls: true")
        if (self.username_env is None) != (self.password_env is None):
            raise ValueError("name both username_env and password_env, or neither")
        return self

    def resolve(self, environment: Mapping[str, str] | None = None) -> Broker:
        """The broker with its secrets, which are kept out of the log from now on.

        Raises:
            BusError: the environment lacks one, or the certificates cannot be read.
        """
        environment = os.environ if environment is None else environment
        names = (self.username_env, self.password_env)
        missing = [name for name in names if name and not environment.get(name)]
        if missing:
            raise BusError(
                f"the environment variable {missing[0]} is not set; the broker {self.host} needs it"
            )
        user, password = (environment[name] if name else None for name in names)
        hide([password] if password else [])
        return Broker(self, user, password, self._context())

    def _context(self) -> ssl.SSLContext | None:
        if not self.tls:
            return None
        context = ssl.create_default_context()
        if self.ca_file is not None:
            try:
                context.load_verify_locations(self.ca_file)
            except (OSError, ssl.SSLError) as error:
                raise BusError(f"{self.ca_file}: no certificates can be read there: {error}") from error
        return context


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker with what is needed to log in."""

    settings: MqttSection
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
