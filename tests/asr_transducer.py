"""A transducer small enough to write by hand, so that the real sherpa-onnx runs in tests.

No package registry carries weights of an English one. This one says "hello world" over and over for as long
as it hears something loud: its encoder gives the level, its decoder the piece that follows the last one,
its joiner that piece where it is loud and the blank where it is quiet.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TOKENS = ("<blk>", "▁HEL", "LO", "▁WORLD")


def write_transducer(folder: Path) -> Path:
    """Write encoder, decoder, joiner and tokens.txt into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens.txt").write_text("".join(f"{token} {at}\n" for at, token in enumerate(TOKENS)))
    _save(folder / "encoder.onnx", _encoder(), _ENCODER_METADATA)
    _save(folder / "decoder.onnx", _decoder(), {"vocab_size": str(len(TOKENS)), "context_size": "2"})
    _save(folder / "joiner.onnx", _joiner(), {"joiner_dim": str(len(TOKENS))})
    return folder


_ENCODER_METADATA = {
    "model_type": "lstm",
    "version": "1",
    "num_encoder_layers": "1",
    "T": "9",
    "decode_chunk_len": "4",
    "rnn_hidden_size": "2",
    "d_model": "2",
}
_FLOAT, _INT = TensorProto.FLOAT, TensorProto.INT64


def _value(name: str, kind: int, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _constant(name: str, array: object, dtype: type = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(array, dtype=dtype), name)


def _encoder() -> onnx.GraphProto:
    """x [N, 9, 80] → [N, 1, 4]: about 1 in every place where the mean log-mel is loud, 0 where it is not."""
    width = len(TOKENS)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["level"], axes=[1, 2], keepdims=1),
        helper.make_node("Sub", ["level", "threshold"], ["above"]),
        helper.make_node("Sigmoid", ["above"], ["loud"]),
        helper.make_node("Mul", ["loud", "ones"], ["encoder_out"]),
        helper.make_node("Identity", ["h"], ["next_h"]),
        helper.make_node("Identity", ["c"], ["next_c"]),
    ]
    state: list[int | str] = [1, "N", 2]
    return helper.make_graph(
        nodes,
        "encoder",
        [_value("x", _FLOAT, ["N", 9, 80]), _value("h", _FLOAT, state), _value("c", _FLOAT, state)],
        [
            _value("encoder_out", _FLOAT, ["N", 1, width]),
            _value("next_h", _FLOAT, state),
            _value("next_c", _FLOAT, state),
        ],
        [_constant("threshold", [[[-8.0]]]), _constant("ones", np.ones((1, 1, width)))],
    )


def _decoder() -> onnx.GraphProto:
    """y [N, 2], the last two pieces → [N, 4], one-hot of the piece that follows the last."""
    follows = np.eye(len(TOKENS))[[1, 2, 3, 1]]
    nodes = [
        helper.make_node("Gather", ["y", "last"], ["previous"], axis=1),
        helper.make_node("Gather", ["follows", "previous"], ["decoder_out"], axis=0),
    ]
    return helper.make_graph(
        nodes,
        "decoder",
        [_value("y", _INT, ["N", 2])],
        [_value("decoder_out", _FLOAT, ["N", len(TOKENS)])],
        [_constant("last", 1, np.int64), _constant("follows", follows)],
    )


def _joiner() -> onnx.GraphProto:
    """The following piece scores 20 where it is loud, else 0; the blank always 10."""
    blank = np.zeros((1, len(TOKENS)))
    blank[0, 0] = 10
    nodes = [
        helper.make_node("Mul", ["encoder_out", "decoder_out"], ["said"]),
        helper.make_node("Mul", ["said", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "blank"], ["logit"]),
    ]
    shape: list[int | str] = ["N", len(TOKENS)]
    return helper.make_graph(
        nodes,
        "joiner",
        [_value("encoder_out", _FLOAT, shape), _value("decoder_out", _FLOAT, shape)],
        [_value("logit", _FLOAT, shape)],
        [_constant("gain", 20.0), _constant("blank", blank)],
    )


def _save(path: Path, graph: onnx.GraphProto, metadata: dict[str, str]) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
