"""The word side of the index: BM25 over English stems (tantivy), fed with terms and never with query syntax."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

ANALYSER = "english"
FIELD = "body"

_ASKING = """
a about after all also an and any are as at be been before but by can could did do does for from had has
have he her him his how i if in into is it its just know let like many may me might more most much my no not
of off oh ok okay on one only or other our out over please say says she should so some such tell than thank
thanks that the their them then there these they this those to too uh um up us very was we well were what
when where which while who whom whose why will with would yeah yes you your
"""
STOP_WORDS = frozenset(_ASKING.split())
"""Words of asking: they say nothing of what is asked about."""


def analyser() -> Any:
    """Lower case, ASCII letters, no words of asking, English stems (Snowball)."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.simple())
    for step in (
        Filter.remove_long(60),
        Filter.lowercase(),
        Filter.ascii_fold(),
        Filter.custom_stopword(sorted(STOP_WORDS)),
        Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


class WordIndex:
    """Documents by their stems.

    Args:
        path: a folder that holds the index (see `build`), or None for one in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        from tantivy import Index, SchemaBuilder

        builder = SchemaBuilder()
        builder.add_text_field(FIELD, stored=False, tokenizer_name=ANALYSER)
        builder.add_unsigned_field("number", stored=True)
        self._schema = builder.build()
        self._index = Index(self._schema, path=str(path) if path else None)
        self._analyser = analyser()
        self._index.register_tokenizer(ANALYSER, self._analyser)
        self._searcher = self._index.searcher()

    def add(self, texts: Iterable[str]) -> None:
        """Indexes texts, numbered from 0 in their order."""
        from tantivy import Document

        writer = self._index.writer(heap_size=32_000_000, num_threads=1)
        for number, text in enumerate(texts):
            document = Document()
            document.add_text(FIELD, text)
            document.add_unsigned("number", number)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    def terms(self, text: str) -> list[str]:
        """Stems in order, with repeats."""
        return list(self._analyser.analyze(text))

    def frequency(self, term: str) -> int:
        """In how many texts the stem occurs."""
        return int(self._searcher.doc_freq(FIELD, term))

    def best(self, terms: Iterable[str], count: int) -> list[tuple[int, float]]:
        """Number and BM25 score of the best texts, best first. `terms` are stems."""
        from tantivy import Occur, Query

        parts = [
            (Occur.Should, Query.term_query(self._schema, FIELD, term, index_option="freq")) for term in terms
        ]
        if not parts or count < 1:
            return []
        searcher = self._searcher
        hits = searcher.search(Query.boolean_query(parts), count).hits
        return [(int(searcher.doc(address)["number"][0]), float(score)) for score, address in hits]
