"""From an agent's specification to loaded engines: the one place that knows which class stands behind a name."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, TypeVarTuple

import anyio
import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from duplex.agent.answering import FromKnowledge, FromModel
from duplex.agent.anticipating import load_controller
from duplex.agent.brain import Brain, load_brain
from duplex.agent.choosing import ToolChoice
from duplex.agent.extracting import FreeText
from duplex.agent.limits_spec import LimitsSection
from duplex.agent.memory import share_one_heap
from duplex.agent.relaying import relay_settings
from duplex.agent.session import Engines
from duplex.agent.spec import (
    AgentSpec,
    KnowledgeSection,
    TurnsSection,
)
from duplex.agent.speech_engines import EngineError, load_speech
from duplex.agent.toolbox import Toolbox, ToolFault, open_toolbox
from duplex.agent.tooling import FromTools, Unknown
from duplex.dialogue.addressee import names_in
from duplex.dialogue.floor import FloorSettings
from duplex.dialogue.limits import LimitSettings
from duplex.dialogue.verifier import LogisticVerifier
from duplex.dialogue.voice import VoiceSettings
from duplex.graph import Lanes
from duplex.llm.grounded import GroundedAnswerer, Limits
from duplex.models import model_folder
from duplex.nodes.answerer import Answerer
from duplex.nodes.thinking import embed_in
from duplex.resources import config_path

if TYPE_CHECKING:
    from tools_rag import Embedder, KnowledgeIndex

T = TypeVar("T")
Args = TypeVarTuple("Args")

logger = logging.getLogger(__name__)

PROFILES = {
    "snappy": FloorSettings(silence=0.16, doubt=0.4, timeout=1.0, sure=0.8, threshold=0.4),
    "balanced": FloorSettings(),
    "patient": FloorSettings(silence=0.5, doubt=1.2, timeout=2.5, sure=0.95, threshold=0.7),
}
"""What `turns` may name."""
BARGE_IN = {"any": 0.16, "words": FloorSettings().barge}
"""Seconds that a voice must last over the agent's."""


async def load_engines(spec: AgentSpec, lanes: Lanes, cache: Path | None = None) -> Engines:
    """Load and warm everything the agent needs; models that are missing are pulled.

    Args:
        spec: the agent.
        lanes: where its work will run.
        cache: where knowledge indexes are kept; by default the user's cache.

    Raises:
        EngineError: a key is missing from the environment, or an optional package is not installed.
        ModelError, LLMError, KnowledgeError: a model or the knowledge cannot be loaded. One line each.
    """
    share_one_heap()
    cache = cache or user_cache_path("duplex", appauthor=False) / "indexes"
    index = await _in_thread(_open_index, spec.knowledge, cache) if spec.knowledge else None
    names = index.titles if index else []
    vad, recogniser, synthesiser = await _in_thread(load_speech, spec, names)
    controller = await _in_thread(load_controller, spec.turns.core)
    brain = await _in_thread(load_brain, spec.llm, lanes)
    answerer, toolbox = await _answering(spec, brain, index, lanes)

    async def close() -> None:
        await toolbox.aclose()
        await brain.aclose()

    floor = replace(floor_settings(spec.turns), own=names_in(f"{spec.name} {spec.greeting}"))
    relay = relay_settings(spec.relay, floor)
    engines = Engines(
        lanes=lanes,
        vad=vad,
        recogniser=recogniser,
        synthesiser=synthesiser,
        probability=brain.probability(),
        answerer=answerer,
        greeting=spec.greeting,
        apology=spec.apology,
        floor=floor if relay is None else replace(floor, silence=min(floor.silence, relay.silence)),
        relay=relay,
        verifier=None if relay is None else LogisticVerifier.load(config_path("relay/verifier.json")),
        limits=limit_settings(spec.limits),
        echo_cancellation=spec.echo_cancellation,
        voice=VoiceSettings(start=spec.vad.threshold, stop=spec.vad.threshold - 0.15),
        brain=brain,
        controller=controller,
        backchannels=spec.turns.backchannels,
        close=close,
    )
    await _warm(engines)
    return engines


@asynccontextmanager
async def engines_for(spec: AgentSpec) -> AsyncIterator[Engines]:
    """An agent's engines for as long as the block lasts. Raises what `load_engines` does."""
    async with Lanes() as lanes:
        engines = await load_engines(spec, lanes)
        try:
            yield engines
        finally:
            with anyio.CancelScope(shield=True):
                await lanes.aclose()
                if engines.close is not None:
                    await engines.close()


