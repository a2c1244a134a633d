"""Reads that leave while the caller still speaks: how many, which stands, and that the others are really cancelled."""

from __future__ import annotations

from typing import Literal

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.agent.answering import Sentence
from duplex.agent.equipping import equipped
from duplex.agent.tooling import FromTools, Unknown
from duplex.agent.tools_shared import Spoken
from duplex.dialogue.history import History, Turn
from duplex.dialogue.speculation import SpeculationSettings
from duplex.graph import run_virtual
from duplex.nodes.answerer import Answerer
from tools_rag.tools.functions import FunctionTool

TAKES = 1.8
City = Literal["Turku", "Oulu", "Kotka"]


class Office:
    """Looks things up, slowly."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.done: list[str] = []
        self.running = self.most = 0

    async def _look(self, what: str) -> str:
        self.asked.append(what)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await anyio.sleep(TAKES)
        finally:
            self.running -= 1
        self.done.append(what)
        return f"It is {len(self.done)}: {what}"

    async def weather(self, city: City) -> str:
        """The weather in a city."""
        return await self._look(city)

    async def archive(self, query: str) -> str:
        """Search the archive."""
        return await self._look(query)


def agent(office: Office) -> FromTools:
    weather = FunctionTool(office.weather, effect="read")
    archive = FunctionTool(office.archive, effect="read", answer=True)
    tools = [
        equipped(weather, Spoken(phrases=("weather",))),
        equipped(archive, Spoken(answer=True, phrases=("in the archive",))),
    ]
    return FromTools(tools, Unknown("What?")).in_session("s", {})


async def turn(
    conversation: Answerer, history: History, text: str, pace: float = 0.4
) -> tuple[list[str], float]:
    """Words at a pace, then the final ones; what is said, and the seconds until it."""
    words = text.split()
    for count in range(3, len(words)):
        await conversation.prepare(" ".join(words[:count]), history)
        await anyio.sleep(pace)
    start = anyio.current_time()
    said = [part.text async for part in conversation.answer(text, history) if isinstance(part, Sentence)]
    history.turns = (*history.turns, Turn("user", text, 0), Turn("agent", " ".join(said), len(history.turns)))
    return said, anyio.current_time() - start


def talk(office: Office, *texts: str) -> list[tuple[list[str], float]]:
    async def main() -> list[tuple[list[str], float]]:
        history = History()
        async with agent(office).conversation(lambda part: None) as conversation:
            return [await turn(conversation, history, text) for text in texts]

    return run_virtual(main)


def test_the_callers_question_is_the_query_and_leaves_before_its_end() -> None:
    office = Office()
    ((said, waited),) = talk(
        office, "Find in the archive when the harbour of Hela was built for us, if you can."
    )
    assert office.done == ["Find in the archive when the harbour of Hela was built for"]
    assert said == [f"It is 1: {office.done[0]}"]
    assert len(office.asked) <= 1 + SpeculationSettings().budget
    assert waited < TAKES - 0.5
    assert office.most == 1  # a new query cancels the one before


def test_other_words_at_the_end_are_asked_anew() -> None:
    office = Office()
    ((said, _),) = talk(office, "Find in the archive when the harbour of the town was built, no, painted.")
    assert said == ["It is 1: Find in the archive when the harbour of the town was built, no, painted."]
    assert (office.asked[-1], office.most, office.running) == (office.done[0], 1, 0)


def test_what_names_nothing_to_look_for_is_asked_for() -> None:
    ((said, _), (found, _)) = talk(office := Office(), "Search in the archive.", "The old harbour.")
    assert said == ["What is the query?"]
    assert (found, office.asked) == (["It is 1: The old harbour"], ["The old harbour"])


def test_a_read_that_was_called_off_can_be_asked_again() -> None:
    office = Office()

    async def main() -> list[str]:
        history, said = History(), list[str]()
        async with agent(office).conversation(lambda part: None) as conversation:
            await conversation.prepare("What's the weather in Oulu", history)
            await anyio.sleep(0.1)
            await conversation.prepare("What's the weather in Oulu never mind", history)
            async for part in conversation.answer("What's the weather in Oulu? Never mind.", history):
                said += [part.text] if isinstance(part, Sentence) else []
            said += (await turn(conversation, history, "What's the weather in Oulu?"))[0]
        return said

    assert run_virtual(main)[-1] == "It is 1: Oulu"
    assert (office.done, office.running) == (["Oulu"], 0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["Turku", "Oulu", "Kotka", "no,", "the", "harbour"]), min_size=1, max_size=12)
)
def test_however_often_a_caller_changes_their_mind_guesses_are_few_and_one_at_a_time(
    words: list[str],
) -> None:
    office = Office()
    ((said, _),) = talk(office, f"What is the weather in {' '.join(words)}")
    assert len(office.asked) <= 1 + SpeculationSettings().budget
    assert (office.most <= 1, office.running) == (True, 0)
    cities = [word for word in words if word in ("Turku", "Oulu", "Kotka")]
    if cities:
        assert office.done[-1:] == cities[-1:]
        assert said == [f"It is {len(office.done)}: {cities[-1]}"]
