"""Voice activity from Silero's ONNX file: the fastest thing that tells speech from noise on a CPU.

The engine is shared by all sessions; a stream holds one speaker's context and recurrent state. The model
(Silero VAD v6, MIT) sees windows of 512 samples with the 64 samples before them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asr.pcm import check_pcm
from asr.types import SAMPLE_RATE, Pcm

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW = 512
"""Samples in one decision: 32 ms at 16 kHz."""
_CONTEXT = 64


class SileroVad:
    """The loaded detector: one session, one thread, no spinning."""

    def __init__(self, path: Path | str) -> None:
        """Load `path`, the ONNX file or the folder that holds `silero_vad.onnx`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not a Silero VAD model.
        """
        import onnxruntime as ort

        file = Path(path)
        file = file / "silero_vad.onnx" if file.is_dir() else file
        if not file.is_file():
            raise FileNotFoundError(f"no Silero VAD model at {file}")
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a class of its own for each way a file can be broken
            raise ValueError(f"{file} is not a readable ONNX model: {str(error).splitlines()[0]}") from error
        inputs = {item.name for item in self._session.get_inputs()}
        if inputs != {"input", "state", "sr"}:
            raise ValueError(f"{file} is not a Silero VAD model: its inputs are {sorted(inputs)}")
        self._rate = np.array(SAMPLE_RATE, dtype=np.int64)

    def stream(self) -> VadStream:
        """A new stream for one speaker."""
        return VadStream(self)

    def step(
        self, audio: NDArray[np.float32], state: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Run one window of each of `batch` speakers.

        Args:
            audio: float32 [batch, 64 + 512] in -1..1; each row is the window after its 64 preceding samples.
            state: float32 [2, batch, 128], zeros at the start.

        Returns:
            Speech probabilities float32 [batch] and the next state [2, batch, 128].
        """
        output, state = self._session.run(None, {"input": audio, "state": state, "sr": self._rate})
        return output[:, 0], state


class VadStream:
    """One speaker's audio on its way to speech probabilities."""

    def __init__(self, engine: SileroVad) -> None:
        self._engine = engine
        self.reset()

    def reset(self) -> None:
        """Forget all audio and state."""
        self._state: NDArray[np.float32] = np.zeros((2, 1, 128), dtype=np.float32)
        self._buffer: NDArray[np.float32] = np.zeros(_CONTEXT, dtype=np.float32)

    def accept(self, pcm: Pcm) -> list[float]:
        """Append int16 [n] at 16 kHz.

        Returns:
            One speech probability in 0..1 for each window of 512 samples that is now complete, oldest first.

        Raises:
            ValueError: the array is not one-dimensional int16.
        """
        audio = check_pcm(pcm).astype(np.float32) / 32768
        buffer: NDArray[np.float32] = np.concatenate((self._buffer, audio))
        probabilities = []
        at = 0
        while at + _CONTEXT + WINDOW <= len(buffer):
            window = buffer[None, at : at + _CONTEXT + WINDOW]
            probability, self._state = self._engine.step(window, self._state)
            probabilities.append(float(probability[0]))
            at += WINDOW
        self._buffer = buffer[at:]
        return probabilities
