"""The trained core at work: ONNX Runtime, no torch, one call for all sessions that wait."""

from duplex.core.runtime.core import CoreSession, DuplexCore
from duplex.core.runtime.outputs import CoreOutput

__all__ = ["CoreOutput", "CoreSession", "DuplexCore"]
