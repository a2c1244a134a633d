"""Real hypotheses of training dialogues, collected as long as somebody has patience, and the rates fitted on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

from duplex.core.data.build import Staged
from duplex.core.data.fit import Sample, load_sample, minutes_of, save_sample
from duplex.core.data.labels import Reading
from duplex.core.data.make import Order, builder_of
from duplex.core.data.simulate import audible_words
from duplex.core.streams.dialogue import save_dialogue


def collect(order: Order, folder: Path, minutes: float, done: Callable[[float], None]) -> list[Sample]:
    """Hear training dialogues with the real recogniser until it was given so many minutes of audio.

    The users have natural voices: of espeak-ng's robots the recogniser gets a third of the words wrong, of people and
    of voices like theirs a few in a hundred. The dialogues are kept too: they are dear, and the best to train with.
    Other seeds may be collected into the same folders by other processes at the same time; all of them count.

    Args:
        order: whose dialogues, and where they go; its `real` is taken as true.
        folder: one JSON a dialogue; those that are there count and are not heard again.
        minutes: of audio given to the recogniser, at least.
        done: told the minutes that are there whenever there are more.

    Returns:
        All samples that are there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    order.file(0).parent.mkdir(parents=True, exist_ok=True)
    builder = builder_of(replace(order, real=True))
    kept: dict[Path, Sample] = {}

    def recognise(staged: Staged) -> list[Reading]:
        readings = builder.recognise(staged)
        heard.append(Sample(tuple(audible_words(staged)), tuple(staged.asked), tuple(readings)))
        return readings

    heard: list[Sample] = []
    hearing = replace(builder, recognise=recognise, natural=1.0)
    for number in count():
        for file in set(folder.glob("*.json")) - kept.keys():
            kept[file] = load_sample(file)
        have = sum(map(minutes_of, kept.values()))
        done(have)
        if have >= minutes:
            break
        file = folder / order.file(number).with_suffix(".json").name
        if file not in kept:
            save_dialogue(order.file(number), hearing.build(number))
            save_sample(file, heard[-1])
    return [kept[file] for file in sorted(kept)]
