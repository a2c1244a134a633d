"""An agent from its file, answering calls from a browser: `python examples/serve.py`."""

from pathlib import Path

import anyio

from duplex import Agent


async def main() -> None:
    agent = Agent.from_file(Path(__file__).parent / "tea.yaml")
    await agent.serve(port=0)  # a free one; the address is printed


anyio.run(main)
