"""The jitter buffer as a table, and what holds for it whatever comes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.transport.webrtc import jitter
from duplex.transport.webrtc.jitter import JitterBuffer, Kind, Piece
from duplex.transport.webrtc.rtp import Packet, signed16, signed32

VOICE = b"\x78" + b"v" * 40
"""20 ms of hybrid Opus, by its header."""
SHORT = b"\x70" + b"v" * 40
"""10 ms."""
QUIET = b"\x78"
"""The header alone: the sender falls silent."""
S = 960


def packet(n: int, payload: bytes = VOICE, *, at: int | None = None, ssrc: int = 1, base: int = 0) -> Packet:
    """Packet `n` of a stream; its time is `at` frames (default: n)."""
    stamp = (base * 7 + (n if at is None else at) * S) & 0xFFFFFFFF
    return Packet(ssrc, (base + n) & 0xFFFF, stamp, payload)


def short(pieces: list[Piece], first: int = 0) -> str:
    """Pieces as words: `5` is packet at frame 5, `f4` its redundancy, `c60` and `s100` milliseconds of fill."""
    words = []
    for piece in pieces:
        match piece.kind:
            case Kind.PACKET:
                words.append(str(piece.at // S + first))
            case Kind.REDUNDANCY:
                words.append(f"f{piece.at // S + first}")
            case Kind.CONCEALMENT:
                words.append(f"c{piece.samples // 48}")
            case Kind.SILENCE:
                words.append(f"s{piece.samples // 48}")
            case Kind.NEW_STREAM:
                words.append("new")
    return " ".join(words)


def feed(buffer: JitterBuffer, *packets: Packet, start: float = 0.0, step: float = 0.02) -> str:
    return short([piece for i, each in enumerate(packets) for piece in buffer.push(each, start + i * step)])


@pytest.mark.parametrize("base", [0, 65_533, 40_000])
@pytest.mark.parametrize(
    ("numbers", "pieces"),
    [
        ([0, 1, 2, 3], "0 1 2 3"),
        ([0, 0, 1, 1, 2, 0], "0 1 2"),
        # One lost: redundancy at once, nothing held.
        ([0, 1, 3, 4], "0 1 f2 3 4"),
        # Three lost: concealment, then redundancy for the last.
        ([0, 1, 5], "0 1 c40 f4 5"),
        # Ten lost: 100 ms of concealment, silence, redundancy.
        ([0, 1, 12], "0 1 c100 s80 f11 12"),
        # One that comes late is dropped.
        ([0, 2, 1, 3], "0 f1 2 3"),
        # A second at most is filled.
        ([0, 100], "0 c100 s880 f99 100"),
    ],
)
def test_order_and_gaps(numbers: list[int], pieces: str, base: int) -> None:
    assert feed(JitterBuffer(), *(packet(n, base=base) for n in numbers)) == pieces


def test_reordering_is_waited_for_once_it_was_seen() -> None:
    buffer = JitterBuffer()
    assert feed(buffer, packet(0), packet(2)) == "0 f1 2"
    assert buffer.push(packet(1), 0.03) == []  # 10 ms after it was missed
    assert (buffer.lost, buffer.late) == (1, 1)
    assert buffer.wait == pytest.approx(0.0175)
    # The next time it is waited for, and nothing is lost.
    assert short(buffer.push(packet(3), 0.04)) == "3"
    assert short(buffer.push(packet(5), 0.06)) == ""
    assert buffer.deadline == pytest.approx(0.0775)
    assert buffer.push(packet(5), 0.061) == []
    assert short(buffer.push(packet(4), 0.07)) == "4 5"
    assert buffer.deadline is None
    # What never comes is given up in time.
    assert short(buffer.push(packet(7), 0.10)) == ""
    assert buffer.expire(0.117) == []
    assert short(buffer.expire(0.1176)) == "f6 7"
    assert (buffer.lost, buffer.late, buffer.repeated, buffer.refused) == (2, 1, 1, 0)


def test_the_wait_shrinks_when_order_returns() -> None:
    buffer = JitterBuffer()
    feed(buffer, packet(0), packet(2), packet(1))
    waits = []
    for n in range(3, 600):
        buffer.push(packet(n), n * 0.02)
        waits.append(buffer.wait)
    assert waits[0] == pytest.approx(0.03)
    assert sorted(set(waits), reverse=True) == pytest.approx([0.03, 0.015, 0.0075, 0.0])
    assert waits.index(0.0) * 0.02 < 10
    # Packets that come far too late were not worth a wait.
    feed(buffer, packet(600), packet(602), start=12)
    buffer.push(packet(601), 12.5)
    assert buffer.wait == 0.0


def test_several_gaps_at_once() -> None:
    buffer = JitterBuffer()
    feed(buffer, packet(0), packet(2), packet(1))
    wait = buffer.wait
    assert feed(buffer, packet(4), packet(6), packet(5), packet(8), start=0.06, step=0.001) == ""
    assert short(buffer.expire(0.07 + wait)) == "f3 4 5 6 f7 8"
    assert buffer.deadline is None


def test_many_held_packets_go_on_without_the_missing() -> None:
    buffer = JitterBuffer()
    feed(buffer, packet(0), packet(2), packet(1))
    held = feed(buffer, *(packet(n) for n in range(4, 4 + jitter.MAX_HELD)), start=0.06, step=0.0)
    assert held.startswith("f3 4 5")
    assert buffer.deadline is None


@pytest.mark.parametrize(
    ("packets", "pieces"),
    [
        # Silence the sender announced: no packet is missing, nothing is concealed.
        ([packet(0), packet(1, QUIET), packet(2, at=20)], "0 1 s360 20"),
        # A pause it did not announce.
        ([packet(0), packet(1), packet(2, at=20)], "0 1 s360 20"),
        # A packet lost in silence is no reason to make a sound.
        ([packet(0), packet(1, QUIET), packet(3, at=21), packet(4, at=22)], "0 1 s380 21 22"),
        # Padding has a number and no time.
        ([packet(0), packet(1, b"", at=0), packet(2, at=1), packet(3, at=2)], "0 1 2"),
        # The sender's clock steps back, or far ahead.
        ([packet(0), packet(1, at=500), packet(2, at=100), packet(3, at=101)], "0 s1000 500 501 502"),
        # Frames of 10 ms.
        ([packet(0, SHORT), Packet(1, 1, 480, SHORT), Packet(1, 3, 1440, SHORT)], "0 0 f1 1"),
    ],
)
def test_time_comes_from_timestamps(packets: list[Packet], pieces: str) -> None:
    assert feed(JitterBuffer(), *packets) == pieces


def run_dry(buffer: JitterBuffer, ticks: int) -> str:
    return short([piece for _ in range(ticks) for piece in buffer.tick()])


def test_the_stream_goes_on_while_no_packet_comes() -> None:
    buffer = JitterBuffer()
    assert run_dry(buffer, 10) == ""
    feed(buffer, packet(0), packet(1))
    assert run_dry(buffer, 3) == ""
    assert run_dry(buffer, 7) == "c20 c20 c20 c20 c20 s20 s20"
    # The rest of the gap is what was not made of it yet; lost packets have redundancy.
    assert feed(buffer, packet(11), packet(12)) == "s20 f10 11 12"
    # After announced silence, sooner, and silently.
    feed(buffer, packet(13, QUIET))
    assert run_dry(buffer, 1) == ""
    assert run_dry(buffer, 3) == "s20 s20 s20"
    assert feed(buffer, packet(14, at=17)) == "17"
    # Packets that a stall only held up are all given, for the user said what is in them.
    run_dry(buffer, 10)
    assert feed(buffer, *(packet(n, at=n + 3) for n in range(15, 35)), step=0) == " ".join(
        map(str, range(18, 38))
    )
    assert buffer.lost == 9


def test_another_sender_is_believed_at_its_second_packet() -> None:
    buffer = JitterBuffer()
    other = [packet(n, ssrc=2, base=9000)._replace(timestamp=5 + n * S) for n in range(4)]
    assert feed(buffer, packet(0), packet(1), other[0]) == "0 1"
    assert feed(buffer, packet(2), other[1], packet(3)) == "2 3"
    assert buffer.refused == 2
    assert feed(buffer, other[2], other[3]) == "new 4 5"
    assert feed(buffer, packet(4)) == ""
    # The same sender begins anew, with other numbers.
    assert feed(buffer, packet(0, ssrc=2, base=20_000), packet(1, ssrc=2, base=20_000)) == "new 6 7"


@pytest.mark.parametrize("payload", [b"\x03", b"\xff\x40", b"\x7b\x00", VOICE * 100])
def test_what_is_no_opus_is_refused(payload: bytes) -> None:
    buffer = JitterBuffer()
    assert feed(buffer, packet(0), packet(1, payload), packet(2)) == "0 f1 2"
    assert buffer.refused == 1


def test_a_flood_is_cut_to_what_time_allows() -> None:
    buffer = JitterBuffer()
    pieces = [p for n in range(5000) for p in buffer.push(packet(n), n * 0.001)]
    assert sum(piece.samples for piece in pieces) / 48_000 <= 5.0 + jitter.MAX_AHEAD
    assert buffer.refused > 4000
    steps = JitterBuffer()
    leaps = [p for n in range(5000) for p in steps.push(packet(n, at=n * 1000), n * 0.02)]
    assert sum(piece.samples for piece in leaps) / 48_000 <= 100.0 + jitter.MAX_AHEAD


@given(st.integers(-40_000, 40_000), st.integers(0, 1 << 32))
def test_differences_wrap(step: int, origin: int) -> None:
    if -0x8000 <= step < 0x8000:
        assert signed16(((origin + step) & 0xFFFF) - (origin & 0xFFFF)) == step
    assert signed32(((origin + step) & 0xFFFFFFFF) - (origin & 0xFFFFFFFF)) == step


def arrivals(draw: st.DrawFn) -> tuple[list[tuple[float, Packet]], int]:
    """A stream sent every 20 ms over a network that delays, loses, doubles and holds up."""
    base, count = draw(st.integers(0, 0xFFFF)), draw(st.integers(2, 60))
    delays = draw(st.lists(st.floats(0, 0.09), min_size=count, max_size=count))
    fates = draw(st.lists(st.sampled_from(["", "", "", "", "lost", "twice"]), min_size=count, max_size=count))
    out = []
    for n in range(count):
        each = packet(n, bytes((0x78, n)) + VOICE, base=base)
        copies = {"lost": 0, "twice": 2}.get(fates[n], 1)
        out += [(n * 0.02 + delays[n] + 0.03 * copy, each) for copy in range(copies)]
    return sorted(out, key=lambda item: item[0]), count


@settings(max_examples=200)
@given(st.composite(arrivals)(), st.floats(0, 0.02))
def test_whatever_the_network_does(case: tuple[list[tuple[float, Packet]], int], phase: float) -> None:
    """In order, no packet twice, none held longer than the limit, no more audio than was sent or time passed."""
    packets, count = case
    buffer = JitterBuffer()
    came: dict[int, float] = {}
    played: list[int] = []
    origin, made = None, 0
    tick = phase

    def take(pieces: list[Piece], now: float) -> None:
        nonlocal origin, made
        for piece in pieces:
            made += piece.samples
            if piece.kind is Kind.PACKET:
                origin = piece.payload[1] * S if origin is None else origin
                assert piece.at == piece.payload[1] * S - origin
                played.append(piece.payload[1])
                assert now - came[piece.payload[1]] <= jitter.MAX_WAIT + 1e-9

    for at, each in packets:
        while True:
            due = min(tick, buffer.deadline if buffer.deadline is not None else at)
            if due >= at:
                break
            if due == tick:
                take(buffer.tick(), tick)
                tick += 0.02
            else:
                take(buffer.expire(due), due)
        came.setdefault(each.payload[1], at)
        take(buffer.push(each, at), at)
        assert len(buffer._held) < jitter.MAX_HELD
        assert len(buffer._missing) <= jitter.MISORDER
    while (deadline := buffer.deadline) is not None:
        take(buffer.expire(deadline), deadline)
    assert played == sorted(set(played))
    assert len(played) + buffer.late + buffer.repeated == len(packets)
    assert buffer.refused == 0
    assert made / 48_000 <= count * 0.02 + (tick - phase)


junk = st.builds(
    Packet,
    ssrc=st.integers(0, 2),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    payload=st.one_of(st.just(VOICE), st.just(QUIET), st.just(b""), st.binary(max_size=5)),
)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.floats(0, 0.5), junk | st.none()), max_size=200))
def test_any_packets_are_survived(events: list[tuple[float, Packet | None]]) -> None:
    buffer, now, made = JitterBuffer(), 0.0, 0
    ticks = 0
    for step, each in events:
        now += step
        pieces = buffer.expire(now)
        if each is None:
            ticks += 1
            pieces += buffer.tick()
        else:
            pieces += buffer.push(each, now)
        assert all(0 <= piece.samples <= jitter.MAX_GAP for piece in pieces)
        made += sum(piece.samples for piece in pieces)
        assert len(buffer._held) < jitter.MAX_HELD
    assert made / 48_000 <= now + jitter.MAX_AHEAD + ticks * 0.02 + 1e-6
