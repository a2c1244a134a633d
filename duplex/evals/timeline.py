"""The user's channel of a scenario, frame by frame: what is said when, how loud, and what the agent does to it.

A pure machine: it is given the agent's audio of each 20 ms and gives the user's of the same 20 ms. What follows from
the agent's speech is decided on that audio alone, never on what the agent says of itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import soxr
from numpy.typing import NDArray

from duplex.audio.levels import FLOOR_DBFS, level_dbfs
from duplex.audio.pcm import FRAME_SECONDS, Pcm
from duplex.evals.record import RATE, Placed
from duplex.evals.scenario import After, Item, Scenario, ScenarioError

AUDIBLE_DBFS = -45.0
"""A frame above this is speech of the agent."""
MERGE = 0.2
"""Seconds of silence that are within one span of the agent's speech."""
USUAL_DBFS = -26.0
"""The level of speech where nobody has spoken that a noise could be measured against (ITU-T P.56's nominal level)."""
ECHO_DELAY = (0.04, 0.2)
"""Seconds after which a loudspeaker's sound is back in the microphone; each scenario draws one, by its seed."""
AGENT_RATE = 24_000
FRAME = round(RATE * FRAME_SECONDS)
_ACTIVE_DB = 25.0
"""A frame that is this much below a clip's loudest is a pause in it."""
_EDGES = ("start", "end", "speech_start", "speech_end")


class AgentSpeech:
    """The agent's spans of speech as they are heard.

    Attributes:
        spans: start and end of each in seconds; the last may still grow.
    """

    def __init__(self) -> None:
        self.spans: list[tuple[float, float]] = []
        self._now = 0
        """Frames heard."""
        self._energy, self._loud = 0.0, 0

    def hear(self, frame: Pcm) -> None:
        """Take the next 20 ms, int16 [n] at any rate."""
        start, self._now = self._now * FRAME_SECONDS, self._now + 1
        level = level_dbfs(frame)
        if level <= AUDIBLE_DBFS:
            return
        self._energy, self._loud = self._energy + 10 ** (level / 10), self._loud + 1
        end = self._now * FRAME_SECONDS
        if self._merges(start):
            self.spans[-1] = (self.spans[-1][0], end)
        else:
            self.spans.append((start, end))

    @property
    def speaking(self) -> bool:
        """It speaks, or pauses within a span."""
        return self._merges(self._now * FRAME_SECONDS)

    @property
    def level(self) -> float | None:
        """dBFS of its speech so far; None before it has spoken."""
        return 10 * float(np.log10(self._energy / self._loud)) if self._loud else None

    def start(self, nth: int) -> float | None:
        """When the nth span, from 1, began; None while it has not."""
        return self.spans[nth - 1][0] if len(self.spans) >= nth else None

    def end(self, nth: int) -> float | None:
        """When the nth span ended; None until that is sure."""
        over = len(self.spans) > nth or (len(self.spans) == nth and not self.speaking)
        return self.spans[nth - 1][1] if over else None

    def _merges(self, start: float) -> bool:
        return bool(self.spans) and start - self.spans[-1][1] <= MERGE + 1e-9


class Echo:
    """The agent's audio on its way back through the caller's loudspeaker and microphone.

    Args:
        gain_db: how loud it comes back.
        delay: seconds after which it does, at least 0.04.
        rate: of the agent's audio.
    """

    def __init__(self, gain_db: float, delay: float, rate: int = AGENT_RATE) -> None:
        self._gain = 10 ** (gain_db / 20)
        # As floats: of short pieces of int16 soxr makes another least bit each time.
        self._resampler = soxr.ResampleStream(rate, RATE, 1, "float32", "MQ")
        self._waiting = np.zeros(round(delay * RATE), np.float32)

    def pass_on(self, frame: Pcm) -> NDArray[np.int32]:
        """From the agent's 20 ms, int16 [rate / 50], to what comes back meanwhile, int32 [320] at 16 kHz."""
        # What the resampler holds back is under 40 ms, so the line never runs dry and no sample is displaced.
        piece = self._resampler.resample_chunk(frame.astype(np.float32))
        self._waiting = np.concatenate((self._waiting, piece))
        back, self._waiting = self._waiting[:FRAME], self._waiting[FRAME:]
        return _louder(back, self._gain)


