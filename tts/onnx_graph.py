"""Read an ONNX model's graph and give it one more output, without the onnx package.

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

GRAPH = 7
"""Field of ModelProto."""
NODE, INITIALIZER, INPUT, OUTPUT, VALUE_INFO = 1, 5, 11, 12, 13
"""Fields of GraphProto."""
_INPUTS, _OUTPUTS, _NODE_NAME, _OP_TYPE = 1, 2, 3, 4  # fields of NodeProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: its number, its content (empty for numbers), and all its bytes."""

    number: int
    content: memoryview
    raw: memoryview


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of a graph: its kind, its name and those of the tensors that go in and out."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_ops(model: bytes) -> list[Op]:
    """The operations of a model's main graph, in order.

    Raises:
        ValueError: this is no ONNX model.
    """
    graphs = [field for field in read_fields(memoryview(model)) if field.number == GRAPH]
    ops = [
        read_op(part.content)
        for graph in graphs
        for part in read_fields(graph.content)
        if part.number == NODE
    ]
    if not ops:
        raise ValueError("this is no ONNX model: it has no operations")
    return ops


def read_op(node: memoryview) -> Op:
    """One NodeProto."""
    fields = list(read_fields(node))
    inputs, outputs = (tuple(_text(f.content) for f in fields if f.number == n) for n in (_INPUTS, _OUTPUTS))
    return Op(name_of(node, _OP_TYPE), name_of(node, _NODE_NAME), inputs, outputs)


def with_output(model: bytes, tensor: str) -> bytes:
    """The model with `tensor` as its last output; the same model if it is one already."""
    for graph in read_fields(memoryview(model)):
        if graph.number == GRAPH and tensor in _outputs(graph.content):
            return model
    return model + pack(GRAPH, pack(OUTPUT, pack(1, tensor.encode())))


def _outputs(graph: memoryview) -> list[str]:
    return [name_of(field.content) for field in read_fields(graph) if field.number == OUTPUT]


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
    options.enable_cpu_mem_arena = False  # it would keep 50 MB for the longest sentence ever said
    source = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class of their own
        raise ValueError(f"not a model that ONNX Runtime can run: {str(error).splitlines()[0]}") from error


def read_fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message in order.

    Raises:
        ValueError: this is no protobuf message.
    """
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        kind, content = key & 7, message[:0]
        if kind == _BYTES:
            length, at = _varint(message, at)
            content = message[at : at + length]
            at += length
        elif kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"this is no ONNX model: wire type {kind} at byte {at}")
        if at > len(message):
            raise ValueError("this is no ONNX model: it is cut off")
        yield Field(key >> 3, content, message[start:at])


def name_of(message: memoryview, number: int = 1) -> str:
    """The text in a message's field, by default that which names a ValueInfoProto; empty if there is none."""
    return next((_text(field.content) for field in read_fields(message) if field.number == number), "")


def pack(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    out = bytearray()
    for value in (number << 3 | _BYTES, len(content)):
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        out.append(value)
    return bytes(out) + content


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
