"""Turns that a small language model makes up: far more varied than any grammar, for the word path to learn from.

The model (SmolLM2-135M-Instruct, Apache-2.0) continues lists of things that people say on the telephone; the first
lines of each list are turns of the training grammars, so that it keeps to the register and not to one subject.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from duplex.core.data.scripts import Script
from duplex.llm.llamacpp import LlamaCpp
from duplex.llm.types import Request

SLOTS = 8
"""Lists that are written at a time: a small model makes more tokens a second so."""
SHORTEST, LONGEST = 3, 24
"""Words in a turn."""
_GOES_ON = """
and but so because or if when which that who with for before after to in on at from
"""
"""Before these people pause."""
_TOPICS = """
a hotel booking;a dentist appointment;a lost parcel;a broken washing machine;train times;a recipe;the weather;
a bank card;football;a birthday party;learning to cook;a school trip;the garden;a rented flat;a film;a doctor;
music lessons;a car repair;a computer problem;history;animals;travel plans;a job interview;a phone contract;
an insurance claim;a restaurant table;the family;a dog;shopping;sports training;books;space;geography;taxes;
a wedding;moving house;a museum visit;a bus pass;politics;health;sleep;a neighbour;clothes;work;a meeting;
a calendar;the news;mountains and lakes;a bicycle;money;a library;food and drink;a flight;the sea;a concert
"""
_WAYS = (
    "questions that people ask {about}",
    "things that a caller says {about}",
    "requests to a voice assistant {about}",
    "stories, told in one sentence, {about}",
    "answers that somebody gives when asked {about}",
    "complaints {about}",
    "things that friends tell each other {about}",
    "instructions that somebody gives {about}",
)
_LINE = re.compile(r"^\s*(?:\d+[.)]|[-*•])?\s*[\"“]?(.*?)[\"”]?\s*$")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ,.'’?!\-]*[.?!]")


def turns(text: str) -> Iterator[tuple[str, ...]]:
    """The usable lines of a list, as words: ended ones, in plain words, neither very short nor long.

    A list that was broken off has a last line without an end: it is left out.
    """
    for line in text.splitlines():
        found = _LINE.match(line)
        said = found.group(1) if found else ""
        words = tuple(word.strip('.,?!"') for word in said.replace("’", "'").split())
        if _PLAIN.fullmatch(said) and SHORTEST <= len(words) <= LONGEST and all(words):
            yield words


def prompt(examples: list[str], rng: Random) -> str:
    """A list to be continued."""
    way = rng.choice(_WAYS).format(about=f"about {rng.choice(_TOPICS.split(';')).strip()}")
    lines = "\n".join(f"{at}. {_sentence(said)}" for at, said in enumerate(examples, 1))
    return f"Here are twenty very different {way}, as they are spoken:\n{lines}\n{len(examples) + 1}."


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:] + "."


def sample(
    model: Path,
    out: Path,
    count: int,
    seed: int,
    examples: Callable[[Random], str],
    report: Callable[[int], None] = lambda n: None,
) -> None:
    """Write turns to `out`, one a line, until it holds `count` different ones; what it holds already stays.

    Args:
        model: a GGUF file.
        out: a text file.
        count: lines in all.
        seed: of the prompts. The model samples as it likes: the file, not the seed, makes training repeatable.
        examples: draws a turn of the training grammars.
        report: told the number of lines now and then.
    """
    seen = set(out.read_text().splitlines()) if out.is_file() else set()
    names = tuple(f"list{at}" for at in range(SLOTS))
    llm = LlamaCpp(model, slots=names, context=512)
    rng = Random(seed + len(seen))

    def one(slot: str, asked: str) -> str:
        request = Request(asked, max_tokens=160, temperature=1.0, slot=slot)
        return "".join(token.text for token in llm.generate(request) if token is not None)

    try:
        llm.load()
        with ThreadPoolExecutor(SLOTS) as pool, out.open("a") as file:
            while len(seen) < count:
                asked = [prompt([examples(rng) for _ in range(rng.randint(1, 3))], rng) for _ in names]
                for text in pool.map(one, names, asked):
                    fresh = {" ".join(words) for words in turns(text)} - seen
                    seen |= fresh
                    file.writelines(line + "\n" for line in sorted(fresh))
                file.flush()
                report(len(seen))
    finally:
        llm.close()


def as_script(words: tuple[str, ...], rng: Random) -> Script:
    """A sampled turn with pauses where people make them: mostly before a clause or a phrase goes on."""
    pauses, goes_on = [0.0] * len(words), set(_GOES_ON.split())
    for at in range(1, len(words)):
        if rng.random() < (0.35 if words[at].lower() in goes_on else 0.06):
            pauses[at - 1] = 0.5
    return Script(words, tuple(pauses), frozenset(), "written", "written")