class Player:
    """Plays a scenario's timeline. One frame of the agent in, one of the user out.

    Attributes:
        agent: the agent's speech so far.
        placed: the items that have begun, in that order.
    """

    def __init__(self, scenario: Scenario, audio: Mapping[str, Pcm], agent_rate: int = AGENT_RATE) -> None:
        """Args:
        scenario: which.
        audio: int16 [n] at 16 kHz by item id.
        agent_rate: of the agent's frames.

        Raises:
            ScenarioError: an item follows one that does not exist, or a moment that no item has.
        """
        ids = {item.id for item in scenario.timeline}
        for item in scenario.timeline:
            _check(scenario.id, item, ids)
        self.agent = AgentSpeech()
        self.placed: list[Placed] = []
        self._scenario, self._audio = scenario, audio
        self._waiting = list(scenario.timeline)
        self._sounding: list[tuple[int, NDArray[np.int32]]] = []
        """First sample in the scenario, and samples."""
        self._frames = 0
        echo_db = scenario.channel.echo_db
        delay = float(np.random.default_rng(abs(scenario.seed)).uniform(*ECHO_DELAY))
        self._echo = None if echo_db is None else Echo(echo_db, delay, agent_rate)

    @property
    def now(self) -> float:
        """Seconds of the scenario that were played."""
        return self._frames * FRAME_SECONDS

    @property
    def over(self) -> bool:
        """The scenario's time is up."""
        return self.now >= self._scenario.duration - 1e-9

    @property
    def missed(self) -> list[str]:
        """Ids of items whose moment has not come."""
        return [item.id for item in self._waiting]

    def frame(self, agent: Pcm) -> Pcm:
        """The user's next 20 ms, int16 [320] at 16 kHz.

        Args:
            agent: what the agent is heard to say in the same 20 ms, int16 [agent_rate / 50].
        """
        self.agent.hear(agent)
        self._start_what_is_due()
        first = self._frames * FRAME
        mixed = np.zeros(FRAME, np.int32) if self._echo is None else self._echo.pass_on(agent)
        for start, samples in self._sounding:
            at = first - start  # of this frame in the item
            piece = samples[max(0, at) : max(0, at + FRAME)]
            place = max(0, -at)
            mixed[place : place + len(piece)] += piece
        self._sounding = [
            (start, samples) for start, samples in self._sounding if start + len(samples) > first
        ]
        self._frames += 1
        return np.clip(mixed, -32_768, 32_767).astype(np.int16)

    def _start_what_is_due(self) -> None:
        """An item that begins may be what others wait for."""
        begun = True
        while begun:
            due = [(self._due(item), item) for item in self._waiting]
            ready = [
                (at, item) for at, item in due if at is not None and at < self.now + FRAME_SECONDS - 1e-9
            ]
            begun = bool(ready)
            for at, item in sorted(ready, key=lambda each: each[0]):
                self._start(item, max(at, self.now))

    def _start(self, item: Item, at: float) -> None:
        samples = self._audio[item.id]
        first = round(at * RATE)
        self._sounding.append((first, self._scaled(item, samples)))
        self._waiting.remove(item)
        self.placed.append(Placed(item, first / RATE, (first + len(samples)) / RATE))

    def _due(self, item: Item) -> float | None:
        """When an item begins, as far as that is known; None where it is not, or what it requires is not so now."""
        if not isinstance(item.at, After):
            return item.at
        if item.at.require and (item.at.require == "agent_speaking") != self.agent.speaking:
            return None
        owner, _, edge = item.at.after.rpartition(".")
        moment = self._of_agent(edge, item.at.nth) if owner == "agent" else self._of_item(owner, edge)
        return None if moment is None else moment + item.at.offset

    def _of_agent(self, edge: str, nth: int) -> float | None:
        return self.agent.start(nth) if edge == "speech_start" else self.agent.end(nth)

    def _of_item(self, owner: str, edge: str) -> float | None:
        placed = next((each for each in self.placed if each.item.id == owner), None)
        if placed is None:
            return None
        spans = (
            placed.speech if edge.startswith("speech") and placed.speech else ((placed.start, placed.end),)
        )
        return spans[0][0] if edge.endswith("start") else spans[-1][1]

    def _scaled(self, item: Item, samples: Pcm) -> NDArray[np.int32]:
        gain_db = item.gain_db
        if item.snr_db is not None:
            gain_db = self._reference(item) - item.snr_db - active_dbfs(samples)
        return _louder(samples, 10 ** (gain_db / 20))

    def _reference(self, item: Item) -> float:
        """The level of speech that an item's `snr_db` is against: the agent's where it follows the agent's speech."""
        at = item.at
        follows = isinstance(at, After) and (at.after.startswith("agent.") or at.require == "agent_speaking")
        if follows and self.agent.level is not None:
            return self.agent.level
        said = [each for each in self._scenario.timeline if each.snr_db is None and each.kind in _OWN]
        levels = [active_dbfs(self._audio[each.id]) + each.gain_db for each in said]
        if levels:
            return float(np.mean(levels))
        return USUAL_DBFS if self.agent.level is None else self.agent.level


_OWN = ("user_speech", "backchannel", "interruption")
"""What the user says to the agent."""


def active_dbfs(pcm: Pcm) -> float:
    """The level of a clip without its pauses: RMS over the frames that are at most 25 dB below the loudest."""
    frames = [pcm[at : at + FRAME] for at in range(0, len(pcm), FRAME)]
    levels = np.array([level_dbfs(frame) for frame in frames] or [FLOOR_DBFS])
    loud = levels[levels >= levels.max() - _ACTIVE_DB]
    return float(10 * np.log10(np.mean(10 ** (loud / 10))))


def _louder(samples: Pcm | NDArray[np.float32], gain: float) -> NDArray[np.int32]:
    louder: NDArray[np.int32] = np.rint(samples * gain).astype(np.int32)
    return louder


def _check(scenario: str, item: Item, ids: set[str]) -> None:
    if not isinstance(item.at, After):
        return
    owner, _, edge = item.at.after.rpartition(".")
    known = ("speech_start", "speech_end") if owner == "agent" else _EDGES
    if owner != "agent" and owner not in ids:
        raise ScenarioError(f"{scenario}: {item.id}: at.after: there is no item called {owner!r}")
    if edge not in known:
        raise ScenarioError(f"{scenario}: {item.id}: at.after: {edge!r} is none of {', '.join(known)}")
