"""Real hypotheses of training dialogues, collected as long as somebody has patience, and the rates fitted on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from duplex.core.data.build import Staged
from duplex.core.data.fit import Sample, load_sample, minutes_of, save_sample
from duplex.core.data.labels import Reading
from duplex.core.data.make import Order, builder_of
from duplex.core.data.simulate import audible_words


def collect(order: Order, folder: Path, minutes: float, done: Callable[[float], None]) -> list[Sample]:
    """Hear training dialogues with the real recogniser until it was given so many minutes of audio.

    The users have natural voices: of espeak-ng's robots the recogniser gets a third of the words wrong, of people and
    of voices like theirs a few in a hundred.

    Args:
        order: whose dialogues; its `real` is taken as true.
        folder: one JSON a dialogue; those that are there count and are not heard again.
        minutes: of audio given to the recogniser, at least.
        done: told the minutes that are there whenever there are more.

    Returns:
        All samples that are there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    builder = builder_of(replace(order, real=True))
    kept: list[Sample] = []
    have = 0.0

    def recognise(staged: Staged) -> list[Reading]:
        readings = builder.recognise(staged)
        kept.append(Sample(tuple(audible_words(staged)), tuple(staged.asked), tuple(readings)))
        return readings

    hearing = replace(builder, recognise=recognise, natural=1.0)
    number = 0
    while have < minutes:
        file = folder / f"{order.seed:04d}-{number:06d}.json"
        if file.exists():
            kept.append(load_sample(file))
        else:
            hearing.build(number)
            save_sample(file, kept[-1])
        have += minutes_of(kept[-1])
        done(have)
        number += 1
    return kept
