"""Virtual time: timers in order, work charged, the world outside waited for."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import anyio
import pytest
from anyio.abc import SocketStream
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.graph import Clock, VirtualTimeError, outside, perf_seconds, run_virtual, to_seconds, to_ticks
from duplex.graph.virtual import Compute, Mode

delays = st.floats(min_value=0, max_value=1e5, allow_nan=False)


@pytest.mark.parametrize(
    ("seconds", "ticks"), [(0, 0), (0.02, 960), (0.08, 3_840), (1, 48_000), (-0.02, -960)]
)
def test_ticks(seconds: float, ticks: int) -> None:
    assert to_ticks(seconds) == ticks
    assert to_seconds(ticks) == pytest.approx(seconds)


@settings(deadline=None)
@given(st.lists(delays, min_size=1, max_size=20))
def test_timers_fire_in_order_and_time_never_goes_back(waits: list[float]) -> None:
    seen: list[tuple[float, float]] = []

    async def wait(seconds: float) -> None:
        await anyio.sleep(seconds)
        seen.append((seconds, anyio.current_time()))

    async def main() -> float:
        async with anyio.create_task_group() as tasks:
            for seconds in waits:
                tasks.start_soon(wait, seconds)
        return anyio.current_time()

    end = run_virtual(main)
    assert [seconds for seconds, _ in seen] == sorted(waits)
    times = [at for _, at in seen]
    assert times == sorted(times)
    assert all(at == pytest.approx(seconds, abs=1e-6) for seconds, at in seen)
    assert end == pytest.approx(max(waits), abs=1e-6)


@settings(deadline=None)
@given(st.lists(st.integers(min_value=-10, max_value=200_000), max_size=30))
def test_the_clock_is_exact_to_the_tick(times: list[int]) -> None:
    async def main() -> list[int]:
        await anyio.sleep(0.123_456_7)  # a session does not begin when the loop does
        clock = Clock()
        woken = []
        for t in times:
            await clock.sleep_until(t)
            woken.append(clock.now())
        return woken

    woken, latest = run_virtual(main), 0
    for t, at in zip(times, woken, strict=True):
        latest = max(latest, t)
        assert at == latest


def test_a_day_passes_at_once() -> None:
    async def main() -> float:
        await anyio.sleep(3 * 86_400)
        return anyio.current_time()

    start = perf_seconds()
    assert run_virtual(main) == pytest.approx(3 * 86_400)
    assert perf_seconds() - start < 10


def test_timeouts_and_deadlines_are_virtual() -> None:
    async def main() -> tuple[bool, float]:
        with anyio.move_on_after(5) as scope:
            await anyio.sleep_forever()
        with pytest.raises(TimeoutError), anyio.fail_after(1):
            await anyio.sleep(2)
        return scope.cancelled_caught, anyio.current_time()

    assert run_virtual(main) == (True, pytest.approx(6))


def test_a_deadlock_is_an_error() -> None:
    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            await anyio.Event().wait()

    with pytest.raises(VirtualTimeError, match="every task waits"):
        run_virtual(main, patience=0.05)


@pytest.mark.parametrize(("mode", "low", "high"), [("measured", 0.05, 5), ("fixed", 0, 0), ("zero", 0, 0)])
def test_a_thread_call_holds_the_clock_and_is_charged(mode: Mode, low: float, high: float) -> None:
    async def main() -> float:
        with anyio.fail_after(30):
            await anyio.to_thread.run_sync(time.sleep, 0.05)
        return anyio.current_time()

    took = run_virtual(main, compute=mode, costs={} if mode == "fixed" else None)
    assert low <= took <= high


def test_timers_run_on_time_beside_a_thread_call() -> None:
    ticks: list[float] = []

    async def tick() -> None:
        for i in range(1, 6):
            await anyio.sleep(i * 0.01 - anyio.current_time())
            ticks.append(anyio.current_time())

    async def main() -> float:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tick)
            await anyio.to_thread.run_sync(time.sleep, 0.1)
        return anyio.current_time()

    assert run_virtual(main) >= 0.1
    assert ticks == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05], abs=2e-3)


def test_a_loopback_connection_inside_the_loop_takes_no_virtual_time() -> None:
    async def answer(stream: SocketStream) -> None:
        async with stream:
            async for data in stream:
                await anyio.sleep(0.5)  # the other end waits meanwhile, and must not hold the clock
                await stream.send(data.upper())

    async def main() -> tuple[list[bytes], float]:
        heard = []
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, answer)
            port = listener.extra(anyio.abc.SocketAttribute.local_port)
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                for word in (b"one", b"two"):
                    with anyio.fail_after(2):
                        await stream.send(word)
                        heard.append(await stream.receive())
            tasks.cancel_scope.cancel()
        return heard, anyio.current_time()

    heard, took = run_virtual(main, compute="zero")
    assert heard == [b"ONE", b"TWO"]
    assert took == pytest.approx(1.0, abs=1e-6)


@contextlib.contextmanager
def server(delay: float) -> Iterator[int]:
    """A real server on a thread of its own: it answers every message after `delay` real seconds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(100):
                    if done.wait(delay):
                        return
                    connection.sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        done.set()
        thread.join()


@pytest.mark.parametrize(("mode", "low", "high"), [("measured", 0.12, 5), ("zero", 0, 1e-6)])
def test_a_server_outside_is_waited_for_and_charged(mode: Mode, low: float, high: float) -> None:
    async def main(port: int) -> float:
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            for _ in range(3):
                start = anyio.current_time()
                with anyio.fail_after(5):
                    await stream.send(b"ping")
                    assert await stream.receive() == b"ping"
                assert low / 3 <= anyio.current_time() - start
            took = anyio.current_time()
            before = perf_seconds()
            await anyio.sleep(100)  # nobody reads: the open connection does not hold the clock
            assert perf_seconds() - before < 5
        return took

    with server(0.04) as port:
        assert low <= run_virtual(lambda: main(port), compute=mode) <= high


@pytest.mark.parametrize("mode", ["measured", "zero"])
def test_a_server_that_never_answers_runs_into_the_virtual_timeout(mode: Mode) -> None:
    async def main(port: int) -> float:
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            start = anyio.current_time()
            with anyio.move_on_after(0.3):
                await stream.send(b"ping")
                await stream.receive()
            return anyio.current_time() - start

    with server(60) as port:
        assert run_virtual(lambda: main(port), compute=mode, patience=0.05) == pytest.approx(0.3, abs=1e-3)


def test_what_the_loop_cannot_see_can_be_declared() -> None:
    async def main() -> float:
        event = anyio.Event()
        token = anyio.lowlevel.current_token()

        def work() -> None:
            time.sleep(0.05)
            anyio.from_thread.run_sync(event.set, token=token)

        with outside(), anyio.fail_after(1):
            threading.Thread(target=work).start()
            await event.wait()
        return anyio.current_time()

    assert 0.05 <= run_virtual(main) < 0.9
    assert anyio.run(main) > 0  # on a real loop the declaration changes nothing


@pytest.mark.parametrize(
    ("mode", "costs", "workers", "message"),
    [("measured", None, 0, "at least one"), ("fixed", None, 1, "table"), ("zero", {"a": 1.0}, 1, "table")],
)
def test_settings_that_contradict_each_other(
    mode: Mode, costs: dict[str, float] | None, workers: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Compute(mode, costs, workers)
