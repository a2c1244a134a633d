"""Is the speaker's turn over? The probability that a language model ends the sentence after the words so far.

P(end | words) is the probability mass that a small model puts on sentence-final tokens after the partial transcript,
written as a line of a dialogue. It needs no audio and no training, and only the newly recognised words are computed:
the text so far stays in a cache slot of its own (idea: TurnGPT, Ekstedt and Skantze 2020, here without fine-tuning).
Grammar cannot tell a pause from an end where both are possible ("What is the deepest lake ... in Europe"): this is
one of two signals, silence is the other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from duplex.llm.types import LLM, LLMError, Request

SLOT = "end"  # the cache slot that this needs from the model
_TOP = 100  # alternatives read; the mass beyond the 100 likeliest tokens is negligible
_MAX_WORDS, _DROP_WORDS = 96, 32
_FINAL = tuple(".?!\n…")
_END_OF_TEXT = frozenset({"", "<eos>", "</s>", "<|im_end|>", "<|endoftext|>", "<end_of_turn>"})
_TRAILING = re.compile(r"[\s.?!,;:…\-–—\"”'’]+$")
# A turn that ends in one of these is never over, whatever the grammar says.
_HESITATION = re.compile(
    r"(?:^|\s)(?:u+m+|u+h+|e+r+m*|h+m+|i mean|you know|no wait|let me see|let me think)$", re.I
)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Maps a model's raw mass to a probability: sigmoid(slope * logit(mass) + bias), after Platt 1999."""

    slope: float = 1.0
    bias: float = 0.0

    def __call__(self, mass: float) -> float:
        mass = min(max(mass, 1e-6), 1 - 1e-6)
        return 1 / (1 + math.exp(-(self.slope * math.log(mass / (1 - mass)) + self.bias)))


# By the model's name in the store. Fitted by logistic regression on the development half of configs/bench/turns.jsonl
# (40 pairs; without cut sentences that are sentences too), so .5 separates the two classes: a mass of .15 for both.
# For a model that is not listed use Calibration(1.6, 2.8), which lies between the two.
CALIBRATIONS = {
    "gemma-3-270m": Calibration(1.78, 3.02),
    "smollm2-135m": Calibration(1.51, 2.58),
}


class TurnCompleteness:
    """P(end | words) from a language model that gives log-probabilities.

    Args:
        llm: the model; it must have the slot named "end" where it has slots at all.
        calibration: maps the model's mass to a probability.
    """

    def __init__(self, llm: LLM, calibration: Calibration) -> None:
        self._llm = llm
        self._calibration = calibration

    async def probability(self, words: str, agent: str = "How can I help you?", early: bool = False) -> float:
        """The probability in 0..1 that the turn is over after `words`.

        Args:
            words: what the user has said in this turn; the recogniser's final punctuation is ignored.
            agent: what the agent said last: after a question, one word may be a whole turn.
            early: more words may follow; this only reads them in advance, when nothing else is to be done.

        Raises:
            LLMError: the model failed, or gives no log-probabilities.
        """
        text = spoken(words)
        if not text or hesitates(text):
            return 0.0
        return self._calibration(await self.mass(text, agent, early))

    async def mass(self, text: str, agent: str = "How can I help you?", early: bool = False) -> float:
        """The uncalibrated probability mass on sentence-final tokens after `text`."""
        prompt = f"Agent: {one_line(agent)}\nUser: {text}"
        request = Request(prompt, max_tokens=1, slot=SLOT, top_logprobs=_TOP, early=early)
        tokens = [token async for token in self._llm.stream(request)]
        if not tokens:
            return 1.0  # the model ended the text
        if not tokens[0].top:
            raise LLMError("P(end) needs log-probabilities, and this model gives none; use a local model")
        return final_mass(tokens[0].top)


def spoken(words: str) -> str:
    """The transcript as scored: one line, no final punctuation, a capital at its start, its last 96 words at most.

    Older words are dropped 32 at a time, so that the cached prefix is kept from word to word.

    >>> spoken("what is the deepest lake?")
    'What is the deepest lake'
    """
    kept = _TRAILING.sub("", words).split()
    if len(kept) > _MAX_WORDS:
        kept = kept[-(-(len(kept) - _MAX_WORDS) // _DROP_WORDS) * _DROP_WORDS :]
    text = " ".join(kept)
    return text[:1].upper() + text[1:]


def one_line(text: str) -> str:
    """The last 200 characters of a text as one line, for a prompt whose lines have a meaning."""
    return " ".join(text.split())[-200:]


def hesitates(text: str) -> bool:
    """Whether the words end in a filler, or in a phrase that announces more.

    >>> hesitates("I would like um"), hesitates("I like rum")
    (True, False)
    """
    return _HESITATION.search(_TRAILING.sub("", text)) is not None


def final_mass(top: Iterable[tuple[str, float]]) -> float:
    """The summed probability of the tokens that end a sentence, of (text, log-probability) pairs."""
    mass = math.fsum(math.exp(logprob) for text, logprob in top if ends_sentence(text))
    return min(1.0, mass)


def ends_sentence(token: str) -> bool:
    """Whether a token ends a sentence: final punctuation, alone or leading, a line break, or the end of the text."""
    return token in _END_OF_TEXT or token.lstrip(" ").startswith(_FINAL)
