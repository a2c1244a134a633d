"""`duplex bench transport`: what our media path costs and what it survives, beside aiortc's own in the same run.

Two echo servers in processes of their own (`transport_server`) are called by one client at the wire
(`transport_client`), which measures both in the same way (`transport_signal`). Delays are those from a caller's
microphone to his loudspeaker, 20 ms of framing and two of Opus's lookaheads included; losses are on the way up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path as File

import anyio
import numpy as np

from duplex.audio.pcm import FRAME_SECONDS
from duplex.bench.measure import Measure, of_quantile, of_share
from duplex.bench.served import Served, started
from duplex.bench.transport_calls import SETTLE, Calls, longer, lossy, reordering
from duplex.bench.transport_load import Cost, cost, late_ms
from duplex.bench.transport_signal import Echo, delays_ms

COMMAND = "duplex bench transport --json FILE"
OUT = File("out/bench-transport")
ROUNDS = 6
CALLS = 4
"""Calls at once where the echo is timed: few enough to cost each other nothing."""
IMPAIRED_CALLS = 8
KNOWN = 0.1
"""Seconds by which the client holds packets back, to see that they are found."""
IMPAIRED = 12.0
"""Seconds of a call over a bad path, the beginning included."""
LOSS = 0.1
REORDERED, REORDERED_BY = 0.05, 0.03
LOADED = 16
"""Calls at once whose cost is measured: as many as stock aiortc was seen to carry on one core."""
MANY, MANY_SECONDS = 32, 10.0
PACKETS = round(IMPAIRED / FRAME_SECONDS)


def run() -> list[Measure]:
    """Measure both; takes five minutes. The servers' output stays in out/bench-transport."""
    OUT.mkdir(parents=True, exist_ok=True)
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        _tell(f"other programs keep this machine busy (load {load:.1f}, {cores} cores): expect worse figures")
    calls = Calls(IMPAIRED)
    with _server("ours") as ours, _server("stock") as stock:
        measures = anyio.run(_delays, calls, ours, stock)
    costs: list[Cost] = []
    for which in ("ours", "stock"):
        _tell(f"{which}: {LOADED} calls at once")
        with _server(which) as served:
            costs.append(anyio.run(cost, served, LOADED))
    measures += _costs(*costs)
    _tell(f"ours: {MANY} calls at once")
    with _server("ours") as served:
        late = anyio.run(late_ms, served, MANY, MANY_SECONDS)
    return measures + _quantile("transport.late_p99_ms", late, 0.99)


@contextmanager
def _server(which: str) -> Iterator[Served]:
    arguments = ["-m", "duplex.bench.transport_server", which]
    with started(arguments, OUT, log=OUT / f"{which}.log") as served:
        yield served


def _tell(what: str) -> None:
    print(what, flush=True)


async def _delays(calls: Calls, ours: Served, stock: Served) -> list[Measure]:
    _tell(f"echo: {ROUNDS * CALLS} calls to each")
    mine = await calls.echo_ms(ours, ROUNDS, CALLS)
    theirs = await calls.echo_ms(stock, ROUNDS, CALLS)
    measures = _quantile("transport.echo_ms", mine) + _quantile("transport.echo_stock_ms", theirs)
    if mine and theirs:
        ratio = float(np.median(mine) / np.median(theirs))
        measures.append(Measure("transport.echo_ratio", round(ratio, 3), "ratio", len(mine), None, COMMAND))
    measures += await _known_delay(calls, stock, theirs)
    for served, tag in ((ours, ""), (stock, "_stock")):
        name = tag.strip("_") or "ours"
        _tell(f"{name}: one lost packet, then a stalled server")
        measures += _quantile(
            f"transport.loss_shift{tag}_ms", await calls.loss_shifts_ms(served, IMPAIRED_CALLS)
        )
        measures += _quantile(
            f"transport.stall_shift{tag}_ms", await calls.stall_shifts_ms(served, IMPAIRED_CALLS)
        )
        _tell(f"{name}: {LOSS:.0%} lost, then {REORDERED:.0%} overtaken")
        paths = [lossy(LOSS, PACKETS, seed) for seed in range(IMPAIRED_CALLS)]
        measures += _impaired(f"loss10{{}}{tag}", await calls.place(served, IMPAIRED, paths))
        paths = [reordering(REORDERED, REORDERED_BY, PACKETS, seed) for seed in range(IMPAIRED_CALLS)]
        measures += _impaired(f"reorder5{{}}{tag}", await calls.place(served, IMPAIRED, paths))
    return measures


async def _known_delay(calls: Calls, stock: Served, plain: Sequence[float]) -> list[Measure]:
    """How much longer a path is found to be that was made 100 ms longer: the check of the measure itself.

    Against stock, which sends an echo at once: in a paced one each call differs by up to a frame.
    """
    _tell(f"check: a path {KNOWN * 1000:.0f} ms longer")
    longest = await calls.echo_ms(stock, 1, CALLS, longer(KNOWN, PACKETS))
    if not plain:
        return []
    return _quantile("transport.known_100_ms", [each - float(np.median(plain)) for each in longest])


def _impaired(name: str, heard: Sequence[Sequence[Echo]]) -> list[Measure]:
    """The delay that nine in ten pieces keep within, and how many came back at all."""
    pieces = [each for call in heard for each in call if each.place >= SETTLE]
    delays = delays_ms(pieces)
    measures = _quantile(f"transport.{name.format('_p90')}_ms", delays, 0.9)
    if pieces:
        share = f"transport.{name.format('_heard')}_share"
        measures.append(of_share(share, len(delays), len(pieces), COMMAND))
    return measures


def _costs(ours: Cost, stock: Cost) -> list[Measure]:
    measures: list[Measure] = []
    for each, tag in ((ours, ""), (stock, "_stock")):
        for state, shares in (("", each.silent), ("_sounding", each.sounding)):
            name = f"transport.cpu_per_session{state}{tag}_pct"
            measures.append(of_quantile(name, shares, "%", COMMAND, digits=2))
        sizes = {"mb": each.mb, "mb_kept": each.mb_kept, "mb_left": each.mb_left}
        for name, mb in sizes.items():
            measures.append(
                Measure(f"transport.{name}_per_session{tag}", round(mb, 3), "MB", LOADED, None, COMMAND)
            )
    return measures


def _quantile(name: str, samples: Sequence[float], q: float = 0.5) -> list[Measure]:
    """The figure, in milliseconds, or none where nothing was heard."""
    return [of_quantile(name, samples, "ms", COMMAND, q, 1)] if samples else []
