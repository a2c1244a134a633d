"""The loudspeaker in a graph of its own."""

import anyio
import numpy as np

from duplex.dialogue.events import Commit, Speech
from duplex.dialogue.playout import FRAME, Playout
from duplex.graph import Clock, Graph, Source
from duplex.nodes.playing import Loudspeaker


def test_who_waits_for_audio_is_called_once_it_may_be_heard() -> None:
    calls: list[str] = []

    async def main() -> None:
        source, speaker, graph = Source("events", Speech, Commit), Loudspeaker(Playout()), Graph()
        graph.connect(source.out, speaker.events)
        forget = speaker.on_ready(lambda: calls.append("ready"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(graph.run, Clock())
            await anyio.sleep(0.01)

            async def send(event: Speech | Commit) -> int:
                source.out.send_nowait(event)
                await anyio.sleep(0.01)
                return len(calls)

            pcm = np.full(FRAME, 1000, np.int16)
            speech = Speech(t=0, attempt=1, pcm=pcm, words=(), last=True)
            assert await send(speech) == 0
            assert await send(Commit(t=0, attempt=1, turn=1, end=0, reason="words")) == 1
            assert speaker.pull().all()
            assert not speaker.pull().any()
            assert await send(Commit(t=0, attempt=2, turn=2, end=0, reason="words")) == 1
            assert await send(Speech(t=0, attempt=2, pcm=pcm, words=(), last=True)) == 2
            forget()
            assert await send(Commit(t=0, attempt=2, turn=2, end=0, reason="words")) == 2
            tasks.cancel_scope.cancel()

    anyio.run(main)
