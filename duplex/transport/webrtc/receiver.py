"""Incoming packets to audio: the jitter buffer's decisions carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from duplex.audio.pcm import Pcm
from duplex.transport.webrtc.jitter import JitterBuffer, Kind, Piece
from duplex.transport.webrtc.opus import RTP_RATE, OpusError, new_decoder
from duplex.transport.webrtc.rtp import Packet


class Receiver:
    """Decodes a stream of packets to mono int16, gaps filled, each packet the moment it may go on."""

    def __init__(
        self, rate: int, heard: Callable[[Pcm, float], None], failed: Callable[[Exception], None]
    ) -> None:
        """Make it inside the event loop.

        Args:
            rate: of the audio given.
            heard: takes int16 [n] and its place in the stream, in seconds.
            failed: told of what `heard` raised.
        """
        self.buffer = JitterBuffer()
        self.damaged = 0
        """Packets that could not be decoded; they were concealed."""
        self._rate = rate
        self._heard = heard
        self._failed = failed
        self._decoder = new_decoder(rate)
        self._loop = asyncio.get_running_loop()
        self._expiry: asyncio.TimerHandle | None = None
        self._closed = False

    def arrived(self, packet: Packet) -> None:
        """Take a packet; does not raise."""
        self._make(self.buffer.push(packet, self._loop.time()))
        self._set_expiry()

    def tick(self) -> None:
        """20 ms have passed; does not raise."""
        self._make(self.buffer.tick())

    def close(self) -> None:
        """Give no more audio."""
        self._closed = True
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _set_expiry(self) -> None:
        deadline = self.buffer.deadline
        if deadline is None or self._expiry is not None or self._closed:
            return
        self._expiry = self._loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        self._make(self.buffer.expire(self._loop.time()))
        self._set_expiry()

    def _make(self, pieces: list[Piece]) -> None:
        if self._closed:
            return
        try:
            for piece in pieces:
                if piece.kind is Kind.NEW_STREAM:
                    self._decoder.reset()
                else:
                    self._heard(self._audio(piece), piece.at / RTP_RATE)
        except Exception as error:
            # Raised on, it would end aiortc's reader without a word.
            self.close()
            self._failed(error)

    def _audio(self, piece: Piece) -> Pcm:
        samples = piece.samples * self._rate // RTP_RATE
        match piece.kind:
            case Kind.SILENCE:
                return np.zeros(samples, np.int16)
            case Kind.CONCEALMENT:
                return self._decoder.conceal(samples)
        try:
            if piece.kind is Kind.REDUNDANCY:
                return self._decoder.recover(piece.payload, samples)
            return self._decoder.decode(piece.payload)
        except OpusError:
            self.damaged += 1
            return self._decoder.conceal(samples)
