"""A caller in code: places a real call, speaks what it is given, and records both sides on one clock.

The demo, `duplex call` and the benches hear the agent through it, so its clock is what latencies are read from.
The clock is the event loop's time since the call was made. A sent packet stands at the moment it is handed to the
socket, a received one at the moment it comes from there; within a stretch of sound the RTP timestamps keep packets
together (`duplex.audio.timeline`). Like a browser, it sends silence too. What a browser adds beyond that (20 ms of
microphone framing, its jitter buffer, its sound card) is not in the figures.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import anyio
import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from duplex.audio.detect import first_audible, silent_from
from duplex.audio.pcm import Pcm, check_pcm
from duplex.audio.timeline import Timeline
from duplex.transport.webrtc.errors import CallError
from duplex.transport.webrtc.ice import only_loopback
from duplex.transport.webrtc.impair import Fate, impair
from duplex.transport.webrtc.media import Media, add_audio
from duplex.transport.webrtc.utterances import Utterances

RATE = 16_000
"""Of what is said and of both recorded channels."""
POLL_SECONDS = 0.02

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the data channel and when it came, in seconds on the call's clock."""

    at: float
    data: dict[str, Any]


class Microphone(Protocol):
    """What a caller's audio comes from."""

    def frame(self) -> Pcm:
        """The next 20 ms to send, int16 [320] at 16 kHz; asked for when they are due."""

    def sent(self, at: float, place: float) -> None:
        """It was sent: where it stands on the call's clock, and in the stream, both in seconds.

        After a stall of more than 60 ms places are left out.
        """


