"""Questions that take something wrong for true, and ordinary ones that look like them: is what is wrong named?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from duplex.bench.measure import Measure, of_share
from duplex.llm.premise import Correction, corrected
from duplex.models import model_folder
from duplex.resources import agents_dir, config_path
from tools_rag import KnowledgeIndex, MiniLM

COMMAND = "duplex bench rag"
_FOUND = 3
"""Passages that an answer is made from."""


def questions() -> dict[str, Any]:
    """By part, `dev` and `test`, and kind, `wrong`, `silent` and `ordinary`; and the `passages` beside the lakes."""
    data: dict[str, Any] = yaml.safe_load(config_path("bench/premises.yaml").read_text(encoding="utf-8"))
    return data


def asking(
    passages: list[dict[str, str]], folder: Path, minilm: MiniLM
) -> Callable[[str], Correction | None]:
    """Asks the lakes and these passages, whose files and index go into `folder`."""
    texts = {page.name: page.read_text(encoding="utf-8") for page in lakes()}
    texts |= {f"more-{n}.md": f"# {each['title']}\n\n{each['text']}\n" for n, each in enumerate(passages)}
    knowledge = folder / "knowledge"
    knowledge.mkdir()
    for name, text in texts.items():
        (knowledge / name).write_text(text, encoding="utf-8")
    index = KnowledgeIndex.open(knowledge, folder / "cache", minilm)
    return lambda question: corrected(index.repair(question).text, index.search(question, _FOUND))


def lakes() -> list[Path]:
    """The pages that ship."""
    return sorted((agents_dir() / "lakes" / "knowledge").glob("*.md"))


def run() -> list[Measure]:
    """On the part kept apart: wrong premises that are named, and ordinary questions that are "corrected"."""
    data = questions()
    with tempfile.TemporaryDirectory() as folder:
        ask = asking(data["passages"], Path(folder), MiniLM(model_folder("minilm")))
        wrong, right = data["test"]["wrong"], [*data["test"]["ordinary"], *data["test"]["silent"]]
        named = sum(ask(each) is not None for each in wrong)
        spoilt = sum(ask(each) is not None for each in right)
    return [
        of_share("rag.premise_named_share", named, len(wrong), COMMAND),
        Measure("rag.premise_false_corrections", spoilt, "questions", len(right), None, COMMAND),
    ]
