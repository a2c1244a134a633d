"""What the transport's delays are read from: a signal that is recognised wherever 100 ms of it come back. Pure.

The signal is noise in the band of speech that never repeats: any piece of it correlates with its own echo alone, so a
delay is found without knowing it roughly, while the sound, as that of a talking caller, has no end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duplex.audio.pcm import FRAME_SECONDS, Pcm, frame_samples, to_int16
from duplex.transport.webrtc.opus import RTP_RATE, OpusError, new_decoder, new_encoder

FRAME = frame_samples(RTP_RATE)
PIECE = 5
"""Packets in a piece of the signal that is looked for: 100 ms."""
MAX_DELAY = 1.5
"""Seconds after which an echo is not looked for any more."""
ALIKE = 0.5
"""The correlation from which on a piece is taken for found; foreign ones reach 0.25."""
EXPECTED_LOSS = 10
"""Percent of the packets for which the signal carries redundancy."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a packet came, in seconds, and its RTP timestamp."""

    at: float
    timestamp: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet: when it came, in seconds, its RTP sequence number and timestamp, and its Opus payload."""

    at: float
    sequence: int
    timestamp: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Echo:
    """A piece of the signal: its place there in seconds, and the seconds until it came back; None if it did not."""

    place: float
    delay: float | None


def noise(seconds: float, seed: int = 1) -> Pcm:
    """Noise from 200 to 3,000 Hz at 48 kHz and -18 dBFS, int16 [n]; the same for the same seed."""
    n = round(seconds * RTP_RATE)
    white = np.random.default_rng(seed).standard_normal(n)
    spectrum = np.fft.rfft(white)
    hertz = np.fft.rfftfreq(n, 1 / RTP_RATE)
    spectrum[(hertz < 200) | (hertz > 3_000)] = 0
    band = np.fft.irfft(spectrum, n)
    return to_int16(band / band.std() * 10 ** (-18 / 20))


def encode(pcm: Pcm) -> list[bytes]:
    """48 kHz audio as Opus, a packet for each whole 20 ms, with redundancy for a path that loses packets."""
    encoder = new_encoder(RTP_RATE)
    encoder.expect_loss(EXPECTED_LOSS)
    return [encoder.encode(pcm[i : i + FRAME]) for i in range(0, len(pcm) - FRAME + 1, FRAME)]


def unwrapped(values: Sequence[int], bits: int) -> NDArray[np.int64]:
    """Counters that begin anew after `bits` bits, as ones that go on; steps back are kept."""
    size, places, last = 1 << bits, list[int](), None
    for value in values:
        step = 0 if last is None else (value - last + size // 2) % size - size // 2
        places.append(places[-1] + step if places else 0)
        last = value
    return np.array(places, np.int64)


class Track:
    """A stream of packets as sound, each where its timestamp puts it, and when each sample could be played."""

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        """Packets in the order in which they came."""
        order = np.argsort(unwrapped([each.sequence for each in arrivals], 16), kind="stable")
        packets = [arrivals[i] for i in order]
        starts = unwrapped([each.timestamp for each in packets], 32)
        self.starts: NDArray[np.int64] = starts - starts.min(initial=0)
        self.at: Floats = np.array([each.at for each in packets], np.float64)
        self.pcm: Floats = np.zeros(int(self.starts.max(initial=0)) + 6 * FRAME)
        decoder = new_decoder(RTP_RATE)
        for start, packet in zip(self.starts, packets, strict=True):
            try:
                audio = decoder.decode(packet.payload)
            except OpusError:
                continue
            room = self.pcm[start : start + len(audio)]
            room[:] = audio[: len(room)]

    def span(self, earliest: float, latest: float) -> tuple[int, int]:
        """The samples, from and to, of the packets that came between two moments, and a frame more.

        By the lookaheads of its codecs, the end of an echo lies in a packet that may never come.
        """
        (came,) = np.nonzero((self.at >= earliest) & (self.at <= latest))
        if not len(came):
            return 0, 0
        return int(self.starts[came].min()), int(self.starts[came].max()) + 2 * FRAME

    def playable(self, sample: int) -> float:
        """When a sample could be played at the soonest: its packet's arrival and its place in the packet."""
        packet = int(np.searchsorted(self.starts, sample, "right")) - 1
        return float(self.at[packet]) + (sample - int(self.starts[packet])) / RTP_RATE


