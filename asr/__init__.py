"""Speech recognition and voice activity, usable alone: file paths and numpy in, dataclasses out.

Importing this package imports no engine: names are resolved on first use, so a program that only needs the
types, or one engine of several, pays for that alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from asr.types import SAMPLE_RATE, Hypothesis, Pcm, Recogniser, RecogniserStream, Word

if TYPE_CHECKING:
    from asr.openai import OpenAIOptions, OpenAIRecogniser, TranscriptionError
    from asr.sherpa import SherpaRecogniser
    from asr.streaming import StreamingOptions, StreamingWhisper
    from asr.vad import SileroVad, VadStream
    from asr.whisper import WhisperModel

_WHERE = {
    "OpenAIOptions": "asr.openai",
    "OpenAIRecogniser": "asr.openai",
    "SherpaRecogniser": "asr.sherpa",
    "SileroVad": "asr.vad",
    "StreamingOptions": "asr.streaming",
    "StreamingWhisper": "asr.streaming",
    "TranscriptionError": "asr.openai",
    "VadStream": "asr.vad",
    "WhisperModel": "asr.whisper",
}

__all__ = [
    "SAMPLE_RATE",
    "Hypothesis",
    "OpenAIOptions",
    "OpenAIRecogniser",
    "Pcm",
    "Recogniser",
    "RecogniserStream",
    "SherpaRecogniser",
    "SileroVad",
    "StreamingOptions",
    "StreamingWhisper",
    "TranscriptionError",
    "VadStream",
    "WhisperModel",
    "Word",
]


def __getattr__(name: str) -> Any:
    """Import the module that holds `name` on first use (PEP 562)."""
    if name not in _WHERE:
        raise AttributeError(f"module 'asr' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
