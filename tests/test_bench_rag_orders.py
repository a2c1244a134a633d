"""Orders slot by slot: what counts as right, and that an order goes the agent's whole way from sound to slots."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from duplex.bench.rag_orders import Order, measures, order_slots, recordings
from duplex.models import model_folder
from tts import PiperSynthesiser


def test_an_order_is_right_when_every_slot_is_and_none_is_too_many() -> None:
    latte = {"coffeeDrink": "latte", "size": "small"}
    orders = [
        Order("a", "A small latte.", latte, latte),
        Order("b", "A latte.", latte, {"coffeeDrink": "latte"}),
        Order(
            "c", "A dark latte.", {"coffeeDrink": "latte"}, {"coffeeDrink": "latte", "roast": "dark roast"}
        ),
    ]
    made = {measure.name: (measure.value, measure.n) for measure in measures(orders)}
    assert made == {
        "rag.order_slots_share": (pytest.approx(1 / 3, abs=1e-4), 3),
        "rag.order_coffeeDrink_share": (1.0, 3),
        "rag.order_size_share": (0.5, 2),
        "rag.order_roast_share": (0.0, 1),
        "rag.order_word_recall": (0.8, 5),
    }


def test_a_spoken_order_ends_up_in_slots(tmp_path: Path) -> None:
    voice = PiperSynthesiser(model_folder("piper-joe"))
    utterance = voice.stream()
    pieces = [*utterance.feed("Can I have a large cappuccino with soy milk? "), *utterance.finish()]
    soundfile.write(tmp_path / "a.wav", np.concatenate([piece.pcm for piece in pieces]), voice.sample_rate)
    wanted = {"coffeeDrink": "cappuccino", "size": "large", "milkAmount": " soy milk"}
    (tmp_path / "labels.json").write_text(json.dumps({"a.wav": {"intent": "orderDrink", "slots": wanted}}))
    (order,) = order_slots(tmp_path, recordings(tmp_path)[0])
    assert order.right
    assert order.words == (4, 4)
