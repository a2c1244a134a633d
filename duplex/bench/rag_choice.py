"""Which tool is meant by words that use neither its name nor its phrases: by words alone, and by meaning as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from duplex.bench.measure import Measure, of_share
from duplex.dialogue.slots import NEEDED
from duplex.models import model_folder
from duplex.resources import config_path
from tools_rag import MiniLM
from tools_rag.tools.meaning import nearest
from tools_rag.tools.wanted import Cues

COMMAND = "duplex bench rag"
NONE = "none"

Chosen = tuple[str, str, str]
"""The tool that is meant, the one that words alone choose, and the one that meaning chooses where those choose none."""


def chosen(agents: Sequence[Any], minilm: MiniLM) -> list[Chosen]:
    """What is chosen for each sentence of these agents."""
    made: list[Chosen] = []
    for agent in agents:
        names = list(agent["tools"])
        rows = minilm.embed([agent["tools"][name] for name in names])
        cues = {name: Cues(name, agent["tools"][name]) for name in names}
        for meant, sentences in agent["said"].items():
            for said in sentences:
                scores = {name: each.score(said, 0) for name, each in cues.items()}
                best = max(names, key=lambda name: scores[name])
                by_words = best if scores[best] >= NEEDED else NONE
                place = nearest(minilm.embed([said])[0], rows)
                near = NONE if place is None else names[place]
                made.append((meant, by_words, near if by_words == NONE else by_words))
    return made


def run() -> list[Measure]:
    """On the tools that the threshold was not set on: sentences that are chosen for rightly, and wrong tools."""
    data = yaml.safe_load(config_path("bench/tool_choice.yaml").read_text(encoding="utf-8"))
    came = chosen(data["test"], MiniLM(model_folder("minilm")))
    n = len(came)
    wrong = sum(last not in (NONE, meant) for meant, _, last in came)
    return [
        of_share("rag.tool_choice_share", sum(meant == last for meant, _, last in came), n, COMMAND),
        of_share("rag.tool_choice_words_share", sum(meant == first for meant, first, _ in came), n, COMMAND),
        of_share("rag.tool_choice_wrong_share", wrong, n, COMMAND),
    ]
