"""Written text to spoken words, each spoken word with the written word that it came from.

Voices read letters well and everything else badly or not at all; captions and history must show what was
written. So each written word (what stands between white space) keeps its own spoken form, judged with its
neighbours: "$5 million" is "five", "million dollars"; "St. Louis" a saint and "Main St." a street. The forms
of numbers are in `tts.rules`, the vocabulary in `tts.lexicon`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tts.rules import spoken_form

MAX_WORD_CHARS = 200
"""What of a longer word is spoken."""

_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\((?:[^()\s]|\([^()\s]*\)){0,500}(?:\s+\"[^\"]*\")?\)")
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_LINE_MARK = re.compile(r"(?m)^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+•][ \t]+(?=\S))+")
_RULE = re.compile(r"(?m)^[ \t]*(?:[-*_=][ \t]*){3,}$|^[ \t]*```\w*[ \t]*$|^[ \t|:-]*\|[ \t|:-]*$")
_WRAP = "*_`~\"“”„«»‘’'()[]{}<>|"
_STOP = re.compile(r"[.!?,;:…–—。！？，、]+$")
_STOPS = {"…": ".", "–": ",", "—": ",", "。": ".", "！": "!", "？": "?", "，": ",", "、": ","}
_DASHES = frozenset({"-", "–", "—", "--", "|", "/"})


@dataclass(frozen=True, slots=True)
class Spoken:
    """A written word and how it is said.

    Attributes:
        written: the word as it stood in the text, with its punctuation.
        words: the spoken words: letters and apostrophes only; empty for what is not spoken.
        stop: the punctuation mark behind it that shapes the speech: one of `, ; : . ! ?`, or empty.
    """

    written: str
    words: tuple[str, ...]
    stop: str = ""


def normalise(text: str) -> list[Spoken]:
    """The words of an English text as they are spoken.

    Markdown marks, control characters, emoji and words in scripts that an English voice cannot read have no
    spoken form. Pure; takes about 20 µs a word.
    """
    written = _plain(text).split()
    cores, stops = zip(*map(_taken_apart, written), strict=True) if written else ((), ())
    shouting = _is_shouted(cores)
    out: list[Spoken] = []
    for at, token in enumerate(written):
        if out and not out[-1].stop and (token in _DASHES or re.match(r"\(\D", token)):
            out[-1] = Spoken(out[-1].written, out[-1].words, ",")
        if token in _DASHES:
            out.append(Spoken(token, ()))
            continue
        words, abbreviated = spoken_form(cores, at, ended=stops[at].startswith("."))
        if shouting:
            words = [word.lower() for word in words]
        more = at + 1 < len(written)
        stop = stops[at][1:] if abbreviated and more and stops[at].startswith(".") else stops[at]
        if token.endswith(")") and not stop and more and not cores[at].isdigit():
            stop = ","
        out.append(Spoken(token, tuple(words), _stop_of(stop)))
    return out


def _is_shouted(cores: Sequence[str]) -> bool:
    """Whether a text is in capitals throughout, so that these make no acronyms."""
    words = [core for core in cores if core.isalpha()]
    return len(words) > 2 and all(map(str.isupper, words)) and any(len(word) > 3 for word in words)


def _plain(text: str) -> str:
    """Text without markdown's marks for links, lines and tables, and without characters that carry nothing."""
    text = _TERMINAL.sub("", text)
    text = "".join(
        char if _carries(char) else " " if char in "\u2028\u2029\x0b\x0c\x85" else "" for char in text
    )
    text = _LINE_MARK.sub("", _RULE.sub("", text))
    return _TAG.sub(" ", _LINK.sub(r"\1", text))


def _carries(char: str) -> bool:
    return char in "\n\t " or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")


def _taken_apart(token: str) -> tuple[str, str]:
    """The core of a written word, without quotes, brackets and marks around it, and its closing punctuation."""
    core, stop = token[:MAX_WORD_CHARS].lstrip(_WRAP), ""
    if re.match(r"['’‘]\d0s|[~<>]+\d", token):
        core = token[token.index(core) - 1] + core
    while True:
        bare = core.rstrip('*_`~"“”„«»‘’)]}>|') if not re.search(r"\d['’]\d+\"$", core) else core
        found = _STOP.search(bare)
        if found and bare != found.group():
            stop, bare = found.group() + stop, bare[: found.start()]
        if bare == core:
            return core, stop
        core = bare


def _stop_of(stop: str) -> str:
    for mark in "?!":
        if mark in stop:
            return mark
    mark = stop[:1]
    return _STOPS.get(mark, mark)
