"""The HTTP side, over real sockets."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx
import pytest
from test_transport_offer import OFFER, make_offer
from transport_peers import BasePeer

from duplex.server.app import MAX_BODY, create_app
from duplex.server.files import PAGE
from duplex.server.serve import BindError, listen, serving, url_of


def with_server(test: Callable[[httpx.AsyncClient, Any], Awaitable[None]], **settings: Any) -> None:
    async def main() -> None:
        app = create_app(
            settings.pop("new_peer", BasePeer), settings.pop("ready", lambda: True), loopback=True, **settings
        )
        async with (
            serving(app) as url,
            httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as client,
        ):
            await test(client, app.state.sessions)

    anyio.run(main)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "not JSON"),
        (b"sdp", 400, "not JSON"),
        (b"\xff\xfe\x00", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        (b"[]", 422, "body"),
        (b"{}", 422, "sdp"),
        (json.dumps({"sdp": OFFER}), 422, "type"),
        (json.dumps({"sdp": OFFER, "type": "answer"}), 422, "type"),
        (json.dumps({"sdp": 5, "type": "offer"}), 422, "sdp"),
        (json.dumps({"sdp": "x" * 70_000, "type": "offer"}), 422, "sdp"),
        (json.dumps({"sdp": "hello", "type": "offer"}), 400, "no audio"),
        (json.dumps({"sdp": make_offer(audio=False), "type": "offer"}), 400, "no audio"),
        (
            json.dumps({"sdp": OFFER.replace("v=0", "v=7", 1)[: len(OFFER) // 2], "type": "offer"}),
            400,
            "offer",
        ),
        (b"x" * (2 << 20), 413, str(MAX_BODY)),
    ],
)
def test_bad_offers_are_refused_with_a_reason(body: bytes | str, status: int, reason: str) -> None:
    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        response = await client.post("/api/offer", content=body)
        assert response.status_code == status
        assert reason in response.json()["error"]
        assert len(sessions) == 0
        assert (await client.get("/health")).json()["sessions"] == 0

    with_server(test)


def test_an_offer_of_a_stock_client_is_answered_line_by_line() -> None:
    """Video lines and unknown keys are no obstacle; the answer carries our candidates and only Opus."""

    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        # Some clients name other codecs first; what is sent is Opus all the same.
        first = re.sub(r"(m=audio \d+ \S+) 96 9 0 8", r"\1 9 0 8 96", OFFER)
        assert " 0 8 96" in first
        body = {
            "sdp": first,
            "type": "offer",
            "pc_id": None,
            "restart_pc": False,
            "requestData": {"a": 1},
        }
        answer = (await client.post("/api/offer", json=body)).json()
        assert answer["type"] == "answer"
        assert [line.split()[0] for line in answer["sdp"].splitlines() if line.startswith("m=")] == [
            "m=audio",
            "m=video",
            "m=application",
        ]
        assert "127.0.0.1" in answer["sdp"]
        assert "PCMU" not in answer["sdp"]
        assert "a=inactive" in answer["sdp"]
        assert len(sessions) == 1

        line = "candidate:1 1 udp 2122 127.0.0.1 40000 typ host"
        candidates = [
            {"candidate": line, "sdp_mid": "0", "sdp_mline_index": 0},
            {"candidate": line.replace("127.0.0.1", "a-b.local"), "sdp_mid": "0"},
            {"candidate": line},
            {"candidate": "", "sdp_mid": "0"},
        ]
        ok = await client.patch("/api/offer", json={"pc_id": answer["pc_id"], "candidates": candidates})
        assert (ok.status_code, ok.json()) == (200, {"status": "success"})
        for patch, status in [
            ({"pc_id": "unknown", "candidates": []}, 404),
            ({"pc_id": answer["pc_id"], "candidates": [{"candidate": "junk", "sdp_mid": "0"}]}, 400),
            ({"pc_id": answer["pc_id"], "candidates": candidates * 50}, 422),
            ({"candidates": []}, 422),
        ]:
            assert (await client.patch("/api/offer", json=patch)).status_code == status

    with_server(test)


def test_a_full_server_says_when_to_come_back() -> None:
    """Fifteen offers at once on three lines: three are answered, and the lines are free again later."""

    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        replies: list[httpx.Response] = []

        async def post() -> None:
            replies.append(await client.post("/api/offer", json={"sdp": OFFER, "type": "offer"}))

        async with anyio.create_task_group() as tasks:
            for _ in range(15):
                tasks.start_soon(post)
        assert sorted(each.status_code for each in replies) == [200] * 3 + [503] * 12
        full = next(each for each in replies if each.status_code == 503)
        assert full.headers["retry-after"].isdigit()
        assert "3 lines" in full.json()["error"]
        with anyio.fail_after(5):
            while len(sessions):  # noqa: ASYNC110  nobody connects, so all are let go
                await anyio.sleep(0.05)
        assert (await client.post("/api/offer", json={"sdp": OFFER, "type": "offer"})).status_code == 200

    with_server(test, max_sessions=3, connect_timeout=0.5)


def test_ready_only_when_models_are_warm() -> None:
    warm: list[bool] = []

    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/ready")).status_code == 503
        early = await client.post("/api/offer", json={"sdp": OFFER, "type": "offer"})
        assert (early.status_code, "loading" in early.json()["error"]) == (503, True)
        warm.append(True)
        assert (await client.get("/ready")).json() == {"ready": True}

    with_server(test, ready=lambda: bool(warm))


def test_a_session_that_cannot_be_made_is_an_error_not_a_leak(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> BasePeer:
        raise RuntimeError("no model")

    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        response = await client.post("/api/offer", json={"sdp": OFFER, "type": "offer"})
        assert response.status_code == 500
        assert len(sessions) == 0

    with_server(test, new_peer=broken)
    assert "no model" in caplog.text


def test_the_page_and_its_files() -> None:
    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        for name in ("app.js", "style.css"):
            assert f"/static/{name}" in page.text
            file = await client.get(f"/static/{name}")
            assert file.content == (PAGE / name).read_bytes()
            assert file.headers["cache-control"] == "no-cache"
            assert "default-src 'none'" in file.headers["content-security-policy"]
            again = await client.get(f"/static/{name}", headers={"If-None-Match": file.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert (await client.get("/api/about")).json() == {"title": "Lakes"}
        for missing in ("/static/../app.py", "/static/%2e%2e/app.py", "/nothing"):
            assert (await client.get(missing)).status_code == 404
        assert (await client.get("/api/offer")).status_code == 405

    with_server(test, title="Lakes")


def test_addresses() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert url_of(first) == f"http://127.0.0.1:{port}"
        with pytest.raises(BindError, match=f"127.0.0.1:{port}"):
            listen("127.0.0.1", port)
    with pytest.raises(BindError, match="70000"):
        listen("127.0.0.1", 70_000)
    with listen("0.0.0.0", 0) as anywhere:
        assert url_of(anywhere).startswith("http://127.0.0.1:")
