"""Speech synthesis: text pieces in, audio with word times out.

Importing this package is cheap; the engines import what they need when they are loaded.
"""

from __future__ import annotations

from tts.espeak import EspeakSynthesiser
from tts.kokoro import KokoroSynthesiser
from tts.normalise import Spoken, normalise
from tts.openai import OpenAISynthesiser, SpeechError
from tts.piper import PiperSynthesiser
from tts.types import SpeechChunk, Synthesiser, Utterance, WordTime

__all__ = [
    "EspeakSynthesiser",
    "KokoroSynthesiser",
    "OpenAISynthesiser",
    "PiperSynthesiser",
    "SpeechChunk",
    "SpeechError",
    "Spoken",
    "Synthesiser",
    "Utterance",
    "WordTime",
    "normalise",
]
