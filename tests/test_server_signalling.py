"""Signalling as stock clients do it: `/start`, trickled candidates, pages of other sites."""

import re
from typing import Any

import anyio
import httpx
import pytest
from test_server_app import with_server
from test_server_reconnect import on_the_phone
from test_transport_offer import OFFER
from webrtc_phone import Phone

from duplex.server.app import BODY_SECONDS
from duplex.server.origins import allowed
from duplex.transport.webrtc.ice import Ice, Turn

BODY = {"sdp": OFFER, "type": "offer"}


def test_start_leads_to_the_offer() -> None:
    """`startBotAndConnect`: the client puts the id into the path, sends its offer there, and its candidates."""

    async def test(phone: Phone, peers: list[Any], sessions: Any) -> None:
        ui = {"transport": "webrtc", "enableDefaultIceServers": True, "body": {"x": 1}}
        started = await phone.http.post("/start", json=ui)
        assert (started.status_code, set(started.json())) == (200, {"sessionId"})
        assert started.headers["cache-control"] == "no-store"
        phone.path = f"/sessions/{started.json()['sessionId']}/api/offer"
        leg = await phone.call()
        await leg.hears()
        patch = await phone.http.patch(phone.path, json={"pc_id": leg.id, "candidates": []})
        assert (patch.status_code, patch.json()) == (200, {"status": "success"})
        new = await phone.call(instead_of=leg)
        await new.hears()
        assert len(peers) == 1
        assert (await phone.http.post("/sessions/a.b/api/offer", json=BODY)).status_code == 404

    on_the_phone(test)


def test_start_hands_out_servers() -> None:
    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        servers = (await client.post("/start", json={})).json()["iceConfig"]["iceServers"]
        assert [each["urls"] for each in servers] == ["stun:127.0.0.1:9", "turn:127.0.0.1:9"]
        assert servers[1]["username"].endswith(":duplex")
        assert "north wind" not in str(servers)

    ice = Ice(stun="stun:127.0.0.1:9", turn=Turn("turn:127.0.0.1:9", secret="north wind"))
    with_server(test, ice=ice)


def test_start_is_refused_with_a_reason_that_clients_show() -> None:
    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        assert (await client.post("/start", content=b"junk")).status_code == 400
        assert (await client.post("/start", json=[])).status_code == 422
        assert (await client.get("/start")).status_code == 405
        assert (await client.post("/api/offer", json=BODY)).status_code == 200
        full = await client.post("/start", json={})
        assert (full.status_code, full.headers["retry-after"].isdigit()) == (503, True)
        assert "1 lines" in full.json()["detail"]

    with_server(test, max_sessions=1)

    async def loading(client: httpx.AsyncClient, sessions: Any) -> None:
        assert "loading" in (await client.post("/start", json={})).json()["detail"]

    with_server(loading, ready=lambda: False)


@pytest.mark.parametrize("patched", [True, False])
def test_candidates_come_later_or_never(patched: bool) -> None:
    """A trickled offer holds none; where they never come, the caller's own checks show the way."""

    async def test(phone: Phone, peers: list[Any], sessions: Any) -> None:
        leg = phone.leg()
        offer = await leg.offer()
        lines = re.findall(r"a=(candidate:\S+ .*)\r\n", offer["sdp"])
        assert lines
        offer["sdp"] = re.sub(r"a=(candidate:|end-of-candidates).*\r\n", "", offer["sdp"])
        response = await phone.post(offer)
        if patched:
            local = re.sub(r"127\.0\.0\.1", "8f3a-11.local", lines[0])
            tcp = "candidate:2 1 tcp 1015021823 127.0.0.1 9 typ host tcptype active"
            for batch in ([local, tcp], [*lines, ""]):
                candidates = [{"candidate": each, "sdp_mid": "0", "sdp_mline_index": 0} for each in batch]
                body = {"pc_id": response.json()["pc_id"], "candidates": candidates}
                assert (await phone.http.patch(phone.path, json=body)).status_code == 200
        await leg.accept(response.json())
        await leg.up()
        await leg.hears()

    on_the_phone(test)


def test_candidates_without_end_are_refused() -> None:
    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        id = (await client.post("/api/offer", json=BODY)).json()["pc_id"]
        line = "candidate:1 1 udp 2122 127.0.0.1 {} typ host"
        for batch in range(3):
            candidates = [
                {"candidate": line.format(1024 + batch * 30 + i), "sdp_mid": "0"} for i in range(30)
            ]
            answer = await client.patch("/api/offer", json={"pc_id": id, "candidates": candidates})
            assert answer.status_code == (200 if batch < 2 else 400)

    with_server(test)


@pytest.mark.parametrize(
    ("origin", "host", "listed", "expected"),
    [
        (None, "127.0.0.1:8080", [], True),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", [], True),
        ("https://example.org", "example.org", [], True),
        ("http://127.0.0.1:9090", "127.0.0.1:8080", [], False),
        ("https://evil.example", "example.org", [], False),
        ("https://example.org.evil.example", "example.org", [], False),
        ("null", "example.org", [], False),
        ("null", None, [], False),
        ("https://a.example", "example.org", ["https://a.example"], True),
        ("http://a.example", "example.org", ["https://a.example"], False),
        ("null", "example.org", ["*"], True),
    ],
)
def test_whose_pages_may_call(
    origin: str | None, host: str | None, listed: list[str], expected: bool
) -> None:
    assert allowed(origin, host, listed) is expected


def test_pages_of_other_sites() -> None:
    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        friend, foe = {"Origin": "https://a.example"}, {"Origin": "https://evil.example"}
        ask = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "content-type"}
        for path in ("/api/offer", "/start", "/sessions/x/api/offer"):
            allowed = await client.options(path, headers=friend | ask)
            assert allowed.status_code == 200
            assert allowed.headers["access-control-allow-origin"] == "https://a.example"
            assert {"POST", "PATCH"} <= set(allowed.headers["access-control-allow-methods"].split(", "))
            assert "content-type" in allowed.headers["access-control-allow-headers"].lower()
            assert (
                "access-control-allow-origin" not in (await client.options(path, headers=foe | ask)).headers
            )
        # Simple requests are sent without asking, so they are refused here.
        for headers in (foe, foe | {"Content-Type": "text/plain"}, {"Origin": "null"}):
            refused = await client.post("/api/offer", json=BODY, headers=headers)
            assert (refused.status_code, "another site" in refused.json()["error"]) == (403, True)
        assert len(sessions) == 0
        answer = await client.post("/api/offer", json=BODY, headers=friend)
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        own = {"Origin": str(client.base_url).rstrip("/")}
        assert (await client.post("/api/offer", json=BODY, headers=own)).status_code == 200
        assert (await client.get("/api/about", headers=foe)).status_code == 200

    with_server(test, origins=["https://a.example"])


def test_by_default_only_its_own() -> None:
    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        other = {"Origin": "https://a.example"}
        assert (await client.post("/api/offer", json=BODY, headers=other)).status_code == 403
        preflight = other | {"Access-Control-Request-Method": "POST"}
        answer = await client.options("/api/offer", headers=preflight)
        assert answer.status_code == 405
        assert "access-control-allow-origin" not in answer.headers

    with_server(test)


def test_a_body_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duplex.server.app.BODY_SECONDS", 0.3)
    assert BODY_SECONDS == 10

    async def test(client: httpx.AsyncClient, sessions: Any) -> None:
        async def drip() -> Any:
            for _ in range(20):
                yield b" "
                await anyio.sleep(0.1)

        answer = await client.post("/api/offer", content=drip())
        assert answer.status_code == 408

    with_server(test)
