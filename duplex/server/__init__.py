"""The HTTP side: signalling, health, and the page people call from."""
