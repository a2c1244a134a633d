"""Cut an ONNX model in two at a tensor, without the onnx package.

A vocoder needs only the frames around those that it renders. Cut in front of it, a speech model renders a
sentence a second at a time: the first sound comes after a fraction of the work, and no step takes long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tts.onnx_graph import (
    GRAPH,
    INITIALIZER,
    INPUT,
    NODE,
    OUTPUT,
    VALUE_INFO,
    Field,
    Op,
    name_of,
    pack,
    read_fields,
    read_op,
)

_FLOAT = 1  # TensorProto.DataType
_INITIALIZER_NAME = 8  # field of TensorProto


@dataclass(frozen=True, slots=True)
class Halves:
    """Two models that do one after the other what the whole one does.

    Attributes:
        front: from the inputs to the cut; its outputs are the cut and what else was asked for.
        back: from the cut, and those inputs that it also needs, to the whole model's outputs.
        back_inputs: names of the back's inputs, the cut first.
    """

    front: bytes
    back: bytes
    back_inputs: tuple[str, ...]


def cut(model: bytes, at: str, also: Iterable[str] = (), rank: int = 3) -> Halves:
    """Cut a model at the float tensor `at`.

    Args:
        also: further tensors before the cut that the front gives out.
        rank: how many dimensions `at` has.

    Raises:
        ValueError: this is no ONNX model, or an output does not depend on `at`.
    """
    graph, rest = _parts(model)
    nodes = [(field, read_op(field.content)) for field in graph if field.number == NODE]
    outputs = [name_of(field.content) for field in graph if field.number == OUTPUT]
    behind = _behind([op for _, op in nodes], at)
    if not set(outputs) <= {name for _, op in nodes if op in behind for name in op.outputs}:
        raise ValueError(f"the model cannot be cut at {at}: not all of its outputs depend on it")
    needed = set(outputs)
    back_nodes: list[Field] = []
    for field, op in reversed(nodes):
        if needed.intersection(op.outputs) and at not in op.outputs:
            back_nodes.insert(0, field)
            needed.update(op.inputs)
    front_nodes = [field for field, op in nodes if op not in behind]
    only_back = {name for _, op in nodes if op in behind for name in op.inputs}
    only_back -= {name for _, op in nodes if op not in behind for name in op.inputs}
    front = [f for f in _plain(graph) if f.number != INITIALIZER or _weight(f) not in only_back]
    back = [f for f in _plain(graph) if f.number != INITIALIZER or _weight(f) in needed]
    inputs = [field for field in graph if field.number == INPUT]
    kept = [field for field in inputs if name_of(field.content) in needed]
    return Halves(
        _model(
            rest, [*front_nodes, *front, *inputs], [pack(OUTPUT, pack(1, n.encode())) for n in (at, *also)]
        ),
        _model(
            rest, [*back_nodes, *back, *kept, *(f for f in graph if f.number == OUTPUT)], [_input(at, rank)]
        ),
        (at, *(name_of(field.content) for field in kept)),
    )


def _parts(model: bytes) -> tuple[list[Field], list[Field]]:
    """The fields of the graph, and the model's others."""
    fields = list(read_fields(memoryview(model)))
    graph = [part for field in fields if field.number == GRAPH for part in read_fields(field.content)]
    return graph, [field for field in fields if field.number != GRAPH]


def _behind(ops: list[Op], at: str) -> set[Op]:
    """The operations that depend on `at`. A graph's operations stand in order of dependence."""
    names, found = {at}, set()
    for op in ops:
        if names.intersection(op.inputs):
            found.add(op)
            names.update(op.outputs)
    return found


def _plain(graph: list[Field]) -> list[Field]:
    """What both halves take over: weights, the graph's name."""
    return [field for field in graph if field.number not in (NODE, INPUT, OUTPUT, VALUE_INFO)]


def _weight(field: Field) -> str:
    return name_of(field.content, _INITIALIZER_NAME)


def _input(name: str, rank: int) -> bytes:
    """A graph input: float, its dimensions open."""
    shape = b"".join(pack(1, b"") for _ in range(rank))
    tensor = bytes([1 << 3, _FLOAT]) + pack(2, shape)
    return pack(INPUT, pack(1, name.encode()) + pack(2, pack(1, tensor)))


def _model(rest: list[Field], parts: list[Field], more: list[bytes]) -> bytes:
    graph = b"".join([*(bytes(part.raw) for part in parts), *more])
    return b"".join(bytes(field.raw) for field in rest) + pack(GRAPH, graph)
