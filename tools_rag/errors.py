"""What can go wrong with a knowledge folder, said so that a person knows what to do."""

from __future__ import annotations

from dataclasses import dataclass


class KnowledgeError(Exception):
    """The knowledge folder (or an embedder's files) cannot be used at all; one line says why and what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One file, or one line of one, that was left out while the rest was read.

    Attributes:
        path: the file, relative to the knowledge folder.
        why: the reason in one line.
    """

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"
