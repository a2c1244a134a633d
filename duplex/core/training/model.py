"""The core: streams in, summed; a backbone; heads. And the path that turns the user's words into one code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from duplex.core.streams import layout
from duplex.core.streams.frames import CLOCKS
from duplex.core.streams.layout import Kind
from duplex.core.training.attention import AttentionConfig, SinkAttention
from duplex.core.training.backbone import Backbone, State, select
from duplex.core.training.config import HEADS, ModelConfig
from duplex.core.training.ssd import Ssd, SsdConfig

CODE, CLOCK = "code", "clock"
"""Inputs beside the streams: the word path's code, and what `frames.clocks` gives."""

Inputs = dict[str, Tensor]
Outputs = dict[str, Tensor]


class WordPath(nn.Module):
    """The user's words to a code, and to whether they are all of the turn: a GRU over frozen word vectors.

    In training two more heads answer from the same code: `judge` as a language model would, which knows far more of
    how sentences go on than the turns here can teach, and `addressed`, whether the words are for the agent at all.
    Only what they leave in the code is shipped.
    """

    def __init__(self, vector: int, words: int, hidden: int = 256, dropout: float = 0.3) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.gru = nn.GRU(vector + 1, hidden, batch_first=True)
        self.code = nn.Linear(hidden, words)
        self.complete = nn.Sequential(nn.Linear(words, words // 2), nn.SiLU(), nn.Linear(words // 2, 1))
        self.judge = nn.Linear(words, 1)
        self.addressed = nn.Linear(words, 1)

    def forward(self, vectors: Tensor, tentative: Tensor) -> tuple[Tensor, Tensor]:
        """Beliefs to codes.

        Args:
            vectors: of the latest words, zeros before them: float [batch, 24, vector].
            tentative: float [batch, 24].

        Returns:
            The code float [batch, words], within -1..1, and the logit of "these are all words" [batch].
        """
        code = torch.tanh(self.code(self._steps(vectors, tentative)[:, -1]))
        return code, self.complete(self.dropout(code)).squeeze(-1)

    def every(self, vectors: Tensor, tentative: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits behind every word, as if it were the latest, each [batch, 24]: of "these are all words", the judge's,
        and of "they are for the agent"."""
        codes = torch.tanh(self.code(self._steps(vectors, tentative)))
        complete, judge, addressed = (
            head(self.dropout(codes)).squeeze(-1) for head in (self.complete, self.judge, self.addressed)
        )
        return complete, judge, addressed

    def _steps(self, vectors: Tensor, tentative: Tensor) -> Tensor:
        steps: Tensor = self.gru(torch.cat((self.dropout(vectors), tentative.unsqueeze(-1)), dim=-1))[0]
        return steps


class Core(nn.Module):
    """The frame path.

    Inputs are named as the streams are, over [batch, time, ...] in `scan` and [batch, ...] in `step`: features float
    [.., 160], word vectors float [.., 96], class ids int64 [..], and `code`, `clock`. Outputs are logits by head.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        enter: dict[str, nn.Module] = {}
        for stream in config.layout.fed:
            if stream.kind is Kind.CLASS:
                enter[stream.name] = nn.Embedding(stream.size, config.dim, padding_idx=layout.PAD_TOKEN)
            else:
                enter[stream.name] = nn.Linear(stream.size or config.vector, config.dim, bias=False)
        enter[CODE] = nn.Linear(config.words, config.dim, bias=False)
        enter[CLOCK] = nn.Linear(CLOCKS, config.dim)
        self.enter = nn.ModuleDict(enter)
        self.backbone = Backbone(config.dim, [_block(config) for _ in range(config.layers)], config.dropout)
        self.beside = nn.Linear(config.words + CLOCKS, config.dim)
        self.loose = nn.Dropout(2 * config.dropout)
        self.heads = nn.ModuleDict({name: nn.Linear(2 * config.dim, size) for name, size in HEADS.items()})

    def init_state(self, batch: int) -> State:
        """The state before the first frame."""
        return self.backbone.init_state(batch)

    def scan(self, inputs: Inputs, state: State | None = None) -> tuple[Outputs, State]:
        """All frames at once, from `state` or the beginning."""
        before = self.init_state(inputs[CODE].shape[0]) if state is None else state
        # The word path knows the training sentences better than any others: its code must not be believed blindly.
        inputs = {**inputs, CODE: self.loose(inputs[CODE])}
        y, after = self.backbone.scan(self._sum(inputs), before)
        return self._read(y, inputs), after

    def step(self, inputs: Inputs, state: State) -> tuple[Outputs, State]:
        """One frame."""
        y, after = self.backbone.step(self._sum(inputs), state)
        return self._read(y, inputs), after

    @contextmanager
    def streaming(self, batch: int) -> Iterator[Live]:
        """Frame by frame for `batch` sessions: `with core.streaming(8) as live: live.step(inputs)`."""
        training = self.training
        self.eval()
        try:
            with torch.no_grad():
                yield Live(self, batch)
        finally:
            self.train(training)

    def _sum(self, inputs: Inputs) -> Tensor:
        parts = [module(inputs[name]) for name, module in self.enter.items()]
        return torch.stack(parts).sum(0)

    def _read(self, y: Tensor, inputs: Inputs) -> Outputs:
        beside = torch.tanh(self.beside(torch.cat((inputs[CODE], inputs[CLOCK]), dim=-1)))
        both = torch.cat((y, beside), dim=-1)
        return {name: head(both) for name, head in self.heads.items()}


def _block(config: ModelConfig) -> nn.Module:
    if config.backbone == "ssd":
        return Ssd(SsdConfig(config.dim, config.inner, config.head, config.memory))
    heads = config.dim // config.head
    return SinkAttention(AttentionConfig(config.dim, heads, config.memory, hidden=config.inner))


class Live:
    """Sessions in rows, each at its own place; made by `Core.streaming`.

    Attributes:
        state: what all rows remember; of constant size.
    """

    def __init__(self, core: Core, batch: int) -> None:
        self._core = core
        self._fresh = core.init_state(batch)
        self.state = self._fresh

    def step(self, inputs: Inputs, exec_mask: Tensor | None = None) -> Outputs:
        """One frame of every row; a row where bool [batch] `exec_mask` is False stays where it is."""
        outputs, after = self._core.step(inputs, self.state)
        self.state = after if exec_mask is None else select(exec_mask, after, self.state)
        return outputs

    def reset(self, rows: Tensor) -> None:
        """Start the rows anew where bool [batch] holds."""
        self.state = select(rows, self._fresh, self.state)

    def fork(self) -> State:
        """A copy of what all rows remember, to go back to."""
        return tuple(part.clone() for part in self.state)

    def restore(self, snapshot: State, rows: Tensor | None = None) -> None:
        """Go back to a fork, in all rows or where bool [batch] `rows` holds."""
        self.state = snapshot if rows is None else select(rows, snapshot, self.state)
