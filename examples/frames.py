"""An agent that is fed by hand: a WAV in, a WAV out, 20 ms at a time: `python examples/frames.py IN.wav OUT.wav`."""

import sys
from pathlib import Path

import anyio
import numpy as np
import soundfile

from duplex import Agent


async def main(source: str, target: str) -> None:
    user, rate = soundfile.read(source, dtype="int16")
    assert rate == 16_000 and user.ndim == 1, "give a mono WAV at 16 kHz"
    user = np.pad(user, (0, 8 * rate))  # time to answer
    heard = []
    async with Agent.from_file(Path(__file__).parent / "tea.yaml").session() as call:
        start = anyio.current_time()
        for at in range(0, len(user) - 319, 320):
            call.push(user[at : at + 320])
            heard.append(call.pull())
            await anyio.sleep(start + (at + 320) / rate - anyio.current_time())
    soundfile.write(target, np.concatenate(heard), 24_000)


anyio.run(main, *sys.argv[1:3])
