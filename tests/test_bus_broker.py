"""A session on a real broker, Debian's mosquitto: told of, controlled, and not harmed when the broker dies."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import anyio
import pytest

from duplex.agent.loader import load_agent
from duplex.bus.bridge import Bridge
from duplex.bus.config import MqttSection
from duplex.dialogue.events import PlayoutEnded
from duplex.server.host import Agent

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
pytestmark = [
    pytest.mark.models,
    pytest.mark.skipif(not Path(MOSQUITTO).exists(), reason="no broker here: apt-get install mosquitto"),
]
LOGIN = {"MQTT_USER": "ann", "MQTT_PASSWORD": "open sesame"}


class Mosquitto:
    """A broker on a port of its own that knows one user; it may be killed and started again."""

    def __init__(self, folder: Path, more: str = "") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        passwords = folder / "passwords"
        subprocess.run(
            ["mosquitto_passwd", "-b", "-c", str(passwords), *LOGIN.values()], check=True, timeout=10
        )
        passwords.chmod(0o644)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
            f"persistence false\nuser root\n{more}"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)], stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError("the broker does not come up")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def section(self, **more: Any) -> MqttSection:
        return MqttSection(
            host="127.0.0.1",
            port=self.port,
            username_env="MQTT_USER",
            password_env="MQTT_PASSWORD",
            **more,
        )

    def client(self) -> aiomqtt.Client:
        user, password = LOGIN.values()
        return aiomqtt.Client("127.0.0.1", self.port, username=user, password=password)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path)
    made.start()
    yield made
    made.kill()


class Listener:
    """Everything that is published, as (topic without its first part, payload)."""

    def __init__(self, broker: Mosquitto) -> None:
        self._broker = broker
        self.seen: list[tuple[str, Any]] = []
        self._new = anyio.Event()

    async def run(self) -> None:
        async with self._broker.client() as client:
            await client.subscribe("duplex/#", 1)
            async for message in client.messages:
                payload = bytes(message.payload) if isinstance(message.payload, bytes | bytearray) else b""
                self.seen.append((str(message.topic)[7:], json.loads(payload) if payload else None))
                self._new.set()
                self._new = anyio.Event()

    async def until(self, wanted: Callable[[str, Any], bool]) -> Any:
        """The payload of the first that fits, from the beginning."""
        with anyio.fail_after(15):
            while True:
                for topic, payload in self.seen:
                    if wanted(topic, payload):
                        return payload
                await self._new.wait()


@asynccontextmanager
async def on_the_line(folder: Path, bridge: Bridge, tools: str = "") -> AsyncIterator[Any]:
    """A session of a small agent that speaks its greeting, pulled as a transport does."""
    path = folder / "agent.yaml"
    path.write_text(
        f"name: small\ngreeting: Good morning to you.\nllm: smollm2-135m\n{tools}", encoding="utf-8"
    )
    agent = Agent(load_agent(path))
    try:
        session_of = agent.session()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bridge.run)
            async with session_of as session:
                bridge.attach(session)

                async def pull() -> None:
                    while True:
                        session.pull()
                        await anyio.sleep(0.02)

                tasks.start_soon(pull)
                yield session
            await bridge.flush()
            tasks.cancel_scope.cancel()
    finally:
        await agent.aclose()


def ended(kind: str) -> Callable[[str, Any], bool]:
    return lambda topic, payload: topic.endswith(f"/events/{kind}")


def test_a_session_is_told_of_and_controlled(broker: Mosquitto, tmp_path: Path) -> None:
    async def main() -> list[tuple[str, Any]]:
        bridge = Bridge(broker.section(transcripts=True).resolve(LOGIN), "small")
        ear = Listener(broker)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ear.run)
            async with on_the_line(tmp_path, bridge) as session, broker.client() as remote:
                controls = f"duplex/small/sessions/{session.id}/control"
                await ear.until(lambda topic, payload: payload == {"state": "started"})
                greeting = await ear.until(ended("playout_ended"))
                await remote.publish(f"{controls}/shout", "{}", 1)
                refused = await ear.until(lambda topic, payload: topic.endswith("/refused"))
                assert refused["reason"] == "there is no control shout; there are say, end, set, tool_result"
                await remote.publish(f"{controls}/set", json.dumps({"name": "room", "value": "12"}), 1)
                await remote.publish(f"{controls}/say", json.dumps({"text": "The taxi is here."}), 1)
                said = await ear.until(
                    lambda topic, payload: topic.endswith("playout_ended") and payload != greeting
                )
                assert (greeting["heard"], said["heard"]) == ("Good morning to you.", "The taxi is here.")
                assert session.variables == {"room": "12"}
            await ear.until(ended("ended"))
            await anyio.sleep(0.2)
            tasks.cancel_scope.cancel()
        return ear.seen

    seen = anyio.run(main)
    assert ("small/online", True) in seen
    states = [payload for topic, payload in seen if topic.endswith("/state")]
    assert states[-1] is None, "nothing retained is left behind"


DOOR = """
tools:
  - mqtt:
      name: open_door
      description: Open a door of the house.
      parameters: {door: [front, back]}
      confirm: false
      timeout: 3
      system: the house
      say: "The {door} door is {state}."
