"""Units and money as words."""

from __future__ import annotations

import re

from tts.lexicon import CURRENCIES, IRREGULAR, POWERS, SCALE_LETTERS, UNCHANGED, UNITS
from tts.numbers import NUMBER, cardinal, decimal, is_one

_SIGNS = "|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True))
_SCALE = "|".join(sorted(SCALE_LETTERS, key=len, reverse=True))
_NUMBER_LIKE = re.compile(rf"[-−+~≈±<>≤≥]?(?:{NUMBER})(?:[-–—](?:{NUMBER}))?|\d+/\d+|\d*[½⅓⅔¼¾⅛]")
MONEY = re.compile(
    rf"([-−+~≈<>≤≥]?)({_SIGNS})({NUMBER})({_SCALE})?(?:[-–—](?:{_SIGNS})?({NUMBER})({_SCALE})?)?"
)
MONEY_AFTER = re.compile(rf"({NUMBER})({_SIGNS})")
_UNIT = re.compile(r"(.+?)(\^?[23]|[²³])?")


def is_number(core: str) -> bool:
    """Whether a unit may follow this word."""
    return _NUMBER_LIKE.fullmatch(core) is not None


def unit_words(text: str, one: bool) -> list[str] | None:
    """ "km²" → square kilometers; "m/s" → meters per second; None for what is no unit.

    Args:
        one: the number before it is 1.
    """
    over, *under = text.split("/")
    head = _simple(over, one)
    if head is None or len(under) > 1:
        return None
    if not under:
        return head
    below = _simple(under[0], one=True)
    if below is None:
        return None
    if len(below) == 2 and below[0] == "square" and below[1] == "second":
        below = [below[1], "squared"]
    return [*head, "per", *below]


def _simple(text: str, one: bool) -> list[str] | None:
    power: list[str] = []
    name = UNITS.get(text)
    if name is None:
        match = _UNIT.fullmatch(text)
        if match is None or match.group(2) is None or match.group(1) not in UNITS:
            return None
        power, name = [POWERS[match.group(2)]], UNITS[match.group(1)]
    return [*power, *(name if one else plural(name)).split()]


def plural(name: str) -> str:
    """ "mile per hour" → "miles per hour"; "degree Celsius" → "degrees Celsius"; "foot" → "feet"."""
    if name in UNCHANGED:
        return name
    first, blank, rest = name.partition(" ")
    if rest in ("hour", "foot"):  # kilowatt hours, acre feet
        return f"{first} {plural(rest)}"
    return IRREGULAR.get(first, f"{first}s") + blank + rest


def money_before(core: str) -> str | None:
    """The currency, many, of an amount such as "$5" whose scale is the next word; None if this is none."""
    match = MONEY.fullmatch(core)
    return CURRENCIES[match.group(2)][1] if match and not match.group(4) else None


def money(core: str, after: str, scales: frozenset[str]) -> list[str] | None:
    """ "$5.50" → five dollars and fifty cents; only the number where a scale is the next word."""
    if other := MONEY_AFTER.fullmatch(core):
        core = other.group(2) + other.group(1)
    match = MONEY.fullmatch(core)
    if match is None:
        return None
    sign, symbol, number, scale, upper, upper_scale = match.groups()
    lead = {"-": ["minus"], "−": ["minus"], "~": ["about"], "≈": ["about"], "<": ["less", "than"]}.get(
        sign, []
    )
    lead = lead or {">": ["more", "than"], "≤": ["at", "most"], "≥": ["at", "least"]}.get(sign, [])
    one, many = CURRENCIES[symbol][:2]
    moved = after.lower() in scales
    if upper:
        tail = [*_scaled(number, scale), "to", *_scaled(upper, upper_scale)]
        return [*lead, *tail, *([] if moved else many.split())]
    if scale or moved:
        return [*lead, *_scaled(number, scale), *([] if moved else many.split())]
    whole, _, cents = number.partition(".")
    if len(cents) == 2:
        return [*lead, *_with_cents(whole, int(cents), symbol)]
    return [*lead, *decimal(number), *(one if is_one(number) else many).split()]


def _with_cents(whole: str, cents: int, symbol: str) -> list[str]:
    one, many, cent_one, cent_many = CURRENCIES[symbol]
    nothing = not whole.strip("0,")
    parts = [] if nothing and cents else [*decimal(whole or "0"), *(one if is_one(whole) else many).split()]
    if not cents:
        return parts
    return [*parts, *(["and"] if parts else []), *cardinal(cents), cent_one if cents == 1 else cent_many]


def _scaled(number: str, scale: str | None) -> list[str]:
    return [*decimal(number), *([SCALE_LETTERS[scale]] if scale else [])]
