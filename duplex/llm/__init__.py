"""Language models: one streaming protocol, local and remote backends, and what a voice agent asks of them."""

from duplex.llm.types import LLM, LLMError, Message, Request, Token

__all__ = ["LLM", "LLMError", "Message", "Request", "Token"]
