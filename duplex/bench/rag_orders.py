"""Spoken orders of real callers: recognised as the agent `barista` does, filled, and compared slot by slot.

`DUPLEX_EVALDATA/speech/picovoice_commands` holds the recordings and their labels. The first 20 by name were looked at
while this was built; what is reported are the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asr import StreamingWhisper, WhisperModel
from duplex.agent.loader import load_agent
from duplex.agent.spec import AgentSpec
from duplex.agent.toolbox import make_function
from duplex.audio.wav import read_speech
from duplex.bench.measure import Measure, of_share
from duplex.dialogue.slots import SpokenTool, Task, advance
from duplex.models import model_folder
from duplex.resources import agents_dir
from tools_rag.tools.said import words_of

COMMAND = "duplex bench rag"
FOLDER = "speech/picovoice_commands"
DEVELOPED_ON = 20
"""Recordings, the first by name, that this was built with."""
_LONGEST = 60.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Order:
    """One recording.

    Attributes:
        name: of the file.
        said: what was recognised.
        wanted, got: by slot, what the label has and what was filled.
    """

    name: str
    said: str
    wanted: dict[str, str]
    got: dict[str, str]

    @property
    def right(self) -> bool:
        """All slots are right, and there is none too many."""
        return self.wanted == self.got

    @property
    def words(self) -> tuple[int, int]:
        """How many of the label's words were recognised, and how many there are."""
        wanted = [word for value in self.wanted.values() for word in words_of(value).plain]
        said = set(words_of(self.said).plain)
        return sum(word in said for word in wanted), len(wanted)


def recordings(folder: Path) -> tuple[list[str], list[str]]:
    """The recordings that were developed on, and the others, by name."""
    names = sorted(path.name for path in folder.glob("*.wav"))
    return names[:DEVELOPED_ON], names[DEVELOPED_ON:]


def order_slots(folder: Path, names: Sequence[str]) -> list[Order]:
    """Recognise each recording with the recogniser and vocabulary of `barista`, and fill its tool's arguments.

    Args:
        folder: holds the recordings and `labels.json`.
        names: which of them.
    """
    spec = load_agent(agents_dir() / "barista" / "agent.yaml")
    recogniser, tool = _recogniser(spec), _tool(spec)
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    made = []
    for name in names:
        stream = recogniser.stream()
        stream.accept(read_speech(folder / name, 16_000, _LONGEST))
        said = stream.finalise().text
        task, _ = advance([tool], Task(), said)  # nothing is known where no order was understood
        found = {slot: str(value) for slot, value in task.values.items()}
        wanted = {slot: value.strip() for slot, value in labels[name]["slots"].items()}
        made.append(Order(name, said, wanted, found))
    return made


def measures(orders: Sequence[Order]) -> list[Measure]:
    """All slots right, each slot, and the words of the labels that were recognised."""
    made = [of_share("rag.order_slots_share", sum(order.right for order in orders), len(orders), COMMAND)]
    for slot in sorted({name for order in orders for name in (*order.wanted, *order.got)}):
        spoken = [order for order in orders if slot in order.wanted or slot in order.got]
        right = sum(order.wanted.get(slot) == order.got.get(slot) for order in spoken)
        made.append(of_share(f"rag.order_{slot}_share", right, len(spoken), COMMAND))
    heard, all_of = (sum(counts) for counts in zip(*(order.words for order in orders), strict=True))
    made.append(of_share("rag.order_word_recall", heard, all_of, COMMAND))
    return made


def run(evaldata: Path) -> list[Measure]:
    """The measures over the recordings that were not developed on."""
    folder = evaldata / FOLDER
    return measures(order_slots(folder, recordings(folder)[1]))


def _recogniser(spec: AgentSpec) -> StreamingWhisper:
    whisper = spec.asr.whisper
    if whisper is None:
        raise ValueError("the agent barista recognises with Whisper")
    partial, final = (WhisperModel(model_folder(name)) for name in (whisper.partial, whisper.final))
    return StreamingWhisper(partial, final, vocabulary=whisper.vocabulary)


def _tool(spec: AgentSpec) -> SpokenTool:
    (section,) = spec.tools
    if section.python is None:
        raise ValueError("the agent barista orders with a Python function")
    return make_function(section.python).spoken
