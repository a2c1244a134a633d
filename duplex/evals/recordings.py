"""People's speech, with what they said: folders of recordings, and recordings that installed packages carry.

A folder's transcripts are looked for as people lay them out: NAME.txt beside NAME.wav; a transcripts.json of texts by
file; a labels.json of intents and slots by file, which holds no transcript, so that slots are all that can be told; a
Sphinx .transcription file, "words (name)" a line.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio.pcm import Pcm
from duplex.evals.clips import load_clip
from duplex.evals.metrics.spans import Word
from duplex.evals.prepare import prepare
from duplex.evals.scenario import ScenarioError
from duplex.evals.suite import find_suite, read_suite

_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff")
_MAX_TEXT = 2**20
_PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
_PROMPT_TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
_SPHINX = re.compile(r"(?:<s>)?\s*(.+?)\s*(?:</s>)?\s*\(([^()\s]+)\)\s*$")


@dataclass(frozen=True, slots=True)
class Recording:
    """Speech and what is known of its words.

    Attributes:
        id: the file's name, or the scenario's and the item's.
        origin: the set that it belongs to.
        pcm: int16 [n] at 16 kHz.
        text: what is said; empty where only slots are known.
        slots: words that were asked for and must be in it.
        words: with their true times in seconds; empty where nobody knows them.
    """

    id: str
    origin: str
    pcm: Pcm
    text: str = ""
    slots: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class _Label:
    """What a folder's files say of a recording."""

    text: str = ""
    slots: tuple[str, ...] = ()


def in_folder(folder: Path) -> tuple[list[Recording], list[str]]:
    """The recordings of a folder and those below it, and the names of those whose words nobody wrote down.

    Raises:
        ScenarioError: there is no such folder, no recording in it, or one that cannot be heard.
    """
    if not folder.is_dir():
        raise ScenarioError(f"{folder}: there is no such folder")
    files = sorted(each for each in folder.rglob("*") if each.suffix.lower() in _SUFFIXES)
    if not files:
        raise ScenarioError(f"{folder}: there is no recording in it ({', '.join(_SUFFIXES)})")
    labels = {parent: _labels(parent) for parent in {each.parent for each in files}}
    found, without = [], []
    for file in files:
        label = labels[file.parent].get(file.name) or labels[file.parent].get(file.stem) or _Label()
        name = str(file.relative_to(folder))
        if label.text or label.slots:
            found.append(Recording(name, file.parent.name, load_clip(file), label.text, label.slots))
        else:
            without.append(name)
    return found, without


def _labels(folder: Path) -> dict[str, _Label]:
    """What a folder's text files say, by the recording's name, with or without its suffix."""
    found: dict[str, _Label] = {}
    for file in sorted(folder.glob("*.txt")):
        found[file.stem] = _Label(_read(file).strip())
    for file in sorted(folder.glob("*.transcription")):
        matches = (_SPHINX.match(line) for line in _read(file).splitlines())
        found |= {match[2]: _Label(match[1]) for match in matches if match}
    for name, text in _json(folder / "transcripts.json").items():
        if isinstance(text, str):
            found[name] = _Label(text)
    for name, label in _json(folder / "labels.json").items():
        slots = label.get("slots") if isinstance(label, dict) else None
        if isinstance(slots, dict):
            found[name] = _Label(slots=tuple(str(each).strip() for each in slots.values()))
    return found


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > _MAX_TEXT:
            raise ScenarioError(f"{file}: larger than {_MAX_TEXT // 2**20} MiB, which no transcript is")
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{file}: cannot be read: {error}") from error


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        rows = json.loads(_read(file))
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"{file}: is no JSON: {error}") from error
    return rows if isinstance(rows, dict) else {}


def packaged(count: int) -> list[Recording]:
    """Recorded prompts of Debian's asterisk-core-sounds-en and -g722 (CC BY-SA 3.0); none where they are missing."""
    found = list(_prompts())
    chosen = random.Random(0).sample(found, min(count, len(found)))
    return [Recording(path.stem, "asterisk", decoded(path), text) for path, text in chosen]


def _prompts() -> Iterator[tuple[Path, str]]:
    """Those of 3 words or more and 1 to 10 s, and their texts."""
    if not (_PROMPTS.is_dir() and _PROMPT_TEXTS.is_file()):
        return
    for line in gzip.decompress(_PROMPT_TEXTS.read_bytes()).decode().splitlines():
        name, _, text = line.strip().partition(": ")
        path = _PROMPTS / f"{name}.g722"
        spoken = not re.search(r"[\[(*#]", text) and len(text.split()) >= 3
        if spoken and path.is_file() and 8_000 <= path.stat().st_size <= 80_000:
            yield path, text


def decoded(path: Path) -> Pcm:
    """A G.722 file as int16 [n] at 16 kHz."""
    import av

    with av.open(str(path), format="g722") as file:
        frames = [frame.to_ndarray().ravel() for frame in file.decode(audio=0)]
    return np.concatenate(frames).astype(np.int16)


def of_suite(name: str) -> list[Recording]:
    """What the user of a suite says, with true times: the speech is made here.

    Raises:
        ScenarioError: there is no such suite, or one of its scenarios cannot be used.
    """
    found = []
    for part in read_suite(find_suite(name), "virtual"):
        for case in part:
            if case.scenario is None:
                raise ScenarioError(case.error)
            made = prepare(case.scenario, case.file.parent)
            found += [
                Recording(f"{case.id}.{item.id}", name, made.audio[item.id], item.text, words=item.words)
                for item in made.scenario.timeline
                if item.kind in ("user_speech", "interruption") and item.words
            ]
    return found
