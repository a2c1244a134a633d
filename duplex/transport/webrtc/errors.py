"""What can be wrong with a caller's offer or a call."""

from __future__ import annotations


class OfferError(ValueError):
    """The caller's offer cannot be answered; the message says why and is fit to be sent back."""


class CallError(RuntimeError):
    """The call could not be placed or was lost; the message names the address and what to do."""
