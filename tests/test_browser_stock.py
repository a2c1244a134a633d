"""The stock Pipecat client, as it comes from npm, in a real browser, against a server of real models."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_fixtures import *  # noqa: F403  (pytest finds fixtures by their names)
from browser_fixtures import Pcm, chromium, needs, needs_browser, write_microphone
from stock_page import *  # noqa: F403
from stock_page import Talk

from duplex.bench.served import Served, serve

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.models, needs_browser, needs("node", "npm")]

AGENT = Path(__file__).parent.parent / "agents" / "lakes"
GREETING = (
    "Hello and welcome to the house of lakes, where we know a great many things about all the waters of the world, "
    "the large and the small, the deep and the shallow, the warm and the frozen ones, and where we are glad to tell "
    "you about their shores, their islands, their fish, their ships and their ferries, at any hour of the day."
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, site: str) -> Iterator[Served]:
    """The shipped agent with a greeting that is long enough to be interrupted; pages of `site` may call."""
    folder = tmp_path_factory.mktemp("stock")
    spec = (AGENT / "agent.yaml").read_text().splitlines()
    spec = [line for line in spec if not line.startswith(("greeting:", "knowledge:"))]
    (folder / "agent.yaml").write_text("\n".join([*spec, f"greeting: {GREETING}", "knowledge: knowledge"]))
    (folder / "knowledge").symlink_to(AGENT / "knowledge")
    (folder / "server.yaml").write_text(f"origins: [{site!r}]\nreconnect_seconds: 1\n")
    options = ("--config", str(folder / "server.yaml"))
    with serve(
        str(folder / "agent.yaml"), folder / "sessions", *options, log=folder / "server.log"
    ) as server:
        yield server


def health(served: Served) -> dict[str, Any]:
    with urllib.request.urlopen(f"{served.url}/health", timeout=5) as reply:
        return dict(json.loads(reply.read()))


def sockets(served: Served) -> int:
    """UDP sockets of the server's process."""
    inodes = {
        line.split()[9]
        for name in ("udp", "udp6")
        for line in Path(f"/proc/{served.pid}/net/{name}").read_text().splitlines()[1:]
    }
    count = 0
    for each in Path(f"/proc/{served.pid}/fd").iterdir():
        try:
            target = str(each.readlink())
        except FileNotFoundError:
            continue
        count += target.removeprefix("socket:[").removesuffix("]") in inodes
    return count


def nothing_left(served: Served, page: Page) -> None:
    """The server has neither session nor socket of a call."""
    for _ in range(100):
        left = (health(served)["sessions"], sockets(served))
        if left == (0, 0):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"left on the server: {left[0]} sessions, {left[1]} sockets")


def test_it_connects_talks_barges_in_and_leaves_nothing_behind(
    served: Served, site: str, caller_voice: Callable[[str], Pcm], tmp_path: Path
) -> None:
    question = caller_voice("No wait. How deep is Lake Baikal?")
    microphone = write_microphone(tmp_path / "microphone.wav", 4.0, question, 1.0)
    with chromium(microphone) as browser:
        page = browser.new_page()
        talk = Talk(page, site)
        ready = talk.run("await stock.connect(a)", f"{served.url}/api/offer")
        assert ready["version"].startswith("2.")
        assert health(served)["sessions"] == 1
        assert sockets(served) > 0

        # The greeting is talked over, and the question answered.
        talk.wait_message("bot-interrupted")
        talk.wait_message("bot-stopped-speaking", 2)
        (cut,) = talk.of("bot-interrupted")
        greeted, answered = talk.of("bot-started-speaking")
        assert talk.audible(greeted["at"], cut["at"])
        assert not talk.audible(cut["at"] + 1000, answered["at"] - 50), "the agent did not stop"
        assert talk.audible(answered["at"], talk.of("bot-stopped-speaking")[1]["at"] + 300)

        # Both transcripts, as the client itself reports them.
        said = talk.events("userTranscript")
        assert any(not each["final"] for each in said), "no partial words"
        assert "baikal" in " ".join(each["text"] for each in said if each["final"]).lower()
        heard, answer = (each["text"] for each in talk.events("botTranscript"))
        assert GREETING.startswith(heard)
        assert 0 < len(heard) < len(GREETING)
        assert "1,642" in answer
        outputs = [each for each in talk.events("botOutput") if each["text"] == answer]
        assert [each["spoken_status"] for each in (outputs[0], outputs[-1])] == ["new", "completed"]
        progress = [each["spoken_progress"]["accumulated_text"] for each in outputs]
        assert len(progress) > 5, "progress goes by words"
        assert all(later.startswith(earlier) for earlier, later in pairwise(progress))

        # The order of the turn is Pipecat's.
        turn = talk.kinds(since=talk.of("user-started-speaking")[0]["at"])
        marks = [
            *("user-started-speaking", "bot-interrupted", "user-transcription", "user-llm-text"),
            *("user-stopped-speaking", "llm-function-call-started", "llm-function-call-in-progress"),
            *("llm-function-call-stopped", "bot-llm-started", "bot-llm-text", "bot-llm-stopped"),
            *("bot-tts-started", "bot-started-speaking"),
        ]
        assert [kind for kind in dict.fromkeys(turn) if kind in marks] == marks
        (call,) = talk.events("llmFunctionCallInProgress")
        assert "Baikal" in call["arguments"]["query"]
        (stopped,) = talk.events("llmFunctionCallStopped")
        assert "Baikal" in stopped["result"]
        assert not stopped["cancelled"]
        (sources,) = (each for each in talk.events("serverMessage") if each["kind"] == "sources")
        assert sources["text"] == answer
        assert sources["sources"][0].startswith("baikal.md")
        ttfb = {
            each["processor"]: each["value"] for m in talk.events("metrics") for each in m.get("ttfb", [])
        }
        assert ttfb["turn"] > ttfb["llm"] > 0

        # Nothing was lost on the way, and nothing went wrong.
        assert not talk.of("error")
        assert not talk.of("error-response")
        talk.run("await stock.client.disconnect()")
        talk.wait("stock.transport.state === 'disconnected'", 5)
        assert talk.faults == []
        nothing_left(served, page)
    recorded = {each["type"] for each in served.events()}
    assert {"ToolStarted", "ToolEnded", "Yield"} <= recorded


