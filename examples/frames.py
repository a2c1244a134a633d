"""An agent that is fed by hand, 20 ms at a time: `python examples/frames.py QUESTION.wav ANSWER.wav` (16 kHz, mono)."""

import sys
from pathlib import Path

import anyio
import numpy as np
import soundfile

from duplex import Agent


async def main(source: str, target: str) -> None:
    agent, heard = Agent.from_file(Path(__file__).parent / "tea.yaml"), []
    user = soundfile.read(source, dtype="int16")[0]
    user = np.pad(user, (3 * 16_000, 5 * 16_000))  # time for the greeting, time to answer
    async with agent.session() as call:
        start = anyio.current_time()
        for index, frame in enumerate(user[: len(user) // 320 * 320].reshape(-1, 320)):
            call.push(frame)
            heard.append(call.pull())
            await anyio.sleep_until(start + 0.02 * (index + 1))
    soundfile.write(target, np.concatenate(heard), 24_000)


anyio.run(main, *sys.argv[1:3])
