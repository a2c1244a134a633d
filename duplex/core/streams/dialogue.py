"""A dialogue to learn from: both channels as they were heard, the words as they were recognised, and the labels."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from duplex.audio.pcm import Pcm, check_pcm
from duplex.core.streams.layout import FRAME_SAMPLES, OVERLAPS, STATES, TOOL_STATUS, UNKNOWN


@dataclass(frozen=True, slots=True)
class Heard:
    """What the recogniser believed from `t` on, until the next one.

    Attributes:
        t: seconds from the start to when this was known (the recogniser's own delay included).
        turn: the user's turn that it is of; a new number means that the words before are gone. A turn begins with
            an empty hypothesis at the moment its onset is noticed, so that the last turn's words do not linger.
        words: all words of the turn so far, as the recogniser wrote them.
        stable: how many leading words will not change any more.
    """

    t: float
    turn: int
    words: tuple[str, ...]
    stable: int = 0


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word and when it was spoken, in seconds from the start."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Labels:
    """What was true at the end of each of T frames; UNKNOWN (-1) where a head is not to be asked.

    A label may look ahead (that is what is learnt); it may not ask for what nobody could know: frames too early
    for a fair answer (the first two of an overlap, say) are UNKNOWN.

    Attributes:
        state: int8 [T], index in STATES.
        end_in: int16 [T], frames from here to the end of the user's turn: 0 from the end on until the reply is
            heard or the next turn begins, at most 2.56 s; large where it is far; UNKNOWN where no turn is open.
        vad: bool [T, 2]: the user himself speaks (no echo, no one in the background); the agent is heard.
        complete: int8 [T]: the words of the latest hypothesis are all that the turn will have (1), or more will
            be said (0); UNKNOWN where there are no words of this turn yet, or nobody can say.
        overlap: int8 [T], index in OVERLAPS.
    """

    state: NDArray[np.int8]
    end_in: NDArray[np.int16]
    vad: NDArray[np.bool_]
    complete: NDArray[np.int8]
    overlap: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.state)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One dialogue; all times are seconds from its start, both channels int16 [T * 1280] at 16 kHz.

    Attributes:
        user_pcm: what the microphone gave after transport: the user, the room, an echo of the agent, noise.
        agent_pcm: what was played, when it was played.
        heard: the recogniser's hypotheses, in the order of their times.
        agent_words: the words of `agent_pcm`.
        labels: what is to be learnt, T frames.
        user_words: what the user really said; for measuring, never an input.
        decision: int8 [T]: 1 + the index in STATES of what the agent last decided, known before the frame; 0 none.
        tool: int8 [T], index in TOOL_STATUS.
        hints: words of the slow path and when they came.
        meta: where it is from: `split`, `voice`, `family` (of the text), `seed`, and more; strings.
    """

    user_pcm: Pcm
    agent_pcm: Pcm
    heard: tuple[Heard, ...]
    agent_words: tuple[TimedWord, ...]
    labels: Labels
    user_words: tuple[TimedWord, ...] = ()
    decision: NDArray[np.int8] | None = None
    tool: NDArray[np.int8] | None = None
    hints: tuple[TimedWord, ...] = ()
    meta: dict[str, str] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """T."""
        return len(self.labels)

    def check(self) -> Dialogue:
        """Return self if all lengths and ranges fit together.

        Raises:
            ValueError: they do not; the text says what.
        """
        frames = self.frames
        for name, pcm in (("user_pcm", self.user_pcm), ("agent_pcm", self.agent_pcm)):
            if len(check_pcm(pcm)) != frames * FRAME_SAMPLES:
                raise ValueError(
                    f"{name} has {len(pcm)} samples, {frames} frames are {frames * FRAME_SAMPLES}"
                )
        _check_labels(self.labels)
        for name, tokens, size in (
            ("decision", self.decision, 1 + len(STATES)),
            ("tool", self.tool, len(TOOL_STATUS)),
        ):
            if tokens is not None:
                _check_range(name, tokens, frames, 0, size - 1)
        if any(later.t < earlier.t for earlier, later in zip(self.heard, self.heard[1:], strict=False)):
            raise ValueError("the hypotheses are not in the order of their times")
        if any(not 0 <= heard.stable <= len(heard.words) for heard in self.heard):
            raise ValueError("a hypothesis has more stable words than words")
        return self


def _check_labels(labels: Labels) -> None:
    frames = len(labels)
    _check_range("state", labels.state, frames, UNKNOWN, len(STATES) - 1)
    _check_range("end_in", labels.end_in, frames, UNKNOWN, np.iinfo(np.int16).max)
    _check_range("complete", labels.complete, frames, UNKNOWN, 1)
    _check_range("overlap", labels.overlap, frames, UNKNOWN, len(OVERLAPS) - 1)
    if labels.vad.shape != (frames, 2) or labels.vad.dtype != np.bool_:
        raise ValueError(f"vad must be bool [{frames}, 2], got {labels.vad.dtype} {list(labels.vad.shape)}")


def _check_range(name: str, values: NDArray[np.integer], frames: int, low: int, high: int) -> None:
    if values.shape != (frames,) or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{name} must be whole numbers [{frames}], got {values.dtype} {list(values.shape)}")
    if frames and (values.min() < low or values.max() > high):
        raise ValueError(f"{name} must lie in {low}..{high}, got {values.min()}..{values.max()}")


def save_dialogue(path: Path, dialogue: Dialogue) -> None:
    """Write a checked dialogue as a compressed npz; the file appears whole or not at all.

    Raises:
        ValueError: the dialogue does not fit together.
    """
    dialogue.check()
    text = {
        "heard": [[h.t, h.turn, list(h.words), h.stable] for h in dialogue.heard],
        "agent_words": _rows(dialogue.agent_words),
        "user_words": _rows(dialogue.user_words),
        "hints": _rows(dialogue.hints),
        "meta": dialogue.meta,
    }
    arrays = {item.name: getattr(dialogue.labels, item.name) for item in fields(Labels)}
    for name in ("decision", "tool"):
        if (tokens := getattr(dialogue, name)) is not None:
            arrays[name] = tokens
    arrays |= {"user_pcm": dialogue.user_pcm, "agent_pcm": dialogue.agent_pcm}
    arrays["text"] = np.frombuffer(json.dumps(text).encode(), np.uint8)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    part.replace(path)


def load_dialogue(path: Path) -> Dialogue:
    """Read what `save_dialogue` wrote.

    Raises:
        OSError: there is no such file.
        ValueError: it is no dialogue.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        text = json.loads(arrays["text"].tobytes())
        dialogue = Dialogue(
            user_pcm=arrays["user_pcm"],
            agent_pcm=arrays["agent_pcm"],
            heard=tuple(Heard(t, turn, tuple(words), stable) for t, turn, words, stable in text["heard"]),
            agent_words=_words(text["agent_words"]),
            labels=Labels(**{item.name: arrays[item.name] for item in fields(Labels)}),
            user_words=_words(text["user_words"]),
            decision=arrays.get("decision"),
            tool=arrays.get("tool"),
            hints=_words(text["hints"]),
            meta=text["meta"],
        )
    except (KeyError, TypeError, BadZipFile) as error:
        raise ValueError(f"{path} is no dialogue: {error}") from error
    return dialogue.check()


def dialogue_files(folder: Path, split: str) -> list[Path]:
    """The dialogues of a split, `FOLDER/{train,validation,test}/NAME.npz`, one each, in the order of their names."""
    return sorted((folder / split).glob("*.npz"))


def _rows(words: tuple[TimedWord, ...]) -> list[tuple[str, float, float]]:
    return [(word.text, word.start, word.end) for word in words]


def _words(rows: list[list[str | float]]) -> tuple[TimedWord, ...]:
    return tuple(TimedWord(str(text), float(start), float(end)) for text, start, end in rows)