def test_it_starts_asks_types_and_is_hung_up_on(served: Served, site: str, tmp_path: Path) -> None:
    with chromium(write_microphone(tmp_path / "silence.wav", 1.0)) as browser:
        page = browser.new_page()
        nothing_left(served, page)
        talk = Talk(page, site)
        talk.run("await stock.start(a)", f"{served.url}/start")
        assert health(served)["sessions"] == 1
        talk.wait_message("bot-started-speaking")

        # What is only noted is not answered; a typed question takes the floor, and is understood by the note.
        talk.run(
            "await stock.client.sendText(a, {run_immediately: false})", "I would like to see Lake Baikal."
        )
        talk.run("await stock.client.sendText(a)", "How deep is it?")
        talk.wait_message("bot-stopped-speaking", 2)
        assert len(talk.of("bot-interrupted")) == 1
        assert [each["text"] for each in talk.events("userLlmText")] == ["How deep is it?"]
        assert "1,642" in talk.events("botTranscript")[-1]["text"]
        assert not talk.of("user-started-speaking")

        # Requests are answered, or refused with a reason.
        clock = talk.run("await stock.client.sendClientRequest('clock', {at: performance.now()})")
        assert clock["received"] <= clock["sent"]
        assert 0 < clock["session_ms"] < 120_000
        delay = talk.run("await stock.client.sendClientRequest('playout', {delay_ms: 120.5})")
        assert delay == {"delay_ms": 120.5}
        refused = talk.run("await stock.client.sendClientRequest('dance', {}).catch((m) => m.data.error)")
        assert refused == "unknown client-message 'dance'"
        talk.run("stock.client.sendDTMF('12#')")
        talk.wait_message("error-response", 2)
        assert talk.of("error-response")[-1]["data"]["error"] == "dtmf: this agent takes no keys"

        # The whole past, and what happens from now on.
        assert talk.run("await stock.client.sendClientRequest('events', {on: true})") == {"on": True}
        talk.run("await stock.client.sendText(a)", "Thank you.")
        talk.wait_message("bot-stopped-speaking", 3)
        fed = [each["event"] for each in talk.events("serverMessage") if each["kind"] == "event"]
        assert len(fed) > 30
        recorded = [each for each in served.events() if each["type"] != "CoreFrame"]  # too many to send
        assert fed == recorded[-len(fed) :] or fed == recorded[: len(fed)]
        assert [each["text"] for each in fed if each["type"] == "TypedText"][-1] == "Thank you."
        talk.run("await stock.client.sendClientRequest('events', {on: false})")

        # It goes over to a new connection, as after a lost one, and the session goes on without a greeting.
        talk.run("await stock.transport.attemptReconnection(true)")
        talk.wait("stock.transport.dc.readyState === 'open'")
        talk.run("await stock.client.sendText(a)", "Who are you?")
        talk.wait_message("bot-stopped-speaking", 4)
        assert health(served)["sessions"] == 1
        assert len(talk.of("bot-ready")) == 1
        said = [each["text"] for each in served.events() if each["type"] == "TypedText"]
        assert said == ["How deep is it?", "Thank you.", "Who are you?"]

        # It asks for the end, is told of it first, and does not come back.
        talk.run("stock.client.disconnectBot()")
        talk.wait("stock.events.some((e) => e.name === 'botDisconnected')", 5)
        talk.wait("stock.transport.state === 'disconnected'", 5)
        assert talk.messages[-1]["message"] == {"type": "peerLeft"}
        page.wait_for_timeout(1500)
        assert talk.faults == []
        nothing_left(served, page)
