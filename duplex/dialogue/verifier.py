"""May a draft be said? A logistic model over how sure its drafter was, what it rests on and what was heard since.

RelayS2S verifies a prefix by 170,000 parameters over hidden states. Here a prefix is quoted from evidence, written by a
model that is asked for its probabilities, or the question's own subject, so what can go wrong is seen in a dozen
figures, and the weights are a file that one can read: `configs/relay/verifier.json`, by `duplex train verifier`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from duplex.dialogue.relay import Sight
from duplex.llm.drafts import Draft, hanging, plain
from duplex.llm.words import content, covered, words

FEATURES = (
    *("bias", "chance", "ahead", "logprob", "entropy", "margin"),
    *("written", "quoted", "subject", "restated", "spoken", "length", "added", "changed"),
)
"""What the model sees of a draft: the chance of its evidence and how far that is ahead; of its least sure word the
log-probability, entropy and margin; whether a model wrote it, it is quoted, the question's subject, or the question
turned round; the share of its content that the user has spoken; its words, those that were heard since, and whether the
last one that it was drafted for has changed."""
_LEAST_LOGPROB, _MOST_ENTROPY, _MOST_ADDED = -6.0, 4.0, 8


def features(draft: Draft, sight: Sight) -> tuple[float, ...]:
    """What `FEATURES` names, for a whole draft."""
    before, now = (
        [word for word in map(plain, text.split()) if word] for text in (sight.drafted, sight.heard)
    )
    sure, told = draft.sureness, content(draft.text)
    heard = words(sight.heard)
    return (
        1.0,
        draft.evidence.chance,
        draft.evidence.ahead,
        max(_LEAST_LOGPROB, min((each.logprob for each in sure), default=0.0)),
        min(_MOST_ENTROPY, max((each.entropy for each in sure), default=0.0)),
        min((each.margin for each in sure), default=1.0),
        float(draft.source == "model"),
        float(draft.source == "evidence"),
        float(draft.source == "topic"),
        float(draft.source == "restated"),
        sum(covered(word, heard) for word in told) / len(told) if told else 1.0,
        len(draft.text.split()) / 5,
        min(_MOST_ADDED, max(0, len(now) - len(before))) / _MOST_ADDED,
        float(now[: len(before)] != before),
    )


@dataclass(frozen=True, slots=True)
class LogisticVerifier:
    """See the module.

    Attributes:
        weights: log-odds for each unit of the features, by name.
        keep: the least probability at which the validation templates had at most the bad prefixes that are allowed.
    """

    weights: Mapping[str, float]
    keep: float

    @classmethod
    def load(cls, path: Path) -> LogisticVerifier:
        """Read a file that `duplex train verifier` wrote.

        Raises:
            ValueError: it is no such file, or of another version.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            weights = {str(name): float(value) for name, value in data["weights"].items()}
            keep = float(data["keep"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{path}: no verifier ({error})") from error
        if set(weights) != set(FEATURES):
            raise ValueError(f"{path}: its features are not {', '.join(FEATURES)}; train it anew")
        return cls(weights, keep)

    def probability(self, draft: Draft, sight: Sight) -> float:
        """That the answer goes on from a draft."""
        values = zip(FEATURES, features(draft, sight), strict=True)
        return 1 / (1 + math.exp(-sum(self.weights[name] * value for name, value in values)))

    def verified(self, draft: Draft, sight: Sight, least: float | None) -> Draft | None:
        """The longest beginning of a draft whose probability is at least this, by default `keep`; None for none.

        A reply to small talk is the table's own; nobody has to verify it.
        """
        if draft.source == "talk":
            return draft
        least = self.keep if least is None else least
        for cut in shortened(draft):
            if self.probability(cut, sight) >= least:
                return cut
        return None


def shortened(draft: Draft) -> list[Draft]:
    """A draft and its beginnings, longest first; a subject is whole or nothing."""
    written = draft.text.split()
    if draft.source == "topic":
        return [draft]
    cuts = [
        size for size in range(len(written), 1, -1) if size == len(written) or not hanging(written[size - 1])
    ]
    return [replace(draft, text=" ".join(written[:n]), sureness=draft.sureness[:n]) for n in cuts]
