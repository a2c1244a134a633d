"""What was said on both sides, as both sides heard it.

An interrupted reply enters the history as the words the caller heard and no others: what a model believes it
said must be what was said (Pipecat #4996, LiveKit #2526 are what happens otherwise). What was cut off for nothing and
taken up again is one entry with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from duplex.dialogue.events import Commit, Noted, PlayoutEnded, Resumed, Transcript, TypedText
from duplex.graph.event import Event

NO_ATTEMPT = -1
"""Of what the user said without asking for an answer."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One entry.

    Attributes:
        role: `user` or `agent`.
        text: what was said; for the agent, what was heard.
        attempt: the attempt it belongs to, or `NO_ATTEMPT`.
        interrupted: the agent was cut off.
    """

    role: str
    text: str
    attempt: int
    interrupted: bool = False


class History:
    """Fed with every event of the dialogue; `turns` is the conversation so far."""

    def __init__(self, limit: int = 40) -> None:
        self._limit = limit
        self._final: tuple[int, str] = (0, "")
        self._typed = ""
        self._waiting: int | None = None
        """A committed attempt whose final words are still being recognised."""
        self._resumption: int | None = None
        """An attempt that goes on with the reply that stands last."""
        self.turns: tuple[Turn, ...] = ()

    def on(self, event: Event) -> list[Event]:
        """Take what happened. Gives no actions: others read `turns`."""
        match event:
            case Transcript(final=True):
                self._final = (event.attempt, event.text)
                if event.attempt == self._waiting:
                    self._add_user(event.text, event.attempt)
            case TypedText():
                self._typed = event.text
            case Noted():
                self._add(Turn("user", event.text, NO_ATTEMPT))
            case Commit(reason="greeting" | "announcement"):
                pass
            case Commit(reason="resumption"):
                self._waiting, self._resumption = None, event.attempt
            case Commit():
                if event.reason == "typed":
                    self._add_user(self._typed, event.attempt)
                elif self._final[0] == event.attempt:
                    self._add_user(self._final[1], event.attempt)
                else:
                    self._waiting = event.attempt
            case Resumed():
                # Nothing of the reply was heard and the user went on: that turn has not ended yet.
                self.turns = tuple(turn for turn in self.turns if turn.attempt != event.attempt)
                self._waiting = None
            case PlayoutEnded() if event.attempt == self._resumption and self._cut_last:
                self._go_on(event)
            case PlayoutEnded() if event.heard:
                self._add(Turn("agent", event.heard, event.attempt, event.interrupted))
        return []

    @property
    def _cut_last(self) -> bool:
        return bool(self.turns) and self.turns[-1].role == "agent" and self.turns[-1].interrupted

    def _go_on(self, event: PlayoutEnded) -> None:
        """More of the reply that was cut off was heard, and perhaps its end."""
        last = self.turns[-1]
        text = f"{last.text} {event.heard}".rstrip()
        self.turns = (*self.turns[:-1], replace(last, text=text, interrupted=event.interrupted))

    def _add_user(self, text: str, attempt: int) -> None:
        self._waiting = None
        if text.strip():
            self._add(Turn("user", text, attempt))

    def _add(self, turn: Turn) -> None:
        self.turns = (*self.turns, turn)[-self._limit :]
