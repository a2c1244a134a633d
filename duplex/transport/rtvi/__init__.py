"""RTVI, the protocol of Pipecat's clients: a session's events as messages, and a client's messages checked."""
