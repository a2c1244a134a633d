"""What a voice over the agent's speech wants, as far as its words tell. Pure.

Most of what listeners say while another speaks claims nothing (Yngve 1970's backchannels); what does claim the
floor says so with its first word. So words decide early where they can, and how long the voice lasts where they
cannot. A text that may still become a backchannel ("I" of "I see") decides nothing. A yes to what the agent is just
asking is no backchannel: it is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from duplex.dialogue.addressee import calls, for_another
from duplex.dialogue.events import Commit, Heard, ReplyText

Claim = Literal["none", "open", "backchannel", "other", "turn"]
"""`none`: no words; `open`: more of them are needed; `backchannel`: it wants nothing; `other`: it wants somebody else;
`turn`: it wants the floor."""

_CLAIMS = frozenset(
    """
    stop wait no nope not don't hold hang pause quiet enough never please sorry excuse pardon hello hey but and so
    because actually instead what what's which who who's whose when where where's why how how's is isn't are aren't
    was were do does doesn't did didn't can can't could will won't would should shall may let let's tell give show say
    repeat go skip make take know i'd i've i'll thank thanks
    """.split()  # noqa: SIM905  a list of words reads as one
)
"""Words with which people take the floor: a single one of them is enough. Of other words it takes two in a row, since
a recogniser writes some word for every hum: "you" for a breath, "I'm" for an "mm". Half of a "no" is a "know"."""


def _phrases(lines: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(each.split()) for each in lines.replace("\n", "|").split("|") if each.strip())


_AGREES = _phrases(
    """
    yes|yeah|yea|yeh|yah|yep|yup|ya|ok|okay|kay|right|all right|alright|sure|sure thing|true|correct|exactly|absolutely
    definitely|indeed|totally|good|great|fine|perfect|of course|that's right|that's correct|that's true|that's good
    """
)
"""What listeners say to go on listening, and the same people say for yes."""
_PHRASES = _AGREES | _phrases(
    """
    mm|mhm|mmhm|mm hm|mm hmm|hm|hmm|hum|um|umm|um hum|uh|uh huh|uhhuh|huh|ah|aha|oh|ooh|wow|nice|cool|wonderful|lovely
    interesting|really|oh really|i see|i know|i understand|got it|gotcha|makes sense|that makes sense|fair enough
    good point|is that so|oh no|oh dear|oh my|oh my god|my god|my goodness|goodness|gosh|oh boy|i get it|i get that
    i bet|i hear you|you're right|good to know|too bad|very good|very nice|very interesting|so true|amazing
    awesome|brilliant|excellent|super|fantastic|no kidding|no problem|no worries|sounds good|sounds great
    that sounds good|that sounds great|that's great|that's nice|that's lovely|that's interesting|that's amazing
    that's funny|that's cool|that's a shame|that's fine|that's fair
    """
)
"""What listeners say to go on listening: SWBD-DAMSL's acknowledgements and assessments (Jurafsky et al. 1997)."""
_HUM = re.compile(r"m{2,}\w?|[mh]+|[ue]+[hmr]+|a+h*|o+h*|(?:h[aeo])+h?")
"""What a recogniser writes for sounds that are no words, laughter among them."""
_OPENINGS = frozenset(
    phrase[:cut] for phrase in _PHRASES if phrase[0] not in _CLAIMS for cut in range(1, len(phrase))
)
_LONGEST = max(map(len, _PHRASES))
_RUN, _MOSTLY = 4, 0.75
"""Things that listeners say in a row, and their share of the words, from which on the others were misheard."""


@dataclass(slots=True)
class Overlap:
    """A voice over the agent's speech that is not decided yet."""

    onset: int
    stopped: int | None = None
    """When it ended, in the audio; None while it lasts."""
    waits: bool = False
    """So far it was a backchannel: it may last a little longer."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A reply that was stopped though something of it is left: which, when, whether it was asking something, and
    whether there have been words that want an answer, so far as the turn went."""

    attempt: int
    t: int
    asked: bool
    worded: bool = False

    def after(self, text: str) -> Cut | None:
        """Itself, if these words of the turn leave it open; not where there were others, and now are none."""
        return self if text.strip() or not self.worded else None

    def with_words(self) -> Cut:
        """Itself after words that want an answer."""
        return replace(self, worded=True)


