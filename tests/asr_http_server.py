"""A real transcription server in a process of its own: OpenAI's HTTP API in front of our Whisper.

`asr_http_server.py FOLDER` prints its port and serves until its standard input closes. The model's name chooses
how it behaves: "tiny" transcribes, "plain" leaves word times out, "slow" sleeps first, "broken" answers 500,
"strange" answers with something else.
"""

from __future__ import annotations

import email
import io
import socket
import sys
import threading

import anyio
import soundfile
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from asr import WhisperModel

whisper = WhisperModel(sys.argv[1])


def form(content_type: str, body: bytes) -> dict[str, bytes]:
    """The fields of a multipart body."""
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    return {
        str(part.get_param("name", header="content-disposition")): bytes(part.get_payload(decode=True) or b"")
        for part in message.get_payload()
        if isinstance(part, email.message.Message)
    }


async def transcriptions(request: Request) -> Response:
    if request.headers["authorization"] != "Bearer right-key":
        return JSONResponse({"error": {"message": "wrong key"}}, 401)
    fields = form(request.headers["content-type"], await request.body())
    match fields["model"].decode():
        case "broken":
            return JSONResponse({"error": {"message": "out of order"}}, 500)
        case "strange":
            return JSONResponse({"words": [{"word": "x", "start": "soon", "end": None}], "text": 3})
        case "slow":
            await anyio.sleep(1)
    pcm, rate = soundfile.read(io.BytesIO(fields["file"]), dtype="int16")
    assert rate == 16_000
    words = whisper.transcribe(pcm)
    reply: dict[str, object] = {"text": " ".join(word.text for word in words), "duration": len(pcm) / rate}
    if fields["model"] == b"tiny":
        assert fields["timestamp_granularities[]"] == b"word"
        reply["words"] = [{"word": word.text, "start": word.start, "end": word.end} for word in words]
    return JSONResponse(reply)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
app = Starlette(routes=[Route("/v1/audio/transcriptions", transcriptions, methods=["POST"])])
server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
threading.Thread(target=lambda: (sys.stdin.read(), setattr(server, "should_exit", True)), daemon=True).start()
server.run(sockets=[listener])
