"""A call's audio, both ways: what was agreed on in SDP joined to whoever speaks and listens.

One task a call keeps the 20 ms: in each slot the outgoing frame is pulled, encoded and sent, and incoming audio that
has failed to come is made up. Incoming packets are decoded and handed on the moment they come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiortc import RTCPeerConnection, RTCRtpReceiver

from duplex.audio.pcm import Pcm
from duplex.transport.webrtc import taps
from duplex.transport.webrtc.delay import PlayoutDelay
from duplex.transport.webrtc.opus import RTP_RATE
from duplex.transport.webrtc.pacing import FRAME, Pace
from duplex.transport.webrtc.receiver import Receiver
from duplex.transport.webrtc.sender import Sender


def add_audio(pc: RTCPeerConnection) -> Any:
    """A transceiver for audio in both directions, in Opus alone, which is all that `Media` speaks."""
    transceiver = pc.addTransceiver("audio")
    codecs = RTCRtpReceiver.getCapabilities("audio").codecs
    transceiver.setCodecPreferences([each for each in codecs if each.mimeType == "audio/opus"])
    return transceiver


class Media:
    """Carries audio over a transceiver, from the connection's being up until `run` is cancelled."""

    def __init__(
        self,
        transceiver: Any,
        rate: int,
        pull: Callable[[], Pcm],
        heard: Callable[[Pcm, float], None],
        *,
        heard_rate: int = 16_000,
        sent: Callable[[Pcm, float, float], None] | None = None,
        delayed: Callable[[float], None] | None = None,
        dtx: bool = True,
    ) -> None:
        """Make it inside the event loop, right after `add_audio`.

        Args:
            transceiver: of an aiortc peer connection.
            rate: of the audio that `pull` gives.
            pull: gives the next 20 ms to send, int16 [rate / 50], when they are due.
            heard: takes audio as it comes, int16 [n] at `heard_rate`, and its place in the sender's stream in seconds.
            heard_rate: see `heard`.
            sent: told of each frame, its place in our stream in seconds, and the event loop's time when it left.
            delayed: told the seconds from a frame's leaving to its being heard, at first and whenever they change.
            dtx: send next to nothing while there is silence.
        """
        self.delay = PlayoutDelay()
        """Give it what the client reports."""
        self.receiver = Receiver(heard_rate, heard, self._fail)
        self._up = asyncio.Event()
        self.sender = Sender(transceiver.sender, rate, self.delay, self._up.set, dtx=dtx)
        self._pull = pull
        self._sent = sent
        self._delayed = delayed
        self._loop = asyncio.get_running_loop()
        self._pace: Pace | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        taps.take_receiver(transceiver.receiver, self._up.set, self.receiver.arrived)

    def ready(self) -> None:
        """There is something to send: after a silence it leaves now, not in the next slot."""
        waiting = self._waiter is not None and not self._waiter.done()
        if self._pace and self._waiter and waiting and self._pace.hasten(self._loop.time(), self.sender.ends):
            self._waiter.set_result(None)

    async def run(self) -> None:
        """Keep the pace; never returns. Raises what `pull`, `sent`, `heard` or `delayed` raised."""
        try:
            await self._up.wait()
            self._pace = Pace(self._loop.time())
            await self._keep_pace(self._pace)
        finally:
            self._pace = None
            self.receiver.close()

    async def _keep_pace(self, pace: Pace) -> None:
        ticked = 0
        while True:
            await self._slot(pace)
            if self._error is not None:
                raise self._error
            if pace.position - ticked >= FRAME:  # a hastened slot is no 20 ms
                ticked = pace.position
                self.receiver.tick()
            position, pcm = pace.position, self._pull()
            await self.sender.send(pcm, position)
            now = self._loop.time()
            if self._sent is not None:
                self._sent(pcm, position / RTP_RATE, now)
            if self._delayed is not None and (delay := self.delay.changed()) is not None:
                self._delayed(delay)
            pace.advance(now)

    async def _slot(self, pace: Pace) -> None:
        """Wait for the due slot, or until `ready`."""
        if pace.due <= self._loop.time():
            await asyncio.sleep(0)  # others first: what has come in meanwhile is to be heard
            return
        self._waiter = waiter = self._loop.create_future()
        timer = self._loop.call_at(pace.due, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _fail(self, error: Exception) -> None:
        self._error = error


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
