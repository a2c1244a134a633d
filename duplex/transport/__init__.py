"""How callers reach a session: WebRTC today. A transport sees a session as a `Peer` and nothing more."""
