"""An output more for an ONNX model, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tts.onnx_cut import cut
from tts.onnx_graph import open_session, read_ops, with_output


@pytest.fixture(scope="module")
def model() -> bytes:
    """y = ceil(x) + 1, which does not give out ceil(x)."""
    from onnx import TensorProto, helper

    kind = TensorProto.FLOAT
    one = helper.make_tensor("one", kind, [1], [1.0])
    nodes = [helper.make_node("Ceil", ["x"], ["up"]), helper.make_node("Add", ["up", "one"], ["y"])]
    x, y = (helper.make_tensor_value_info(name, kind, ["n"]) for name in "xy")
    graph = helper.make_graph(nodes, "g", [x], [y], [one])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def test_operations_are_read(model: bytes) -> None:
    ops = read_ops(model)
    assert [(op.kind, op.inputs, op.outputs) for op in ops] == [
        ("Ceil", ("x",), ("up",)),
        ("Add", ("up", "one"), ("y",)),
    ]


def test_the_new_output_comes_out(model: bytes) -> None:
    session = open_session(with_output(model, "up"), threads=1)
    y, up = session.run(None, {"x": np.array([0.2, 1.7], dtype=np.float32)})
    np.testing.assert_array_equal(y, [2, 3])
    np.testing.assert_array_equal(up, [1, 2])


def test_an_output_that_is_there_is_not_added_again(model: bytes) -> None:
    assert with_output(model, "y") == model
    twice = with_output(with_output(model, "up"), "up")
    assert twice == with_output(model, "up")


@pytest.mark.parametrize(
    "data", [b"", b"not a model", b"\x3a\xff\xff\xff\x7f", b"\x80" * 20, bytes(100), b"\x3b\x00"]
)
def test_what_is_no_model_is_said_in_one_line(data: bytes) -> None:
    with pytest.raises(ValueError, match="no ONNX model") as caught:
        read_ops(data)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_cut_off(model: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cut off"):
        read_ops(model[:-3])
    path = tmp_path / "half.onnx"
    path.write_bytes(model[: len(model) // 2])
    with pytest.raises(ValueError, match="not a model that ONNX Runtime can run"):
        open_session(path, threads=1)


def test_two_halves_do_what_the_whole_does(model: bytes) -> None:
    halves = cut(model, "up", rank=1)
    front, back = open_session(halves.front, threads=1), open_session(halves.back, threads=1)
    x = np.array([0.2, 1.7], dtype=np.float32)
    (up,) = front.run(None, {"x": x})
    np.testing.assert_array_equal(up, [1, 2])
    assert halves.back_inputs == ("up",)
    np.testing.assert_array_equal(
        back.run(None, {"up": up})[0], open_session(model, 1).run(["y"], {"x": x})[0]
    )
    assert b"one" not in halves.front  # weights go where they are used


def test_a_cut_that_an_output_does_not_depend_on_is_refused(model: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be cut at one"):
        cut(with_output(model, "up"), "one")