"""


def test_a_tool_is_carried_out_on_the_broker_once(broker: Mosquitto, tmp_path: Path) -> None:
    """Asked, told with its arguments and a key, answered; whatever comes twice, late or for no call is refused."""

    async def main() -> tuple[list[Any], list[Any], list[str]]:
        ear = Listener(broker)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ear.run)
            bridge = Bridge(broker.section(transcripts=True).resolve(LOGIN), "small")
            async with on_the_line(tmp_path, bridge, DOOR) as session, broker.client() as remote:
                results = f"duplex/small/sessions/{session.id}/control/tool_result"

                async def publish(**payload: Any) -> None:
                    await remote.publish(results, json.dumps(payload), 1)

                await ear.until(ended("playout_ended"))
                session.say_text("Open the front door.")
                told = await ear.until(lambda topic, payload: "/calls/open_door" in topic)
                await publish(call="open_door-9", result="nobody asked for this")
                await publish(call=told["call"], progress="turning the key")
                await publish(call=told["call"], result={"state": "open"})
                await ear.until(
                    lambda topic, payload: topic.endswith("playout_ended") and "open" in payload["heard"]
                )
                await publish(call=told["call"], result={"state": "on fire"})
                session.say_text("Open the back door.")
                given_up = await ear.until(
                    lambda topic, payload: "/calls/" in topic and "given_up" in payload
                )
                await publish(call=given_up["call"], result={"state": "open too late"})
                await ear.until(
                    lambda topic, payload: (
                        topic.endswith("/refused") and given_up["call"] in payload["reason"]
                    )
                )
                await ear.until(
                    lambda topic, payload: topic.endswith("playout_ended") and "house" in payload["heard"]
                )
            tasks.cancel_scope.cancel()
        calls = [payload for topic, payload in ear.seen if "/calls/" in topic]
        refused = [payload["reason"] for topic, payload in ear.seen if topic.endswith("/refused")]
        heard = [payload["heard"] for topic, payload in ear.seen if topic.endswith("/playout_ended")]
        return calls, refused, heard

    calls, refused, heard = anyio.run(main)
    first, second, dropped = calls
    assert first["arguments"] == {"door": "front"}
    assert (second["arguments"], second["timeout"]) == ({"door": "back"}, 3)
    assert first["key"] != second["key"]
    assert dropped == {"call": second["call"], "given_up": True}
    assert [reason.split()[2] for reason in refused] == ["open_door-9", first["call"], second["call"]]
    assert "The front door is open." in heard
    assert any("the house doesn't answer, so I can't say whether" in each for each in heard)


def test_a_tool_on_a_broker_that_is_away_fails_at_once_and_is_not_carried_out_later(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async def main() -> tuple[list[str], list[str]]:
        bridge = Bridge(broker.section().resolve(LOGIN), "small")
        heard: list[str] = []
        async with on_the_line(tmp_path, bridge, DOOR) as session:
            news = anyio.Event()

            def on(event: object) -> None:
                nonlocal news
                if isinstance(event, PlayoutEnded):
                    heard.append(event.heard)
                    news.set()
                    news = anyio.Event()

            session.subscribe(on)
            await news.wait()
            broker.kill()
            await anyio.sleep(3)
            assert not bridge.connected
            session.say_text("Open the front door.")
            with anyio.fail_after(15):
                await news.wait()
            broker.start()
            ear = Listener(broker)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ear.run)
                await ear.until(ended("playout_ended"))
                tasks.cancel_scope.cancel()
        return heard, [topic for topic, _ in ear.seen]

    heard, topics = anyio.run(main)
    assert heard[-1] == "I'm sorry, I can't reach the house right now."
    assert not any("/calls/" in topic for topic in topics)


def test_a_broker_that_is_killed_in_a_call_is_told_afterwards(broker: Mosquitto, tmp_path: Path) -> None:
    async def main() -> tuple[str, list[tuple[str, Any]]]:
        bridge = Bridge(broker.section(transcripts=True).resolve(LOGIN), "small")
        async with on_the_line(tmp_path, bridge) as session:
            greeted = anyio.Event()
            session.subscribe(lambda event: greeted.set() if isinstance(event, PlayoutEnded) else None)
            await greeted.wait()
            assert bridge.connected
            broker.kill()
            session.announce("Nobody is told of this yet.")
            await anyio.sleep(3)
            assert not bridge.connected
            assert bridge.waiting > 0
            broker.start()
            ear = Listener(broker)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ear.run)
                await ear.until(
                    lambda topic, payload: topic.endswith("/playout_ended") and "Nobody" in payload["heard"]
                )
                await ear.until(lambda topic, payload: payload == {"state": "started"})
                tasks.cancel_scope.cancel()
            return session.id, ear.seen

    id, seen = anyio.run(main)
    assert (f"small/sessions/{id}/state", {"state": "started"}) in seen


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """One that signs itself, for 127.0.0.1, and its key."""
    pem, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return pem, key


CONNECT = """
import anyio, sys
from duplex.bus.bridge import Bridge
from duplex.bus.config import MqttSection

