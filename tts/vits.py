"""A VITS model in two halves: what to say and for how long, then its sound, a part at a time.

VITS (Kim et al. 2021) predicts how long each phoneme lasts and a latent for each frame; its decoder, a HiFi-GAN
(Kong et al. 2020), makes 256 samples of each frame and looks only 10 frames around. Run on a few frames with
these around them, it gives the same samples as on the whole sentence, but the first sound comes sooner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.onnx_cut import cut
from tts.onnx_graph import open_session, read_ops

CONTEXT = 12
"""Frames on either side that the decoder looks at, and two to spare."""
_DECODER = "/dec/conv_pre/"

Frames = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Plan:
    """A clause before it sounds.

    Attributes:
        latent: float32 [1, channels, frames].
        durations: int64 [ids]: how many frames each id lasts.
        speaker: what the decoder needs beside the latent.
    """

    latent: Frames
    durations: NDArray[np.int64]
    speaker: dict[str, NDArray[np.int64]]

    @property
    def frames(self) -> int:
        """Frames of the clause."""
        return int(self.latent.shape[2])


class Vits:
    """A loaded model. Runs on the calling thread; may be shared.

    Args:
        model: an exported Piper voice.
        hop: samples a frame.
        threads: intra-op threads.

    Raises:
        ValueError: this is no such model.
    """

    def __init__(self, model: bytes, hop: int, threads: int) -> None:
        ops = read_ops(model)
        rounded_up = [op.outputs[0] for op in ops if op.kind == "Ceil"]
        latents = [op.inputs[0] for op in ops if op.kind == "Conv" and op.name.startswith(_DECODER)]
        if len(rounded_up) != 1 or len(latents) != 1:
            raise ValueError("it is no VITS with durations and a HiFi-GAN decoder")
        halves = cut(model, latents[0], also=rounded_up)
        self._hop, self._latent = hop, latents[0]
        self._front = open_session(halves.front, threads)
        self._back = open_session(halves.back, threads)
        self._speaker_inputs = halves.back_inputs[1:]

    def plan(self, ids: list[int], scales: tuple[float, float, float], speaker: int | None) -> Plan:
        """Decide on durations and latent.

        Args:
            ids: phoneme ids, with those that begin, end and separate.
            scales: noise, length and noise of the durations.
            speaker: which of the voice's speakers, for voices with several.
        """
        named = {} if speaker is None else {"sid": np.array([speaker], dtype=np.int64)}
        inputs = {
            "input": np.array([ids], dtype=np.int64),
            "input_lengths": np.array([len(ids)], dtype=np.int64),
            "scales": np.array(scales, dtype=np.float32),
        }
        latent, durations = self._front.run(None, inputs | named)
        whole: NDArray[Any] = np.asarray(durations).reshape(-1)
        used = {name: value for name, value in named.items() if name in self._speaker_inputs}
        return Plan(latent, whole.astype(np.int64), used)

    def sound(self, plan: Plan, first: int, last: int) -> Frames:
        """The samples of frames `first` to `last` (exclusive), float32 [frames * hop]."""
        low, high = max(0, first - CONTEXT), min(plan.frames, last + CONTEXT)
        audio = self._back.run(None, {self._latent: plan.latent[:, :, low:high], **plan.speaker})[0]
        pcm: Frames = np.asarray(audio, dtype=np.float32).reshape(-1)
        return pcm[(first - low) * self._hop : (last - low) * self._hop]
