"""What is called what on the broker.

<prefix>/<agent>/online                     "true" while the server is there (retained, also the last will)
<prefix>/<agent>/sessions/<id>/state        {"state": "started" | "ending"} (retained; taken back when it is over)
<prefix>/<agent>/sessions/<id>/events/<kind>  one event of the session (`ended` is its last)
<prefix>/<agent>/sessions/<id>/calls/<tool> a call of a tool that somebody on the broker carries out, or its end
<prefix>/<agent>/sessions/<id>/control/<kind> what is asked of the session: say, end, set, tool_result
<prefix>/<agent>/sessions/<id>/refused      why something that was asked is not done
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SEGMENT = r"[A-Za-z0-9_-]{1,64}"
"""What may stand between two slashes: nothing that MQTT gives a meaning (`+`, `#`, `$`)."""
PREFIX = rf"{SEGMENT}(/{SEGMENT}){{0,7}}"
_CONTROL = re.compile(rf"({SEGMENT})/control/({SEGMENT})")


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one agent."""

    prefix: str
    agent: str

    @property
    def online(self) -> str:
        """Whether the server is there."""
        return f"{self.prefix}/{self.agent}/online"

    @property
    def controls(self) -> str:
        """The filter to subscribe to."""
        return f"{self._sessions}/+/control/+"

    def state(self, session: str) -> str:
        """A session's state."""
        return f"{self._sessions}/{session}/state"

    def event(self, session: str, kind: str) -> str:
        """An event of a session."""
        return f"{self._sessions}/{session}/events/{kind}"

    def call(self, session: str, tool: str) -> str:
        """The calls of a tool that somebody on the broker carries out."""
        return f"{self._sessions}/{session}/calls/{tool}"

    def refused(self, session: str) -> str:
        """Why something was not done."""
        return f"{self._sessions}/{session}/refused"

    def control(self, topic: str) -> tuple[str, str] | None:
        """The session and the kind of a control topic; None for another topic."""
        if not topic.startswith(f"{self._sessions}/"):
            return None
        found = _CONTROL.fullmatch(topic[len(self._sessions) + 1 :])
        return (found[1], found[2]) if found else None

    @property
    def _sessions(self) -> str:
        return f"{self.prefix}/{self.agent}/sessions"