async def _in_thread(fn: Callable[[*Args], T], *args: *Args) -> T:
    """Run `fn` off the loop; whoever is cancelled does not wait for a download to end."""
    return await anyio.to_thread.run_sync(fn, *args, abandon_on_cancel=True)


async def _warm(engines: Engines) -> None:
    """Run everything once: first calls allocate, and a caller should not be the one who waits for it."""
    await engines.probability("hello there", "")

    def speech() -> None:
        for chunk in (*(utterance := engines.synthesiser.stream()).feed("Ready now. "), *utterance.finish()):
            del chunk
        stream = engines.recogniser.stream()
        stream.accept(np.zeros(16_000, dtype=np.int16))
        stream.hypothesis()
        stream.finalise()

    await _in_thread(speech)


def floor_settings(turns: TurnsSection) -> FloorSettings:
    """The profile's values, but for those that the file gives."""
    base = PROFILES[turns.profile]
    return FloorSettings(
        silence=base.silence if turns.silence_ms is None else turns.silence_ms / 1000,
        doubt=base.doubt if turns.doubt_ms is None else turns.doubt_ms / 1000,
        timeout=base.timeout if turns.timeout_ms is None else turns.timeout_ms / 1000,
        sure=base.sure if turns.sure is None else turns.sure,
        threshold=base.threshold if turns.threshold is None else turns.threshold,
        overlap=turns.overlap,
        barge=BARGE_IN[turns.overlap] if turns.barge_in_ms is None else turns.barge_in_ms / 1000,
    )


def limit_settings(limits: LimitsSection) -> LimitSettings:
    """When a session ends, as the file has it."""
    texts = limits.texts
    return LimitSettings(
        longest=limits.longest,
        warning=limits.warning,
        idle=limits.idle,
        patience=limits.patience,
        grace=limits.grace,
        question=texts.question,
        notice=texts.warning,
        goodbyes={"limit": texts.limit, "idle": texts.idle, "drain": texts.drain, "": texts.other},
    )


def _open_index(knowledge: KnowledgeSection, cache: Path) -> KnowledgeIndex:
    from tools_rag import KnowledgeIndex

    index = KnowledgeIndex.open(knowledge.folder, cache, embedder(knowledge.embedder))
    for problem in index.problems:
        logger.warning("knowledge: %s", problem)
    return index


@lru_cache(maxsize=2)
def embedder(name: Literal["minilm", "wordllama"]) -> Embedder:
    """The embedder of that name, loaded once."""
    from tools_rag import MiniLM, WordLlama

    folder = model_folder(name)
    return MiniLM(folder) if name == "minilm" else WordLlama(folder)


async def _answering(
    spec: AgentSpec, brain: Brain, index: KnowledgeIndex | None, lanes: Lanes
) -> tuple[Answerer, Toolbox]:
    """What answers, and the tools that it may use."""
    try:
        toolbox = await open_toolbox(spec.tools)
    except ToolFault as error:
        raise EngineError(str(error)) from error
    otherwise: Answerer
    if index is not None:
        answerer = grounded(spec, brain, index, lanes)
        await answerer.warm()
        otherwise = FromKnowledge(index, answerer, lanes)
    elif spec.tools and not brain.chat:  # a model that follows no instructions would only make things up
        otherwise = Unknown(spec.unknown)
    else:
        otherwise = FromModel(brain.llm, spec.instructions)
    if not spec.tools:
        return otherwise, toolbox
    free = FreeText(brain.llm, brain.chat)
    await free.warm()
    choice = None
    if index is None:  # with a knowledge, what is no tool's by its words is a question to that
        minilm = await _in_thread(embedder, "minilm")
        choice = ToolChoice(embed_in(lanes, minilm.embed))
        answerer = _answerer(spec, brain, minilm.embed, lanes, Limits())
    return FromTools(toolbox, otherwise, free, choice=choice, grounded=answerer), toolbox


def grounded(spec: AgentSpec, brain: Brain, index: KnowledgeIndex, lanes: Lanes) -> GroundedAnswerer:
    """What makes an answer of the passages that were found in `index`."""
    given = spec.knowledge.min_score if spec.knowledge else None
    limits = Limits(score=index.supported if given is None else given)
    return _answerer(spec, brain, index.embed, lanes, limits)


def _answerer(
    spec: AgentSpec,
    brain: Brain,
    embed: Callable[[Sequence[str]], NDArray[np.float32]],
    lanes: Lanes,
    limits: Limits,
) -> GroundedAnswerer:
    return GroundedAnswerer(
        brain.llm,
        style="chat" if brain.chat else "completion",
        unknown=spec.unknown,
        limits=limits,
        embed=embed_in(lanes, embed),
        ahead=brain.judge is brain.llm,
    )
