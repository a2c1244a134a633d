"""The speech engines of an agent: which class stands behind a name in its file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from asr.types import Recogniser
from duplex.agent.spec import AgentSpec, AsrSection, Endpoint, TtsSection
from duplex.models import model_folder
from tts.types import Synthesiser

if TYPE_CHECKING:
    from asr import SileroVad

_QUICK_HOP = 0.18
"""Seconds of new audio from which on quick words are read again: less is the silence after the last one."""

_SHORTEST = {"whisper-base": 8.0}
"""Seconds that the final recogniser is given at least, where a short sentence needs no more."""


class EngineError(Exception):
    """An engine cannot be made from the agent file; the text says what to do."""


def secret(endpoint: Endpoint) -> str:
    """The endpoint's key, from the environment.

    Raises:
        EngineError: the variable is named but not set.
    """
    if endpoint.key_env is None:
        return ""
    key = os.environ.get(endpoint.key_env, "")
    if not key:
        raise EngineError(
            f"set the environment variable {endpoint.key_env}: it holds the key of {endpoint.base_url}"
        )
    return key


def load_speech(spec: AgentSpec, names: Sequence[str]) -> tuple[SileroVad, Recogniser, Synthesiser]:
    """The agent's ears and voice; `names` are likely to be said. Raises as `load_engines` does."""
    from asr import SileroVad

    recogniser = _recogniser(spec.asr, names, spec.relay.enabled)
    return SileroVad(model_folder("silero-vad")), recogniser, _synthesiser(spec.tts)


def _recogniser(section: AsrSection, names: Sequence[str], quick: bool) -> Recogniser:
    if section.whisper:
        from asr import StreamingOptions, StreamingWhisper, WhisperModel
        from asr.whisper import WINDOW_SECONDS

        partial = WhisperModel(model_folder(section.whisper.partial))
        last = section.whisper.final
        final = WhisperModel(model_folder(last), shortest=_SHORTEST.get(last, WINDOW_SECONDS))
        options = StreamingOptions(hop=_QUICK_HOP) if quick else None
        return StreamingWhisper(partial, final, options, section.whisper.vocabulary or names)
    if section.sherpa:
        from asr import SherpaRecogniser

        return SherpaRecogniser(section.sherpa.folder)
    assert section.openai is not None
    from asr import OpenAIOptions, OpenAIRecogniser

    endpoint = section.openai
    return OpenAIRecogniser(
        str(endpoint.base_url), secret(endpoint) or "none", OpenAIOptions(model=endpoint.model)
    )


def _synthesiser(section: TtsSection) -> Synthesiser:
    if section.piper:
        from tts import PiperSynthesiser

        return PiperSynthesiser(model_folder(section.piper.model), speed=section.piper.speed)
    if section.kokoro:
        from tts import KokoroSynthesiser

        return KokoroSynthesiser(
            model_folder("kokoro"), voice=section.kokoro.voice, speed=section.kokoro.speed
        )
    assert section.openai is not None
    from tts import OpenAISynthesiser

    endpoint = section.openai
    return OpenAISynthesiser(
        str(endpoint.base_url), endpoint.model, endpoint.voice, secret(endpoint) or "none"
    )
