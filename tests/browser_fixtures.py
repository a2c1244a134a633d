"""Real browsers for tests: headless Chromium with a spoken WAV as its microphone, and the agent that it calls.

A browser belongs to one test, since its microphone is set when it starts; the server is shared by a module.
Playwright's synchronous interface keeps an event loop in its thread, so that no `anyio.run` may be inside the block.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from duplex.bench.served import Served, serve
from duplex.bench.speaker import RATE, Speaker

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Pcm = NDArray[np.int16]
CHROMIUM = "/usr/bin/chromium"
MICROPHONE_RATE = 48_000
QUIET = (
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
"""A browser that asks the network for nothing but what the page wants."""


def missing() -> str:
    """What this machine lacks for browser tests, by name; empty if it has all."""
    if not Path(CHROMIUM).exists():
        return f"no {CHROMIUM} (Debian: apt-get install chromium)"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "no playwright (pip install playwright)"
    return ""


needs_browser = pytest.mark.skipif(bool(missing()), reason=f"browser tests: {missing()}")


def write_microphone(path: Path, *parts: Pcm | float) -> Path:
    """A WAV that Chromium plays as its microphone, once, from the moment the page opens the microphone.

    Args:
        path: the file to write.
        parts: int16 [n] at 16 kHz to be said, or seconds of silence; silence follows the last.
    """
    pieces = [
        np.zeros(round(part * RATE), np.int16) if isinstance(part, int | float) else part for part in parts
    ]
    audio = soxr.resample(np.concatenate(pieces).astype(np.float32) / 32_768, RATE, MICROPHONE_RATE)
    soundfile.write(path, np.clip(audio, -1, 1), MICROPHONE_RATE, subtype="PCM_16")
    return path


@contextmanager
def chromium(microphone: Path | None = None, *arguments: str) -> Iterator[Browser]:
    """A headless browser whose microphone says a WAV; without one it beeps.

    The page may use the microphone without asking: add `--deny-permission-prompts` to deny it.
    """
    from playwright.sync_api import sync_playwright

    flags = [*QUIET, "--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream"]
    if "--deny-permission-prompts" not in arguments:
        flags.append("--use-fake-ui-for-media-stream")
    if microphone is not None:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*flags, *arguments], chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="session")
def caller_voice(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pcm]:
    """`caller_voice("How deep is Lake Baikal?")` is int16 [n] at 16 kHz, in a voice that is not the agent's."""
    return Speaker(tmp_path_factory.mktemp("voice")).say


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of the shipped agent in a process of its own, models warm."""
    folder = tmp_path_factory.mktemp("lakes")
    with serve("lakes", folder / "sessions", log=folder / "server.log") as served:
        yield served


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips a test, with their names, where programs are not installed."""
    absent = [name for name in programs if shutil.which(name) is None]
    return pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}")
