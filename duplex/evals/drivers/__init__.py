"""The ways in which a scenario is replayed; all leave the same `Replay`."""