class Caller:
    """`async with Caller(url) as call: await call.connect(); await call.say(pcm)`."""

    def __init__(
        self,
        url: str,
        *,
        loopback: bool = False,
        max_seconds: float = 1800.0,
        microphone: Microphone | None = None,
    ) -> None:
        """Args:
        url: the server's, such as `http://127.0.0.1:8080`.
        loopback: offer 127.0.0.1 alone; the server must do the same.
        max_seconds: how much is recorded at most.
        microphone: what is sent; by default what `say` is given.
        """
        self.url = url.rstrip("/")
        self.messages: list[Received] = []
        """Everything that came over the data channel so far."""
        self._loopback = loopback
        self._utterances = Utterances(RATE)
        self._microphone: Microphone = microphone or self._utterances
        self._user = Timeline(RATE, max_seconds)
        self._agent = Timeline(RATE, max_seconds)
        self._up = anyio.Event()
        self._ended = anyio.Event()
        self._error: Exception | None = None

    async def __aenter__(self) -> Self:
        self._zero = anyio.current_time()
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._pc.on("connectionstatechange", self._on_state)
        self._media = Media(
            add_audio(self._pc), RATE, self._microphone.frame, self._on_audio, sent=self._on_sent, dtx=False
        )
        self._channel = self._pc.createDataChannel("chat")
        self._channel.on("open", self._on_open)
        self._channel.on("message", self._on_message)
        self._carrier = asyncio.create_task(self._carry())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self._pc.close()
            self._carrier.cancel()
            await asyncio.wait([self._carrier])

    @property
    def now(self) -> float:
        """Seconds on the call's clock."""
        return anyio.current_time() - self._zero

    @property
    def ended(self) -> bool:
        """Whether the call is over, by either side or by a lost connection."""
        return self._ended.is_set()

    async def connect(self, timeout: float = 20.0) -> None:
        """Place the call and wait until audio can flow and the agent is ready.

        Raises CallError naming the address and the reason.
        """
        if self._loopback:
            only_loopback(self._pc)
        await self._pc.setLocalDescription(await self._pc.createOffer())
        answer = await self._post_offer(timeout)
        await self._pc.setRemoteDescription(RTCSessionDescription(sdp=answer["sdp"], type="answer"))
        with anyio.move_on_after(timeout):
            await self._up.wait()
            await self.wait_for_message("bot-ready", timeout)
            return
        raise CallError(f"no connection to {self.url} within {timeout:g} s: is UDP blocked on the way?")

    async def _post_offer(self, timeout: float) -> dict[str, Any]:
        local = self._pc.localDescription
        address = f"{self.url}/api/offer"
        try:
            async with httpx.AsyncClient(timeout=timeout, trust_env=False) as client:
                response = await client.post(address, json={"sdp": local.sdp, "type": local.type})
        except httpx.HTTPError as error:
            raise CallError(f"{address} cannot be reached: {error or type(error).__name__}") from error
        try:
            body = response.json()
        except ValueError:
            body = {}
        if response.status_code != 200 or "sdp" not in body:
            raise CallError(
                f"{address} refused the call: {response.status_code} {body.get('error', '')}".rstrip()
            )
        return dict(body)

    def impair(self, up: Fate, down: Fate, reports: float) -> None:
        """Let the path be a bad one from now on; see `duplex.transport.webrtc.impair`. Call it once, connected."""
        impair(self._pc, up, down, reports)

    async def hang_up(self) -> None:
        """End the call; what was recorded stays."""
        await self._pc.close()

    # Speaking

    async def say(self, pcm: Pcm) -> tuple[float, float]:
        """Say int16 [n] at 16 kHz after what is already being said; returns its start and end on the clock.

        Raises CallError if the call ends meanwhile.
        """
        if not len(check_pcm(pcm)):
            return self.now, self.now
        utterance = self._utterances.add(pcm)
        await self.until(utterance.done)
        assert utterance.start is not None
        return utterance.start, utterance.start + utterance.seconds

    async def until(self, event: anyio.Event) -> None:
        """Wait for an event. Raises CallError if the call ends first."""

        async with anyio.create_task_group() as tasks:

            async def stop_at_end() -> None:
                await self._ended.wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(stop_at_end)
            await event.wait()
            tasks.cancel_scope.cancel()
        if not event.is_set():
            raise CallError(f"the call to {self.url} ended: {self._error or 'the other side is gone'}")

    def _on_sent(self, frame: Pcm, place: float, at: float) -> None:
        self._microphone.sent(self._user.place(at - self._zero, place, frame), place)

    # Hearing

    def _on_audio(self, pcm: Pcm, place: float) -> None:
        self._agent.place(self.now, place, pcm)

    def heard(self, start: float, end: float) -> Pcm:
        """What has come of the agent between two times of the clock, int16 [n] at 16 kHz; silence where nothing has."""
        return self._agent.samples(max(0.0, start), end)

    def recording(self) -> tuple[Pcm, Pcm]:
        """What the user said and what was heard of the agent, both int16 [n] at 16 kHz from the clock's 0."""
        seconds = max(len(self._user.samples()), len(self._agent.samples())) / RATE
        return self._user.samples(0, seconds), self._agent.samples(0, seconds)

    async def wait_for_speech(
        self, after: float | None = None, *, timeout: float = 10.0, min_ms: float = 40.0
    ) -> float:
        """When the agent was first heard at or after `after` (default: now), in seconds on the clock.

        Raises TimeoutError after `timeout` seconds, CallError if the call ends first.
        """
        since = self.now if after is None else after

        def heard() -> float | None:
            found = first_audible(self._agent.samples(since), RATE, min_ms=min_ms)
            return None if found is None else since + found

        return await self._poll(heard, timeout, "the agent said nothing")

    async def wait_for_quiet(
        self, after: float | None = None, *, quiet: float = 0.8, timeout: float = 30.0
    ) -> float:
        """When the agent fell silent, at or after `after` (default: now), for `quiet` seconds at least.

        Raises TimeoutError after `timeout` seconds, CallError if the call ends first.
        """
        since = self.now if after is None else after

        def silent() -> float | None:
            found = silent_from(self._agent.samples(since, max(since, self.now)), RATE, min_ms=quiet * 1000)
            return None if found is None else since + found

        return await self._poll(silent, timeout, "the agent did not fall silent")

    async def wait_for_message(self, kind: str, timeout: float = 10.0, *, after: float = 0.0) -> Received:
        """The first RTVI message of this type that came at or after `after`; raises as the others do."""

        def came() -> Received | None:
            found = (each for each in self.messages if each.at >= after and each.data.get("type") == kind)
            return next(found, None)

        return await self._poll(came, timeout, f"no {kind} came")

    async def _poll(self, found: Callable[[], T | None], timeout: float, failure: str) -> T:
        deadline = self.now + timeout
        while (result := found()) is None:
            if self.ended:
                raise CallError(f"the call to {self.url} ended: {self._error or 'the other side is gone'}")
            if self.now > deadline:
                raise TimeoutError(f"{failure} within {timeout:g} s")
            await anyio.sleep(POLL_SECONDS)
        return result

    # Messages

    def send(self, data: dict[str, Any]) -> None:
        """Send a message over the data channel, which is open once `connect` has returned."""
        self._channel.send(json.dumps(data))

    def _on_open(self) -> None:
        ready = {"version": "2.1.0", "about": {"library": "duplex-caller"}}
        self.send({"label": "rtvi-ai", "type": "client-ready", "id": "1", "data": ready})

    def _on_message(self, text: str) -> None:
        self.messages.append(Received(self.now, json.loads(text)))

    def _on_state(self) -> None:
        if self._pc.connectionState == "connected":
            self._up.set()
        elif self._pc.connectionState in ("failed", "closed"):
            self._ended.set()

    async def _carry(self) -> None:
        try:
            await self._media.run()
        except Exception as error:
            self._error = error
            self._ended.set()
