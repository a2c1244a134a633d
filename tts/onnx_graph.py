"""Give an ONNX model one more output, without the onnx package.

The durations that a speech model predicts are inside its graph, but published exports do not give them out.
An ONNX file is one protobuf message, and protobuf merges messages that follow each other: a few bytes behind
the file add an output to its graph. That takes no copy on disk and no time, where loading and saving the graph
with the onnx package takes 2 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_GRAPH, _NODE, _OUTPUT = 7, 1, 12  # fields of ModelProto and GraphProto
_INPUTS, _OUTPUTS, _OP_TYPE = 1, 2, 4  # fields of NodeProto
_NAME = 1  # field of ValueInfoProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of a graph: its kind and the names of the tensors that go in and out."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_ops(model: bytes) -> list[Op]:
    """The operations of a model's main graph, in order.

    Raises:
        ValueError: this is no ONNX model.
    """
    ops = []
    for graph in _fields(memoryview(model), _GRAPH):
        for node in _fields(graph, _NODE):
            kinds = [_text(kind) for kind in _fields(node, _OP_TYPE)]
            inputs = tuple(_text(name) for name in _fields(node, _INPUTS))
            ops.append(
                Op(kinds[0] if kinds else "", inputs, tuple(_text(o) for o in _fields(node, _OUTPUTS)))
            )
    if not ops:
        raise ValueError("this is no ONNX model: it has no operations")
    return ops


def with_output(model: bytes, tensor: str) -> bytes:
    """The model with `tensor` as its last output; the same model if it is one already."""
    for graph in _fields(memoryview(model), _GRAPH):
        for output in _fields(graph, _OUTPUT):
            if tensor in (_text(name) for name in _fields(output, _NAME)):
                return model
    return model + _packed(_GRAPH, _packed(_OUTPUT, _packed(_NAME, tensor.encode())))


def open_session(model: bytes | Path, threads: int) -> Any:
    """An ONNX Runtime session that leaves the cores to others: few threads, no spinning.

    Raises:
        ValueError: the file is no model that ONNX Runtime can run.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class of their own
        raise ValueError(f"not a model that ONNX Runtime can run: {str(error).splitlines()[0]}") from error


def _fields(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """The contents of every length-delimited field with this number."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _BYTES:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError("this is no ONNX model: it is cut off")
            if key >> 3 == wanted:
                yield message[at : at + length]
            at += length
        elif kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"this is no ONNX model: wire type {kind} at byte {at}")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("this is no ONNX model: it is cut off")


def _text(data: memoryview) -> str:
    return bytes(data).decode("utf-8", "replace")


def _packed(number: int, content: bytes) -> bytes:
    head, out = [number << 3 | _BYTES, len(content)], bytearray()
    for value in head:
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        out.append(value)
    return bytes(out) + content
