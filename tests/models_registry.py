"""A package registry and a model hub on localhost, real enough for pip, npm and the hub's client.

Wheels and tarballs are real archives; a request can be held halfway or cut, and every request is recorded.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def noise(count: int, seed: int = 0) -> bytes:
    """Bytes that do not compress, so that an archive is as large as its content."""
    return random.Random(seed).randbytes(count)


def make_wheel(name: str, version: str, members: dict[str, bytes]) -> bytes:
    """A wheel that pip accepts, with these members."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as wheel:
        for member, data in members.items():
            wheel.writestr(member, data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


def make_tarball(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    """An npm tarball; `links` are symbolic links, name to target."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tarball:
        for member, data in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tarball.addfile(info, io.BytesIO(data))
        for member, target in (links or {}).items():
            info = tarfile.TarInfo(member)
            info.type = tarfile.SYMTYPE
            info.linkname = target
            tarball.addfile(info)
    return buffer.getvalue()


class Registry:
    """What the server serves, and what it was asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, bytes] = {"/": b"hub"}
        self.requests: list[tuple[str, str, str | None]] = []
        #: Paths whose body stops halfway until `release` is set; `held` tells that one does.
        self.hold: set[str] = set()
        self.held = threading.Event()
        self.release = threading.Event()
        #: Paths whose next body is cut halfway.
        self.cut: set[str] = set()

    def count(self, path: str, method: str = "GET") -> int:
        return sum(1 for asked, where, _ in self.requests if (asked, where) == (method, path))

    def ranges(self, path: str) -> list[str]:
        return [wanted for _, where, wanted in self.requests if where == path and wanted]

    def add_wheel(self, name: str, members: dict[str, bytes], version: str = "1.0.0") -> dict[str, Any]:
        """Publish a wheel; returns its carrier entry for a manifest."""
        data = make_wheel(name, version, members)
        file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        self.files[f"/files/{file}"] = data
        self.files[f"/simple/{name}/"] = f'<a href="/files/{file}">{file}</a>'.encode()
        return {"pypi": name, "version": version, "sha256": sha256(data), "size": len(data)}

    def add_npm(self, name: str, data: bytes, version: str = "1.0.0") -> dict[str, Any]:
        """Publish an npm tarball; returns its carrier entry."""
        path = f"/{name}/-/{name}-{version}.tgz"
        dist = {"tarball": self.url + path, "shasum": hashlib.sha1(data).hexdigest()}
        entry = {"name": name, "version": version, "dist": dist}
        packument = {"name": name, "dist-tags": {"latest": version}, "versions": {version: entry}}
        self.files[path] = data
        self.files[f"/{name}"] = json.dumps(packument).encode()
        return {"npm": name, "version": version, "sha256": sha256(data), "size": len(data)}

    def add_hub(self, repo: str, path: str, data: bytes) -> str:
        """Put a file on the hub; returns its path on the server."""
        where = f"/{repo}/resolve/main/{path}"
        self.files[where] = data
        return where


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        registry = self.registry
        wanted = self.headers.get("Range")
        registry.requests.append((self.command, self.path, wanted))
        data = registry.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header(
            "Content-Type", "text/html" if self.path.endswith("/") else "application/octet-stream"
        )
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Accept-Ranges", "bytes")
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("ETag", f'"{sha256(data)}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if body:
            self._send(data[start:])

    def _send(self, data: bytes) -> None:
        registry, half = self.registry, len(data) // 2
        try:
            self.wfile.write(data[:half])
            self.wfile.flush()
            if self.path in registry.cut:
                registry.cut.discard(self.path)
                self.close_connection = True
                return
            if self.path in registry.hold:
                registry.held.set()
                registry.release.wait(60)
            self.wfile.write(data[half:])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client was killed: that is the test

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve() -> Iterator[Registry]:
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    registry = Registry(f"http://127.0.0.1:{server.server_address[1]}")
    handler.registry = registry  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        registry.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


def model(
    files: dict[str, tuple[bytes, list[str]]], carriers: dict[str, Any], **more: object
) -> dict[str, Any]:
    """A manifest entry: files are name to (content, parts)."""
    listed = {
        name: {"sha256": sha256(data), "size": len(data), **({"parts": parts} if parts else {})}
        for name, (data, parts) in files.items()
    }
    return {"purpose": "test", "licence": "MIT", "carriers": carriers, "files": listed, **more}


def write_manifest(path: Path, models: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump({"version": 1, "models": models}))
    return path
