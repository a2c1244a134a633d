"""Many dialogues: numbered files that appear whole, so that a run may be stopped and gone on with at any time."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from asr.vad import SileroVad
from duplex.core.data.build import Builder, Recognise
from duplex.core.data.ear import heard_really
from duplex.core.data.lexicon import Split
from duplex.core.data.simulate import simulated
from duplex.core.data.voices import NATURAL, Studio
from duplex.core.streams.dialogue import save_dialogue
from duplex.core.streams.layout import FRAME_SECONDS

TEXTS = "texts"
"""Where turns from elsewhere are, beside the dialogues."""
SLOW = 0.85
"""Share of the agent's answers in training that come late; see `schedule.agent_gap`."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made.

    Attributes:
        split: train, validation or test; the last two hear with the real recogniser.
        hours: at least so many hours of dialogue, those that are there counted.
        out: the folder; the files go to OUT/SPLIT.
        seed: with its number, all that a dialogue depends on.
        jobs: processes; each takes one core.
        real: training too hears with the real recogniser.
        cache: where clips of the slow voices are kept.
        natural: share of training's users with a natural voice.
    """

    split: Split
    hours: float
    out: Path
    cache: Path
    seed: int = 0
    jobs: int = 1
    real: bool = False
    natural: float = NATURAL

    def file(self, number: int) -> Path:
        """Where the dialogue of this number is kept."""
        return self.out / self.split.value / f"{self.seed:04d}-{number:06d}.npz"


def default_folder() -> Path:
    """~/.cache/duplex/train, or what this system has for it."""
    from platformdirs import user_cache_path

    return user_cache_path("duplex", appauthor=False) / "train"


def make(order: Order, done: Callable[[float], None]) -> float:
    """Make what is missing, in the order of the numbers, until there is enough.

    Args:
        order: what is to be made.
        done: told the hours that are there whenever there are more.

    Returns:
        The hours that are there now.

    Raises:
        ModelError: a model is missing and cannot be fetched.
        FileNotFoundError: espeak-ng is not installed.
    """
    order.file(0).parent.mkdir(parents=True, exist_ok=True)
    hours = 0.0
    for seconds in _lengths(order):
        hours += seconds / 3600
        done(hours)
        if hours >= order.hours:
            break
    return hours


def _lengths(order: Order) -> Iterator[float]:
    """Seconds of dialogue after dialogue, made where they are not there."""
    if order.jobs == 1:
        builder = builder_of(order)
        for number in count():
            yield _length(order.file(number)) or _build(builder, order.file(number), number)
        return
    with _workers(order) as pool:
        ahead: list[Future[float]] = []
        for number in count():
            ahead.append(pool.submit(_work, order, number))
            if len(ahead) > 2 * order.jobs:
                yield ahead.pop(0).result()


@contextmanager
def _workers(order: Order) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(order.jobs, multiprocessing.get_context("spawn"), _begin, (order,))
    try:
        yield pool
    finally:  # what was begun is finished, what waits is dropped
        pool.shutdown(cancel_futures=True)


_builder: Builder | None = None
"""A worker process's own."""


def _begin(order: Order) -> None:
    global _builder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and asks for no more
    _builder = builder_of(order)


def _work(order: Order, number: int) -> float:
    assert _builder is not None
    return _length(order.file(number)) or _build(_builder, order.file(number), number)


def _build(builder: Builder, file: Path, number: int) -> float:
    dialogue = builder.build(number)
    save_dialogue(file, dialogue)
    return dialogue.frames * FRAME_SECONDS


def _length(file: Path) -> float:
    """Seconds of a dialogue on disk; 0 where there is none."""
    if not file.exists():
        return 0.0
    with np.load(file) as kept:
        return len(kept["state"]) * FRAME_SECONDS


def builder_of(order: Order) -> Builder:
    """Loads the models that an order needs."""
    from duplex.models import model_folder

    real = order.real or order.split is not Split.train
    return Builder(
        order.split,
        order.seed,
        Studio(order.cache),
        SileroVad(model_folder("silero-vad")),
        _recogniser() if real else simulated,
        written(order.out) if order.split is Split.train else (),
        order.natural,
        SLOW if order.split is Split.train else 0.0,
    )


def written(folder: Path) -> tuple[tuple[str, ...], ...]:
    """The turns in FOLDER/texts/*.txt, a turn a line, as words; `duplex train texts` makes some."""
    files = sorted((folder / TEXTS).glob("*.txt"))
    lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines())
    return tuple(tuple(line.split()) for line in lines if line.strip())


def _recogniser() -> Recognise:
    from asr.streaming import StreamingWhisper
    from asr.whisper import WhisperModel
    from duplex.models import model_folder

    partial, final = (WhisperModel(model_folder(name)) for name in ("whisper-tiny.en", "whisper-base"))
    whisper = StreamingWhisper(partial, final)
    return lambda staged: heard_really(staged.pcm, staged.asked, whisper)
