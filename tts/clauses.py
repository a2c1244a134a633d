"""Where streamed text is cut into pieces that can be spoken.

The first piece decides how soon the agent is heard, so it ends at the first clause of three words or more;
later pieces are whole sentences, which sound better, and are ready long before they are needed. Text may
arrive cut anywhere, so a boundary counts only once the white space behind it is there: the point of "3.5" is
no full stop.
"""

from __future__ import annotations

import re

MAX_CHARS = 20_000
"""Characters that one utterance takes: about 20 minutes of speech. More is an error of whoever writes."""
FIRST_WORDS = 3
"""Words that the first piece has at least, unless a sentence ends before."""
LONG_WORDS = 14
"""From so many words on, a sentence is cut at its next comma or before its next conjunction."""
MAX_WORDS = 30
"""Words of one piece at most: what one step computes is bounded."""
MAX_WORD_CHARS = 500
"""Characters without white space after which a word is cut in two."""

_TOKEN = re.compile(r"\S+")
_CLOSERS = "\"'”’)]}*_`»"
_SENTENCE_END = re.compile(rf"[.!?…。！？]+[{re.escape(_CLOSERS)}]*$")
_CLAUSE_END = re.compile(rf"([,;:—–][{re.escape(_CLOSERS)}]*|^[-–—]+)$")
_INITIALS = re.compile(rf"^[{re.escape(_CLOSERS)}\(\[“‘]*([A-Za-z]\.)+$")
_NUMBER_POINT = re.compile(r"^\(?\d{1,2}[.)]$")
_PARAGRAPH = re.compile(r"\n\s*(\n|[-*+•#>|]|\d{1,3}[.)]\s)")
_ABBREVIATIONS = """dr mr mrs ms prof st mt ft no vs e.g i.e cf approx ca etc fig figs vol pp p sec min max hr hrs jr
    sr gen col lt sgt capt rev hon pres gov sen rep dept est inc ltd co corp jan feb mar apr jun jul aug sep sept oct
    nov dec mon tue tues wed thu thur thurs fri sat sun ave blvd rd al ed eds avg temp incl excl resp sq"""
_ABBREVIATED = frozenset(_ABBREVIATIONS.split())
_CONJUNCTIONS = """and but or so because although though while when where which who whose if unless until since as
    after before"""
_JOINS = frozenset(_CONJUNCTIONS.split())


class ClauseCutter:
    """Text pieces in, speakable clauses out. Pure: it holds text and nothing else."""

    def __init__(self) -> None:
        self._text = ""
        self._taken = 0
        self._first = True

    def push(self, text: str) -> None:
        """Append text, cut anywhere.

        Raises:
            ValueError: the utterance is longer than `MAX_CHARS`.
        """
        self._taken += len(text)
        if self._taken > MAX_CHARS:
            raise ValueError(f"an utterance takes {MAX_CHARS} characters at most: begin a new one")
        self._text += text

    def pop(self, final: bool) -> str | None:
        """The next clause, or None if more text is needed.

        Args:
            final: no more text comes: what is left is a clause.
        """
        at = self._boundary(final)
        if at is None:
            return None
        clause, self._text = self._text[:at].strip(), self._text[at:].lstrip()
        if not clause:
            return None
        self._first = False
        return clause

    def _boundary(self, final: bool) -> int | None:
        """Index just behind the next clause, if there is one."""
        soft: int | None = None
        tokens = list(_TOKEN.finditer(self._text))
        for count, token in enumerate(tokens, 1):
            follower = tokens[count].group() if count < len(tokens) else ""
            if token.end() - token.start() > MAX_WORD_CHARS:
                return token.start() + MAX_WORD_CHARS if count == 1 else token.start()
            if token.end() == len(self._text):
                break  # nothing behind it yet: it may go on
            if self._ends_sentence(token, follower):
                return token.end()
            if _CLAUSE_END.search(token.group()):
                if (self._first and count >= FIRST_WORDS) or count >= LONG_WORDS:
                    return token.end()
                soft = token.end()
            if follower.lower() in _JOINS and count >= LONG_WORDS:
                return token.end()
            if count >= MAX_WORDS:
                return soft or token.end()
        return len(self._text) if final and tokens else None

    def _ends_sentence(self, token: re.Match[str], follower: str) -> bool:
        if _PARAGRAPH.match(self._text, _behind_blanks(self._text, token.end())):
            return True
        word = token.group()
        if not _SENTENCE_END.search(word):
            return False
        bare = word.strip(_CLOSERS + "(“‘[")
        if not bare.endswith(".") or bare.endswith(".."):
            return True
        if _NUMBER_POINT.match(bare) and token.start() == 0:
            return False  # "1." opens an item of a list
        if _INITIALS.match(bare):
            return follower[:1].isupper() and len(bare) > 2  # "U.S. The", not "J. Smith"
        return bare[:-1].lower() not in _ABBREVIATED


def _behind_blanks(text: str, at: int) -> int:
    """Index of the first character from `at` on that is no blank or tab."""
    while at < len(text) and text[at] in " \t\r":
        at += 1
    return at