async def main(port, trusted):
    section = MqttSection(host="127.0.0.1", port=port, tls=True, ca_file=trusted or None,
        username_env="MQTT_USER", password_env="MQTT_PASSWORD")
    bridge = Bridge(section.resolve(), "small")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bridge.run)
        await anyio.sleep(1.5)
        print(bridge.connected)
        tasks.cancel_scope.cancel()

anyio.run(main, int(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_tls_trusts_the_certificate_that_is_named_and_no_other(tmp_path: Path) -> None:
    pem, key = certificate(tmp_path, "right")
    other, _ = certificate(tmp_path, "other")
    broker = Mosquitto(tmp_path, f"certfile {pem}\nkeyfile {key}\n")
    broker.start()

    def connects(trusted: str) -> str:
        """In a process of its own: the library leaves the sockets of refused connections to be collected."""
        command = [sys.executable, "-c", CONNECT, str(broker.port), trusted]
        ran = subprocess.run(
            command, env={**os.environ, **LOGIN}, capture_output=True, text=True, timeout=60, check=True
        )
        return ran.stdout.strip()

    try:
        assert [connects(str(pem)), connects(str(other)), connects("")] == ["True", "False", "False"]
    finally:
        broker.kill()


def test_words_are_not_told_unless_asked_for(broker: Mosquitto, tmp_path: Path) -> None:
    async def main() -> list[tuple[str, Any]]:
        ear = Listener(broker)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ear.run)
            async with on_the_line(tmp_path, Bridge(broker.section().resolve(LOGIN), "small")):
                await ear.until(ended("playout_ended"))
            tasks.cancel_scope.cancel()
        return ear.seen

    assert "morning" not in json.dumps(anyio.run(main))
