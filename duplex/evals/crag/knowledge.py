"""The knowledge that questions are answered from: the pages that came with them, or documents beside them.

Pages are read by the same readers as a builder's knowledge folder, so what is measured is what an agent would have made
of them. They lie in the user's cache by their content and are indexed once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from duplex.evals.corpora import Corpus, open_corpus
from duplex.evals.crag.questions import Page, Question, QuestionError
from duplex.models.store import write_atomically
from tools_rag.formats import HTML_CHARACTERS


def corpus_of(questions: Sequence[Question], docs: Path | None, embedder: Any) -> tuple[Corpus, Path]:
    """The documents to answer from, indexed, and where they lie. Computes: minutes for pages that were never read.

    Args:
        questions: their pages are taken, all in one, where no documents are given.
        docs: a jsonl of documents, or a folder of files.
        embedder: how the agent compares meaning.

    Raises:
        QuestionError: there are neither documents nor pages.
        ScenarioError: the documents cannot be read.
    """
    if docs is None:
        pages = {_name(page): page for question in questions for page in question.pages if _text(page)}
        if not pages:
            raise QuestionError(
                "nothing to answer from: these questions bring no pages (search_results), so give --docs, "
                "a jsonl of documents or a folder"
            )
        docs = _laid_out(pages)
    return open_corpus(docs, embedder), docs


def _laid_out(pages: dict[str, Page]) -> Path:
    """The pages as files; a folder for each set of them."""
    key = hashlib.sha256("\n".join(sorted(pages)).encode()).hexdigest()[:24]
    folder = user_cache_path("duplex", appauthor=False) / "corpora" / f"pages-{key}"
    for name, page in pages.items():
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, _text(page).encode("utf-8", "replace"))
    return folder


def _text(page: Page) -> str:
    """The page, or what the search showed of one that was not kept or is too large to be parsed."""
    return page.html if 0 < len(page.html) <= HTML_CHARACTERS and page.html.strip() else page.snippet


def _name(page: Page) -> str:
    """By content; so a page that several questions share is read once."""
    digest = hashlib.sha256(_text(page).encode("utf-8", "replace")).hexdigest()[:20]
    return f"{digest}.html" if _text(page) == page.html else f"{digest}.txt"
