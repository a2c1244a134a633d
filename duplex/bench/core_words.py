"""Are the user's words all of the turn? The core's head, a trivial rule and the language model, on the same words."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from duplex.core.follow import Followed
from duplex.core.streams.layout import frame_of
from duplex.core.streams.words import normalised
from duplex.core.training.metrics import matched_auc
from duplex.core.tune import logistic
from duplex.graph import Lanes
from duplex.llm.completeness import CALIBRATIONS, TurnCompleteness
from duplex.llm.llamacpp import LlamaCpp
from duplex.models import model_folder
from duplex.nodes.thinking import LocalLLM

MODEL = "gemma-3-270m"
"""What the shipped agents judge by."""
_FUNCTION = frozenset(
    """
    a an the this that these those my your his her its our their some any each every no
    of in on at to for from with by about into over under after before between through during without than as like
    and or but so because if when while where which who whose whether although unless until since
    is are was were be been am do does did have has had will would can could shall should may might must
    i you he she it we they what how why not very really just i'm it's don't um uh
    """.split()  # noqa: SIM905  a list of words reads as one
)
_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Heard:
    """A hypothesis that stands at the end of a frame, and whether it is all that the turn will have."""

    dialogue: int
    words: str
    agent: str
    complete: bool
    core: float

    @property
    def parts(self) -> list[str]:
        """Its words, normalised."""
        return [part for word in self.words.split() for part in normalised(word)]


def heard(followed: Sequence[Followed]) -> list[Heard]:
    """All hypotheses of the dialogues whose label is known, each once."""
    rows = []
    for number, each in enumerate(followed):
        talk = each.dialogue
        at = [frame_of(item.t) for item in talk.heard]
        for item, frame, following in zip(talk.heard, at, [*at[1:], talk.frames], strict=True):
            if (
                not item.words
                or frame >= following
                or frame >= talk.frames
                or talk.labels.complete[frame] < 0
            ):
                continue
            said = [word.text for word in talk.agent_words if word.start < item.t]
            rows.append(
                Heard(
                    number,
                    " ".join(item.words),
                    " ".join(said[-40:])[-200:],
                    bool(talk.labels.complete[frame]),
                    each.outputs[frame].complete,
                )
            )
    return rows


def trivial(rows: Sequence[Heard]) -> NDArray[np.float64]:
    """The number of words and whether the last is a function word, by logistic regression.

    Each half of the dialogues is scored by a regression on the other half.
    """
    signs = np.array([[len(row.parts), bool(row.parts) and row.parts[-1] in _FUNCTION, 1.0] for row in rows])
    truth, odd = np.array([row.complete for row in rows]), np.array([row.dialogue % 2 == 1 for row in rows])
    scores = np.zeros(len(rows))
    for half in (odd, ~odd):
        if half.any() and truth[~half].any() and not truth[~half].all():
            scores[half] = signs[half] @ logistic(signs[~half], truth[~half])
    return scores


def like_length(
    rows: Sequence[Heard], scores: NDArray[np.float64]
) -> tuple[float, tuple[float, float] | None] | None:
    """AUC over pairs whose numbers of words differ by 1 at most, and its interval over dialogues; None without any."""
    truth = np.array([row.complete for row in rows], bool)
    count = np.array([len(row.parts) for row in rows], int)
    of = np.array([row.dialogue for row in rows], int)
    value = matched_auc(scores, truth, count) if len(rows) else None
    if value is None:
        return None
    draw, names, found = np.random.default_rng(0), np.unique(of), []
    for _ in range(_ROUNDS):
        kept = np.concatenate([np.flatnonzero(of == name) for name in draw.choice(names, len(names))])
        if (again := matched_auc(scores[kept], truth[kept], count[kept])) is not None:
            found.append(again)
    low, high = np.quantile(found, (0.025, 0.975))
    return value, (round(float(low), 4), round(float(high), 4))


class Judged:
    """P(end | words) by the language model, kept on disk by text: it is asked but once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, float] = json.loads(file.read_text()) if file.is_file() else {}

    def __call__(self, words: str, agent: str) -> float:
        """What `ask` found.

        Raises:
            KeyError: it was not asked.
        """
        return self._known[_key(words, agent)]

    def ask(self, texts: Sequence[tuple[str, str]], told: Callable[[int, int], None]) -> None:
        """Score what is not known yet; (words, what the agent said last)."""
        missing = list(dict.fromkeys(text for text in texts if _key(*text) not in self._known))
        if missing:
            asyncio.run(self._ask(missing, told))

    async def _ask(self, texts: Sequence[tuple[str, str]], told: Callable[[int, int], None]) -> None:
        lanes = Lanes()
        model = LlamaCpp(next(model_folder(MODEL).glob("*.gguf")), slots=("end", "answer"))
        llm = LocalLLM(model, lanes)
        try:
            await asyncio.to_thread(model.load)
            judge = TurnCompleteness(llm, CALIBRATIONS[MODEL])
            for done, (words, agent) in enumerate(texts, 1):
                p = await (judge.probability(words, agent) if agent else judge.probability(words))
                self._known[_key(words, agent)] = p
                if done % 100 == 0 or done == len(texts):
                    self._keep()
                    told(done, len(texts))
        finally:
            await lanes.aclose()
            await llm.aclose()

    def _keep(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(self._known))
        part.replace(self._file)


def _key(words: str, agent: str) -> str:
    return hashlib.sha256(json.dumps([MODEL, words, agent]).encode()).hexdigest()[:24]