@dataclass(slots=True)
class Saying:
    """What the agent says, as far as it is written, and how far it was heard."""

    attempt: int = -1
    _text: str = ""
    _heard: int = 0
    """Words."""

    def on(self, event: ReplyText | Commit | Heard) -> None:
        """Take what is written, committed or heard."""
        match event:
            case Heard():
                self._heard = len(event.text.split())
            case Commit(reason="resumption"):
                self._begin(self.attempt, " ".join([event.text, *self._text.split()[self._heard :]]))
            case Commit() if event.text:
                self._begin(event.attempt, event.text)
            case ReplyText() if event.attempt > self.attempt:
                self._begin(event.attempt, event.text)
            case ReplyText() if event.attempt == self.attempt:
                self._text += f" {event.text}"

    def _begin(self, attempt: int, text: str) -> None:
        self.attempt, self._text, self._heard = attempt, text, 0

    @property
    def asks(self) -> bool:
        """The sentence that is being said, or the one after it, is a question: callers know how it will end."""
        sentences = re.split(r"(?<=[.!?])\s+", self._text.strip())
        said, at = len(sentences[0].split()), 0
        while at + 1 < len(sentences) and said <= self._heard:
            at += 1
            said += len(sentences[at].split())
        return any(sentence.endswith("?") for sentence in sentences[at : at + 2])


def claim_of(text: str, asked: bool = False, own: Collection[str] = (), whole: bool = True) -> Claim:
    """What the words that were recognised so far claim.

    Args:
        text: the words.
        asked: the agent is asking something that they may answer, a name perhaps.
        own: names that it goes by.
        whole: no more of them will come. Of a part that began as listeners do, three words in a row may be misheard.

    >>> claim_of("Mm-hm, I see."), claim_of("I"), claim_of("Okay, but"), claim_of("...")
    ('backchannel', 'open', 'turn', 'none')
    >>> claim_of("Yes"), claim_of("Yes", asked=True)
    ('backchannel', 'turn')
    >>> claim_of("Tom, dinner's"), claim_of("Tom, dinner's", own=["tom"])
    ('other', 'turn')
    """
    if not asked and calls(text, own):
        return "other"
    words = tuple(re.findall(r"[a-z0-9']+", text.lower().replace("’", "'")))
    at, strange, listens = 0, 0, False
    while at < len(words):
        phrase = _phrase_at(words, at)
        if not phrase and words[at:] in _OPENINGS:
            return "open"
        if asked and phrase in _AGREES:
            return "turn"
        enough = strange == (1 if whole or not listens else 2) and not _mostly_listens(words)
        if not phrase and (words[at] in _CLAIMS or enough):
            return "turn"
        strange, listens = 0 if phrase else strange + 1, listens or bool(phrase)
        at += len(phrase) or 1
    return "open" if strange else "backchannel" if words else "none"


def _phrase_at(words: tuple[str, ...], at: int) -> tuple[str, ...]:
    """The longest thing that listeners say which begins here; empty where nothing does."""
    heads = (words[at : at + length] for length in range(_LONGEST, 0, -1))
    hum = words[at : at + 1] if _HUM.fullmatch(words[at]) else ()
    return next((head for head in heads if head in _PHRASES), hum)


def _mostly_listens(words: tuple[str, ...]) -> bool:
    """A run of what listeners say with a misheard word or two in it, which is the last thing in it no more."""
    at = run = covered = 0
    phrase: tuple[str, ...] = ()
    while at < len(words):
        phrase = _phrase_at(words, at)
        run, covered = run + bool(phrase), covered + len(phrase)
        at += len(phrase) or 1
    return bool(phrase) and run >= _RUN and covered >= _MOSTLY * len(words)


def says_nothing(text: str, over_speech: bool, asked: bool = False, own: Collection[str] = ()) -> bool:
    """Whether final words ask for no answer: there are none, they only said that the agent may go on, or they were said
    to somebody else.

    Args:
        text: the words.
        over_speech: they were said over the agent's.
        asked: which asked something.
        own: names that it goes by.
    """
    if not text.strip() or not over_speech:
        return not text.strip()
    return claim_of(text, asked) in ("none", "backchannel") or (not asked and for_another(text, own))
