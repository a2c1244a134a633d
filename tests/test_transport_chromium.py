"""Our packets in a real browser, and a browser's in our jitter buffer: no model, no page, a plain peer connection."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from browser_fixtures import chromium, needs_browser, write_microphone
from transport_line import likeness, voice
from transport_peers import BasePeer

from duplex.audio.pcm import Pcm
from duplex.audio.resample import resample
from duplex.server.app import create_app
from duplex.server.serve import serving

pytestmark = needs_browser

SAID = resample(voice(1.0), 24_000, 16_000)
BURSTS = 4
CALL = """async () => {
  const pc = (window.pc = new RTCPeerConnection());
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: plain });
  pc.addTrack(microphone.getTracks()[0], microphone);
  window.levels = [];
  pc.ontrack = ({ streams }) => {
    const audio = (window.audio = new Audio());
    audio.srcObject = streams[0];
    void audio.play();
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 512 });
    context.createMediaStreamSource(streams[0]).connect(analyser);
    const samples = new Float32Array(512);
    setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      window.levels.push(Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / 512));
    }, 10);
  };
  await pc.setLocalDescription(await pc.createOffer());
  const body = JSON.stringify({ sdp: pc.localDescription.sdp, type: "offer" });
  const headers = { "content-type": "application/json" };
  const answer = await (await fetch("/api/offer", { method: "POST", headers, body })).json();
  await pc.setRemoteDescription(answer);
  return answer.sdp;
}"""
STATS = """async () => {
  const found = {};
  for (const each of (await window.pc.getStats()).values()) found[each.type] = each;
  return found;
}"""


class Bursts(BasePeer):
    """Says something, pauses, says it again; keeps what it hears."""

    def __init__(self) -> None:
        super().__init__("bursts")
        self.heard: list[Pcm] = []
        self._left = np.zeros(0, np.int16)
        self._ready: list[Callable[[], None]] = []

    def on_ready(self, listener: Callable[[], None]) -> Callable[[], None]:
        self._ready.append(listener)
        return lambda: self._ready.remove(listener)

    def push(self, pcm: Pcm) -> None:
        super().push(pcm)
        self.heard.append(pcm)

    def pull(self) -> Pcm:
        frame = np.zeros(480, np.int16)
        piece, self._left = self._left[:480], self._left[480:]
        frame[: len(piece)] = piece
        return frame

    async def run(self) -> None:
        await anyio.sleep(2)
        for _ in range(BURSTS):
            self._left = voice(0.5)
            for listener in self._ready:
                listener()
            await anyio.sleep(1.25)
        await super().run()


@contextmanager
def served(peers: list[Bursts]) -> Iterator[str]:
    """A server of such peers, in a thread: Playwright needs this one."""
    urls: list[str] = []
    up, stop = threading.Event(), threading.Event()

    def new() -> Bursts:
        peers.append(Bursts())
        return peers[-1]

    async def main() -> None:
        async with serving(create_app(new)) as url:
            urls.append(url)
            up.set()
            while not stop.is_set():  # noqa: ASYNC110
                await anyio.sleep(0.05)

    thread = threading.Thread(target=anyio.run, args=(main,))
    thread.start()
    try:
        assert up.wait(20)
        yield urls[0]
    finally:
        stop.set()
        thread.join()


def loud_runs(levels: list[float]) -> int:
    """How often the sound began."""
    loud = np.convolve(np.array(levels) > 0.02, np.ones(20), "same") > 0
    return int(np.sum(np.diff(loud.astype(int)) == 1))


def test_chromium_and_we_hear_each_other(tmp_path: Path) -> None:
    peers: list[Bursts] = []
    microphone = write_microphone(tmp_path / "microphone.wav", 1.0, SAID, 30.0)
    with served(peers) as url, chromium(microphone) as browser:
        page = browser.new_page()
        page.goto(f"{url}/health")
        answer = page.evaluate(CALL)
        assert "useinbandfec=1" in answer
        page.wait_for_timeout(2_500 + 1_250 * BURSTS)
        levels: list[float] = page.evaluate("window.levels")
        stats: dict[str, Any] = page.evaluate(STATS)
    inbound, peer = stats["inbound-rtp"], peers[0]
    # The browser heard each burst; pauses were neither sent nor taken for loss.
    assert loud_runs(levels) == BURSTS
    assert inbound["packetsLost"] == 0
    assert 25 * BURSTS <= inbound["packetsReceived"] <= 50 * BURSTS
    assert inbound["fecPacketsReceived"] > 0
    # We heard what the microphone said, in one piece.
    heard = np.concatenate(peer.heard)
    begin = int(np.argmax(np.abs(heard.astype(int)) > 500))
    assert likeness(heard[begin : begin + 14_000], SAID) > 0.85
    assert peer.delays
    assert 0.03 < peer.delays[-1] < 0.1
