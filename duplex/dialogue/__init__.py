"""Dialogue as pure state machines: who has the floor, what was said, what was heard.

Everything that decides when to listen, speak, duck or stop is here, and nothing here waits, reads a clock or does
I/O: a machine is `on(event) -> list[action]`, so that each decision can be read, tested as a table and replayed.
"""
