"""Outgoing frames to packets: Opus with redundancy, nothing in silence, our own RTP.

A frame is encoded when it leaves, never before: there is no buffer that an interruption would have to flush.
aiortc's own path reads a track in a loop of its own, computes levels sample by sample in Python (45 % of the event
loop's time in a call) and encodes in another thread; here a frame costs an encoder's call and an SRTP one.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from duplex.audio.pcm import Pcm
from duplex.transport.webrtc import rtp, taps
from duplex.transport.webrtc.delay import PlayoutDelay
from duplex.transport.webrtc.feedback import Feedback
from duplex.transport.webrtc.opus import RTP_RATE, check_frame, new_encoder, silent_packet
from duplex.transport.webrtc.pacing import FRAME, Send, Transmission, is_silent


class Sender:
    """Sends frames as one stream of an aiortc sender, which must have no track."""

    def __init__(
        self, sender: Any, rate: int, delay: PlayoutDelay, started: Callable[[], None], *, dtx: bool
    ) -> None:
        """Make it inside the event loop, before the connection is up.

        Args:
            sender: the RTCRtpSender.
            rate: of the frames.
            delay: is given the round trips that the other side's reports tell.
            started: called once frames can be sent.
            dtx: send next to nothing while the frames are silent.
        """
        self.ends = 0
        """Where the frame that was sent last ends, in 48 kHz samples on the schedule: none may begin before."""
        self.packets = 0
        self.octets = 0
        self._sender = sender
        self._rate = rate
        self._delay = delay
        self._started = started
        self._transmission = Transmission() if dtx else None
        self._encoder = new_encoder(rate)
        self._feedback = Feedback()
        self._encoder.expect_loss(self._feedback.loss)
        self._loop = asyncio.get_running_loop()
        self._payload_type: int | None = None
        # In the lower half: a number that wraps within the first packets breaks SRTP where some are lost (RFC 3711).
        self._sequence = secrets.randbelow(1 << 15)
        self._origin = secrets.randbits(32)
        self._position, self._sent_at = 0, 0.0
        self._paused = True
        self._last = b""
        taps.take_sender(sender, self._start, self._describe, self._reported)

    def _start(self, payload_type: int) -> None:
        self._payload_type = payload_type
        self._started()

    async def send(self, pcm: Pcm, position: int) -> None:
        """Send a frame, int16 [20 ms], that stands at `position` of the schedule, or skip it if it is silent.

        Raises ValueError on another shape. Before the start, and after the end, of the connection nothing is sent.
        """
        payload = self._payload(check_frame(pcm, self._rate))
        if not payload or self._payload_type is None:
            self._paused = True
            return
        source, stamp = taps.ssrc(self._sender), self._origin + position
        data = rtp.write(self._payload_type, self._sequence, stamp, source, payload, self._paused)
        if await taps.send_rtp(self._sender, data):
            self._sequence += 1
            self._position, self._sent_at = position, self._loop.time()
            self.packets += 1
            self.octets += len(payload)
            self.ends = position + FRAME
            self._paused = False

    def _payload(self, pcm: Pcm) -> bytes:
        """What to send for a frame; nothing for most of a silence."""
        send = self._transmission.on(is_silent(pcm)) if self._transmission else Send.AUDIO
        match send:
            case Send.AUDIO:
                self._last = self._encoder.encode(pcm)
                return self._last
            case Send.REMINDER:
                return silent_packet(self._last)
        return b""

    def _describe(self, info: Any) -> None:
        """Fill in a sender report: the present moment on both clocks, and what has been sent."""
        now = self._loop.time()
        info.ntp_timestamp = taps.ntp_now()
        since = round((now - self._sent_at) * RTP_RATE) if self.packets else 0
        info.rtp_timestamp = (self._origin + self._position + since) & 0xFFFFFFFF
        info.packet_count = self.packets & 0xFFFFFFFF
        info.octet_count = self.octets & 0xFFFFFFFF
        self._feedback.reported(info.ntp_timestamp, now)

    def _reported(self, report: Any) -> None:
        now = self._loop.time()
        trip = self._feedback.answered(report.fraction_lost, report.lsr, report.dlsr, now)
        if trip is not None:
            self._delay.round_trip(trip, now)
        self._encoder.expect_loss(self._feedback.loss)
