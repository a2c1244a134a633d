"""Which addresses may be called: named hosts only, and nothing private behind a public name (SSRF).

The name is resolved here and the connection goes to the address that was checked, so that a name which resolves
differently a moment later (DNS rebinding) leads nowhere else. Redirects come here again.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

import anyio
import httpcore
import httpx

from tools_rag.tools.types import ToolError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not private, loopback, link-local, multicast or reserved."""
    found: IPAddress = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and (inner := found.ipv4_mapped or found.sixtofour):
        found = inner
    return found.is_global and not found.is_multicast


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to allowed hosts at public addresses, and to private ones only where that is allowed."""

    def __init__(self, hosts: Iterable[str], private: bool) -> None:
        self._hosts = {host.lower() for host in hosts}
        self._private = private
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check every address, connect to the first that answers."""
        if host.lower() not in self._hosts:
            raise ToolError("refused", f"{host} is not among the tool's hosts")
        for address in await self.addresses(host, port):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failed = error
        raise failed

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: object = None
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise ToolError("refused", "tools do not speak to local sockets")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Where a host leads; raises ToolError where none of it, or part of it, may be reached."""
        try:
            found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise ToolError("failed", f"{host} has no address: {error.strerror}") from error
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if not self._private and not all(map(is_public, addresses)):
            raise ToolError("refused", f"{host} leads to a private address; private: true allows it")
        return addresses


def guarded_client(hosts: Iterable[str], *, private: bool, timeout: float) -> httpx.AsyncClient:
    """An HTTP client that reaches these hosts alone. Proxies of the environment are not used."""
    transport = httpx.AsyncHTTPTransport(retries=0, trust_env=False)
    pool = transport._pool
    assert isinstance(pool, httpcore.AsyncConnectionPool)
    pool._network_backend = GuardedBackend(hosts, private)
    return httpx.AsyncClient(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)


async def check_host(url: str, private: bool) -> None:
    """Raises ToolError if the address is none, or leads to a private one where that is not allowed."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ToolError("refused", "the address begins with http:// or https://")
    await GuardedBackend([parts.hostname], private).addresses(parts.hostname, parts.port or 443)
