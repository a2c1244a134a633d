"""The counter of the coffee bar: what the agent's orders become.

Orders are kept in this process, and a line each in the file that BARISTA_ORDERS names, if it does.
"""

from __future__ import annotations

import json
import os
import threading
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

AMOUNTS = ["", "some ", "a bit of ", "a little bit of ", "a little ", "a lot of ", "lots of ", "extra "]
MILKS = ["milk", "almond milk", "cream", "oat milk", "skim milk", "soy milk", "whole milk"]
SUGARS = ["sugar", "brown sugar", "sweetener"]
DRINKS = [
    "americano",
    "cappuccino",
    "coffee",
    "drip coffee",
    "espresso",
    "house coffee",
    "iced mocha",
    "latte",
    "mocha",
]
SIZES = ["small", "medium", "large", "eight ounce", "twelve ounce", "sixteen ounce", "twenty ounce"]
ROASTS = ["light roast", "medium roast", "dark roast"]
SHOTS = ["single shot", "double shot", "triple shot"]


def _one_of(values: list[str]) -> Any:
    return Field(json_schema_extra={"enum": [*values]})


Drink = Annotated[str, _one_of(DRINKS)]
Size = Annotated[str | None, _one_of(SIZES)]
Roast = Annotated[str | None, _one_of(ROASTS)]
Shots = Annotated[str | None, _one_of(SHOTS)]
Milk = Annotated[str | None, _one_of(["".join(pair) for pair in product(AMOUNTS, MILKS)])]
Sugar = Annotated[str | None, _one_of(["".join(pair) for pair in product(AMOUNTS, SUGARS)])]

orders: dict[str, dict[str, Any]] = {}
"""What was ordered, by idempotency key."""
_lock = threading.Lock()


def order_drink(
    coffeeDrink: Drink,
    size: Size = None,
    roast: Roast = None,
    numberOfShots: Shots = None,
    milkAmount: Milk = None,
    sugarAmount: Sugar = None,
    key: str = "",
) -> dict[str, Any]:
    """Order a drink: make, brew or get a coffee."""
    drink = {
        "coffeeDrink": coffeeDrink,
        "size": size,
        "roast": roast,
        "numberOfShots": numberOfShots,
        "milkAmount": milkAmount,
        "sugarAmount": sugarAmount,
    }
    with _lock:
        if key not in orders:
            orders[key] = {"number": len(orders) + 1, "drink": {k: v for k, v in drink.items() if v}}
            if file := os.environ.get("BARISTA_ORDERS"):
                with Path(file).open("a", encoding="utf-8") as out:
                    out.write(json.dumps({"key": key, **orders[key]}) + "\n")
        return orders[key]
