"""A real HTTP server that answers OpenAI's /v1/audio/speech with a voice of ours, for the tests of its client."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tts import Synthesiser

KEY = "test-key-8d1f"


class Endpoint:
    """What the server does and what it was asked. The model's name in a request chooses a fault."""

    def __init__(self, voice: Synthesiser | None = None) -> None:
        self.voice = voice
        self.asked: list[dict[str, Any]] = []
        self.sent = 0
        self.app = Starlette(routes=[Route("/v1/audio/speech", self._speech, methods=["POST"])])

    async def _speech(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"message": "bad key"}}, 401)
        body = await request.json()
        self.asked.append(body)
        answers: dict[str, Response] = {
            "html": PlainTextResponse("<html>welcome</html>"),
            "wav": Response(b"RIFF....WAVEfmt ", media_type="audio/wav"),
            "nothing": Response(b"", media_type="audio/pcm"),
            "broken": JSONResponse({"error": {"message": f"stack trace with {KEY}"}}, 500),
            "busy": JSONResponse({"error": {"message": "quota"}}, 429),
            "missing": JSONResponse({"error": {"message": "no such model"}}, 404),
            "endless": StreamingResponse(self._endless(), media_type="audio/pcm"),
            "slow": StreamingResponse(self._slow(), media_type="audio/pcm"),
            "torn": StreamingResponse(iter([b"\x01" * 4_801, b"\x02" * 4_799]), media_type="audio/pcm"),
        }
        return answers.get(body["model"]) or StreamingResponse(
            self._say(body["input"]), media_type="audio/pcm"
        )

    def _say(self, text: str) -> Iterator[bytes]:
        assert self.voice is not None
        utterance = self.voice.stream()
        for step in (utterance.feed(text), utterance.finish()):
            for chunk in step:
                yield chunk.pcm.tobytes()

    def _endless(self) -> Iterator[bytes]:
        block = (np.sin(np.arange(24_000) / 20) * 8_000).astype("<i2").tobytes()
        while True:
            self.sent += len(block)
            yield block

    def _slow(self) -> Iterator[bytes]:
        yield b"\x00\x10" * 4_800
        time.sleep(1.5)
        yield b"\x00\x10" * 4_800


@contextmanager
def serve(endpoint: Endpoint) -> Iterator[str]:
    """The endpoint's base URL while it is served on a free port."""
    server = uvicorn.Server(
        uvicorn.Config(endpoint.app, port=0, log_level="critical", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(500):
        if server.started:
            break
        time.sleep(0.01)
    assert server.started, "the server did not start"
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        thread.join(5)