def locate(piece: Floats, sound: Floats) -> int | None:
    """Where in `sound` [n] `piece` [m] begins, by normalised correlation; None if it is not there."""
    if len(sound) < len(piece) or not piece.any():
        return None
    size = 1 << (len(sound) + len(piece)).bit_length()
    product = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(piece, size))
    dots = np.fft.irfft(product, size)[: len(sound) - len(piece) + 1]
    sums = np.concatenate(([0.0], np.cumsum(sound**2)))
    energies = np.maximum(sums[len(piece) :] - sums[: -len(piece)], 1.0)
    scores = dots / np.sqrt(energies * np.sum(piece**2))
    best = int(np.argmax(scores))
    return best if scores[best] >= ALIKE else None


def echoes(signal: Pcm, sent: Sequence[float], track: Track) -> list[Echo]:
    """The delay of each piece of the signal, from the microphone to the loudspeaker of a caller who buffers nothing.

    The samples of a packet were spoken in the 20 ms before it left, and are heard in those after it came.

    Args:
        signal: int16 [n] at 48 kHz.
        sent: when each of its packets left, in seconds of the clock of the arrivals.
        track: what came back.
    """
    found: list[Echo] = []
    length = PIECE * FRAME
    for first in range(0, min(len(sent), len(signal) // FRAME) - PIECE + 1, PIECE):
        middle = first + PIECE // 2
        spoken = sent[middle] - FRAME_SECONDS / 2
        low, high = track.span(sent[first] - FRAME_SECONDS, spoken + MAX_DELAY)
        piece = signal[first * FRAME : first * FRAME + length].astype(np.float64)
        start = locate(piece, track.pcm[low:high])
        delay = None if start is None else track.playable(low + start + length // 2) - spoken
        found.append(Echo((first + PIECE / 2) * FRAME_SECONDS, delay))
    return found


def delays_ms(echoes: Sequence[Echo], since: float = 0.0, until: float = float("inf")) -> list[float]:
    """The delays of the pieces at `since` <= place < `until`, in milliseconds; those not heard are left out."""
    return [each.delay * 1000 for each in echoes if each.delay is not None and since <= each.place < until]


def median_ms(echoes: Sequence[Echo], since: float = 0.0, until: float = float("inf")) -> float | None:
    """The median of `delays_ms`; None where nothing was heard."""
    delays = delays_ms(echoes, since, until)
    return float(np.median(delays)) if delays else None


def shift_ms(echoes: Sequence[Echo], before: tuple[float, float], after: tuple[float, float]) -> float | None:
    """How much later the echo comes in one span of the signal than in another, by their medians; None if unheard."""
    early, late = median_ms(echoes, *before), median_ms(echoes, *after)
    return None if early is None or late is None else late - early


def lateness_ms(stamps: Sequence[Stamp]) -> list[float]:
    """How late each frame left against the sender's absolute clock, in milliseconds.

    Timestamps count 48 kHz samples. The clock is the one by which the promptest packet was in time: an even delay,
    as of the path, is not in the figures. A frame that was skipped is late until the next one left, so that a sender
    gains nothing by skipping what it did not manage; there must be no silence in which it may send nothing.
    """
    places = unwrapped([each.timestamp for each in stamps], 32)
    offsets = [each.at - place / RTP_RATE for each, place in zip(stamps, places, strict=True)]
    start = min(offsets, default=0.0)
    late: list[float] = []
    due = int(places[0]) if stamps else 0
    for stamp, place in zip(stamps, places, strict=True):
        slots = [*range(due, int(place), FRAME), int(place)]
        late += [float(stamp.at - start - slot / RTP_RATE) * 1000 for slot in slots]
        due = max(due, int(place) + FRAME)
    return late
