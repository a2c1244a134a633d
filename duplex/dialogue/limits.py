"""How a session ends by itself: the longest one, one that nobody speaks in, and one that is asked to finish.

Each is spoken before it happens, and nothing is spoken over anybody. The machine never takes the floor: it offers
what it has to say whenever the floor is free, and the floor takes it, or has been taken by somebody else meanwhile
(`Announce`, then perhaps a `Commit` with the reason "announcement").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from duplex.dialogue.events import (
    Announce,
    Commit,
    Discarded,
    EndAsked,
    Noted,
    PlayoutEnded,
    PlayoutStarted,
    SessionEnded,
    SessionEnding,
    SessionStarted,
    TurnStarted,
    Yield,
)
from duplex.graph.event import CancelTimer, Event, SetTimer, TimerFired, to_ticks

Action = Event | SetTimer | CancelTimer

WARNING, LONGEST, IDLE = "limits.warning", "limits.longest", "limits.idle"
GRACE, LAST, BREATH = "limits.grace", "limits.last", "limits.breath"

_BREATH = 0.4
"""Seconds between what was said before and what we say unasked: without a pause it sounds like a part of it."""
_GOODBYE = 30.0
"""Seconds that a goodbye may last once nobody else is waited for: the longest text takes less, unless nobody
plays it."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """When a session ends, in seconds, and what is said then.

    Attributes:
        longest: the longest session; 0 for no limit.
        warning: how long before that it is announced; 0 for no announcement.
        idle: how long neither side has spoken before the agent asks; 0 for never.
        patience: how long it then waits for an answer.
        grace: how long the goodbye waits for whoever is speaking.
        question: asked of a caller who is silent.
        notice: said `warning` before the end.
        goodbyes: what is said at the end, by its reason; "" for any other.
    """

    longest: float = 1_800.0
    warning: float = 30.0
    idle: float = 120.0
    patience: float = 15.0
    grace: float = 30.0
    question: str = "Are you still there?"
    notice: str = "Our time is nearly up."
    goodbyes: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType(
            {
                "limit": "Our time is up. Goodbye.",
                "idle": "I will hang up now. Goodbye.",
                "drain": "I have to go now, please call again in a minute. Goodbye.",
                "": "Goodbye.",
            }
        )
    )

    def goodbye(self, reason: str) -> str:
        """What is said at an end for this reason."""
        return self.goodbyes.get(reason) or self.goodbyes[""]


class Limits:
    """`on(event) -> actions`; see the module's text."""

    def __init__(self, settings: LimitSettings | None = None) -> None:
        self.settings = settings or LimitSettings()
        self._taken = False
        """A turn is open, or a reply to it is not over."""
        self._speaker: int | None = None
        """The attempt that was committed last, until it is over."""
        self._wants = ""
        """What is to be said once the floor is free."""
        self._saying = ""
        """What of ours is being said."""
        self._cut = ""
        """What of ours was interrupted last."""
        self._begun = False
        """Some of it has left."""
        self._since = 0
        """When somebody spoke last."""
        self._asked = False
        """The caller was asked, and has not answered."""
        self._reason = ""
        """Why the session is ending."""
        self._over = False

    def on(self, event: Event) -> list[Action]:
        """Take what happened; say what follows."""
        if self._over:
            return []
        match event:
            case SessionStarted():
                return [*self._limit(event.t), *self._wait(event.t)]
            case EndAsked():
                return self._end(event.t, event.reason)
            case TimerFired():
                return self._timer(event)
            case TurnStarted():
                return self._user_speaks()
            case Noted():
                self._since, self._asked = event.t, False
                return [] if self._taken else self._wait(event.t)
            case Commit():
                return self._agent_speaks(event)
            case PlayoutStarted() if event.attempt == self._speaker:
                self._begun = True
            case Yield() if event.attempt == self._speaker:
                self._interrupted()
            case Discarded():
                return self._free(event.t)
            case PlayoutEnded() if event.attempt == self._speaker:
                self._since = event.t
                return self._finish(event.t) if self._parting else self._free(event.t)
        return []

    @property
    def _parting(self) -> bool:
        """A goodbye is being said, and nobody has kept us."""
        return bool(self._reason) and self._saying in self.settings.goodbyes.values()

    def _limit(self, t: int) -> list[Action]:
        longest, warning = self.settings.longest, self.settings.warning
        if not longest:
            return []
        warn = [SetTimer(WARNING, t + to_ticks(longest - warning))] if warning else []
        return [*warn, SetTimer(LONGEST, t + to_ticks(longest))]

    def _timer(self, event: TimerFired) -> list[Action]:
        match event.id:
            case "limits.warning" if self._wants in ("", self.settings.question):
                self._wants = self.settings.notice
                return self._offer(event.t)
            case "limits.longest":
                return self._end(event.t, "limit")
            case "limits.idle" if self._asked:
                return self._end(event.t, "idle")
            case "limits.idle" if not self._wants:
                self._wants = self.settings.question
                return self._offer(event.t)
            case "limits.breath":
                return self._offer(event.t)
            case "limits.grace" if self._parting:
                return [SetTimer(LAST, event.t + to_ticks(_GOODBYE))]
            case "limits.grace" | "limits.last":
                return self._finish(event.t)
        return []

    def _end(self, t: int, reason: str) -> list[Action]:
        """Say goodbye as soon as nobody speaks, and end then. Only an idle end may still be called off."""
        if self._reason not in ("", "idle") or self._reason == reason:
            return []
        self._reason, self._wants = reason, self.settings.goodbye(reason)
        begun: list[Action] = [CancelTimer(IDLE), SetTimer(GRACE, t + to_ticks(self.settings.grace))]
        if reason != "idle":
            begun += [SessionEnding(t=t, reason=reason), CancelTimer(WARNING), CancelTimer(LONGEST)]
        return begun + self._offer(t)

    def _offer(self, t: int) -> list[Action]:
        return [Announce(t=t, text=self._wants)] if self._wants and not self._taken else []

    def _user_speaks(self) -> list[Action]:
        self._taken = True
        if self._reason == "idle":
            self._reason = self._wants = ""
            return [CancelTimer(IDLE), CancelTimer(GRACE), CancelTimer(LAST)]
        if self._wants == self.settings.question:
            self._wants = ""
        return [CancelTimer(IDLE)]

    def _agent_speaks(self, event: Commit) -> list[Action]:
        self._taken, self._speaker, self._begun = True, event.attempt, False
        self._saying = event.text if event.reason == "announcement" else ""
        if event.reason == "resumption":  # a noise had interrupted it
            self._saying = self._cut
        if not self._saying:
            self._asked = False
        elif self._saying == self.settings.question:
            self._asked = True
        if self._saying == self._wants:
            self._wants = ""
        return [CancelTimer(IDLE)]

    def _interrupted(self) -> None:
        """What the caller has to know is said again; they are no longer silent, so they need not be asked."""
        if self._parting:
            self._wants = self.settings.goodbye(self._reason)
        elif self._saying == self.settings.notice and not (self._begun or self._wants):
            self._wants = self._saying
        self._speaker, self._saying, self._cut = None, "", self._saying

    def _free(self, t: int) -> list[Action]:
        """Nobody has the floor."""
        self._taken, self._speaker, self._saying = False, None, ""
        return [SetTimer(BREATH, t + to_ticks(_BREATH))] if self._wants else self._wait(t)

    def _wait(self, t: int) -> list[Action]:
        """For somebody to speak; noise in between has not begun the time anew."""
        patience = self.settings.patience if self._asked else self.settings.idle
        if not self.settings.idle or self._reason:
            return []
        return [SetTimer(IDLE, max(t, self._since + to_ticks(patience)))]

    def _finish(self, t: int) -> list[Action]:
        self._over = True
        told = [SessionEnding(t=t, reason=self._reason)] if self._reason == "idle" else []
        return [*told, SessionEnded(t=t, reason=self._reason)]
