"""Speech synthesis: text pieces in, audio with word times out.

Importing this package is cheap; the engines import what they need when they are loaded.
"""

from __future__ import annotations

from tts.piper import PiperSynthesiser
from tts.types import SpeechChunk, Synthesiser, Utterance, WordTime

__all__ = ["PiperSynthesiser", "SpeechChunk", "Synthesiser", "Utterance", "WordTime"]
