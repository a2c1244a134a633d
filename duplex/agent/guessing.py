"""The reads of one turn that leave while the caller still speaks: the speculation machine's calls, carried out.

The machine is that of slow searches (`duplex.dialogue.speculation`): a budget of guesses, a new one cancels the one
before, and at the end the one that asks what the final words ask stands. In place of a look at an index, which a tool
elsewhere does not give, is what would be asked: a tool with these values, or a search for these words of content.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from duplex.agent.calls import Call, Calls
from duplex.dialogue.speculation import Ask, Drop, Ended, Look, Speculation, WentOn
from duplex.graph import to_ticks


@dataclass(frozen=True, slots=True)
class Wish:
    """A read that the words ask for.

    Attributes:
        key: the same for two that would give the same.
        sure: more words will hardly change it; else it has to stay the same for a while before it leaves on a guess.
        start: begins it.
    """

    key: str
    sure: bool
    start: Callable[[], Call]


class Guesses:
    """Those of one turn, until `forget`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.forget()

    def forget(self) -> None:
        """The turn is over."""
        self._machine, self._made = Speculation(), dict[int, Call]()

    def hear(self, wish: Wish) -> None:
        """Take what the words so far ask for."""
        self._act(wish, Look(_now(), wish.key, (wish.key,), float(wish.sure)))

    def finish(self, wish: Wish) -> Call:
        """The call that answers the final words: an early one, or one that begins now."""
        self._act(wish, Ended(_now(), wish.key, (wish.key,), 1.0))
        (call,) = self._made.values()
        return wish.start() if call.lost else call

    def went_on(self) -> None:
        """The caller has not finished after all."""
        self._machine.on(WentOn(_now()))

    def _act(self, wish: Wish, event: Look) -> None:
        for action in self._machine.on(event):
            match action:
                case Ask(number):
                    self._made[number] = wish.start()
                case Drop(number):
                    self._calls.drop(self._made.pop(number))


def _now() -> int:
    return to_ticks(anyio.current_time())
