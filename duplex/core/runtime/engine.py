"""The exported files, loaded: rows in, rows out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from duplex.core.streams.layout import Kind, Layout, Stream

FRAME_FILE, WORD_FILE = "frame.onnx", "words.onnx"

Arrays = dict[str, NDArray[Any]]


def session(path: Path) -> ort.InferenceSession:
    """A file with one thread and no spinning: the frame thread's own.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no ONNX model.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no core model at {path}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False  # rows come and go: what a large batch took must not stay
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a class of its own for each way a file can be broken
        raise ValueError(f"{path} is not a readable ONNX model: {str(error).splitlines()[0]}") from error


class Engine:
    """Both paths of a core. Knows no session: whoever calls holds the states.

    Attributes:
        layout: the streams that the model was trained on.
        size: float32 numbers that a session's state has.
        code: numbers in the code of a belief.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is no exported core.
    """

    def __init__(self, folder: Path) -> None:
        self._frame, self._words = session(folder / FRAME_FILE), session(folder / WORD_FILE)
        try:
            told = json.loads(self._frame.get_modelmeta().custom_metadata_map["layout"])
            streams = (Stream(**{**stream, "kind": Kind(stream["kind"])}) for stream in told["streams"])
            self.layout = Layout(tuple(streams))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{folder / FRAME_FILE} is no exported core: {error}") from error
        self.size = int(self._frame.get_inputs()[0].shape[1])
        self.code = int(self._words.get_outputs()[0].shape[1])
        self._heads = [output.name for output in self._frame.get_outputs()]

    def words(
        self, vectors: NDArray[np.float32], tentative: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Beliefs to codes [rows, code] and P(complete) [rows].

        Args:
            vectors: float32 [rows, 24, dim].
            tentative: float32 [rows, 24].
        """
        code, complete = self._words.run(None, {"vectors": vectors, "tentative": tentative})
        return code, complete

    def frame(self, inputs: Arrays) -> Arrays:
        """One step of all rows: streams, `code`, `clock`, `before` (states) in; heads by name and `after` out."""
        return dict(zip(self._heads, self._frame.run(None, inputs), strict=True))
