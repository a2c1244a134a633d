"""The language models of an agent: which class stands behind a name, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from duplex.agent.spec import LlmSection, LocalModel
from duplex.graph import Lanes
from duplex.llm.completeness import CALIBRATIONS, SLOT, Calibration, TurnCompleteness
from duplex.llm.llamacpp import LlamaCpp
from duplex.llm.types import LLM
from duplex.models import model_folder
from duplex.nodes.replying import Probability
from duplex.nodes.thinking import LocalLLM

SLOTS = (SLOT, "answer")
OTHER_MODEL = Calibration(1.6, 2.8)
"""For a model that nobody calibrated: between those of the two that were."""


@dataclass(frozen=True, slots=True)
class Brain:
    """The language models of an agent.

    Attributes:
        llm: what answers.
        chat: it follows instructions.
        judge: what P(end | words) is read from: the same model, unless that one is remote.
        calibration: how to read it.
    """

    llm: LLM
    chat: bool
    judge: LLM
    calibration: Calibration

    async def aclose(self) -> None:
        """Release the models."""
        await self.llm.aclose()
        if self.judge is not self.llm:
            await self.judge.aclose()

    def probability(self) -> Probability:
        """Judges P(the user has finished | words, what the agent said last)."""
        completeness = TurnCompleteness(self.judge, self.calibration)

        async def probability(words: str, agent: str, early: bool = False) -> float:
            if not agent:
                return await completeness.probability(words, early=early)
            return await completeness.probability(words, agent, early)

        return probability


_FILES = {"gemma-3-270m": "gemma-3-270m-q4_k_m.gguf", "smollm2-135m": "SmolLM2-135M-Instruct.Q4_1.gguf"}


def load_brain(section: LlmSection, lanes: Lanes) -> Brain:
    """Load what the section names; a missing model is pulled.

    Raises:
        ModelError, LLMError: a model cannot be had or loaded. One line each.
    """
    if section.gemma_3_270m:
        return _local("gemma-3-270m", section.gemma_3_270m, lanes, chat=False)
    if section.smollm2_135m:
        return _local("smollm2-135m", section.smollm2_135m, lanes, chat=True)
    if section.llamacpp:
        own = section.llamacpp
        llm = _in_lanes(own.file, own, lanes)
        return Brain(llm, own.chat, llm, OTHER_MODEL)
    assert section.openai is not None
    from duplex.llm.openai import OpenAI

    # A remote model is too far away to be asked at every pause, and seldom gives log-probabilities.
    judge = _local("smollm2-135m", LocalModel(), lanes, chat=True)
    endpoint = section.openai
    remote = OpenAI(endpoint.model, base_url=str(endpoint.base_url), key_env=endpoint.key_env)
    return Brain(remote, True, judge.llm, judge.calibration)


def _local(name: str, settings: LocalModel, lanes: Lanes, chat: bool) -> Brain:
    llm = _in_lanes(model_folder(name) / _FILES[name], settings, lanes)
    return Brain(llm, chat, llm, CALIBRATIONS[name])


def _in_lanes(file: Path, settings: LocalModel, lanes: Lanes) -> LocalLLM:
    model = LlamaCpp(file, slots=SLOTS, threads=settings.threads, context=settings.context)
    model.load()
    return LocalLLM(model, lanes)
