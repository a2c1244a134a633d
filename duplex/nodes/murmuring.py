"""The sound of the agent's backchannels: made once in its own voice, and there when one is due."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import anyio
import numpy as np

from duplex.audio.pcm import Pcm
from duplex.audio.resample import resample
from duplex.dialogue.backchannel import Backchannel, Murmur
from duplex.dialogue.events import AGENT_RATE
from duplex.graph import In, Lanes, Node, Out, Priority
from tts.types import Synthesiser

logger = logging.getLogger(__name__)

SPELT = {"Mm-hm.": "Umhum."}
"""What a voice is given to say, where it would read letters out."""
SOFTER = 10 ** (-6 / 20)
"""Of the agent's level: a listener murmurs."""


class Murmurer(Node):
    """A `Backchannel` to its `Murmur`; one whose sound is not there yet, or cannot be made, is not heard.

    Args:
        synthesiser: the agent's voice.
        lanes: where it runs.
        texts: what may be said.
    """

    events = In(Backchannel)
    sounds = Out(Murmur)

    def __init__(self, synthesiser: Synthesiser, lanes: Lanes, texts: Sequence[str]) -> None:
        super().__init__("murmurer")
        self._synthesiser, self._lanes, self._texts = synthesiser, lanes, texts
        self._made: dict[str, Pcm] = {}

    async def run(self) -> None:
        """Make the sounds beside what comes."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._make)
            async for event in self.events:
                if (pcm := self._made.get(event.text)) is not None:
                    await self.sounds.send(Murmur(t=self.clock.now(), pcm=pcm))
            tasks.cancel_scope.cancel()

    async def _make(self) -> None:
        for text in self._texts:
            utterance, parts = self._synthesiser.stream(), []
            try:
                for step in (utterance.feed(f"{SPELT.get(text, text)} "), utterance.finish()):
                    async for chunk in self._lanes.heavy_iter(Priority.SPECULATION, step, name="tts"):
                        parts.append(chunk.pcm)
            except Exception as error:  # the agent then listens in silence
                logger.warning("no backchannels: %s", error)
                return
            pcm = np.concatenate([np.zeros(0, np.int16), *parts])
            pcm = resample(pcm, self._synthesiser.sample_rate, AGENT_RATE)
            self._made[text] = (pcm * SOFTER).astype(np.int16)
