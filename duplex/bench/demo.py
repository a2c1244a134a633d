"""`duplex demo`: a real call to the shipped agent, five questions aloud, and whether the answers are right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import anyio

from duplex.agent.loader import load_agent
from duplex.bench.conversation import Exchange, converse, exchanges, read_questions, write_recording
from duplex.bench.served import serve
from duplex.bench.speaker import Speaker
from duplex.bench.timeline import write_timeline
from duplex.models import default_store, pull
from duplex.models.progress import shown
from duplex.resources import config_path

AGENT = "lakes"


def run_demo(out: Path, voice: str) -> int:
    """Place the call and print each turn; 0 if every answer was heard and right.

    Writes call.wav (user left, agent right), events.jsonl, turns.json and timeline.html into `out`.
    """
    out.mkdir(parents=True, exist_ok=True)
    _pull()
    speaker = Speaker(out / "voice", voice)
    questions = read_questions(config_path("demo.yaml"))
    for question in questions:  # before the call, so that synthesis does not compete with the agent
        speaker.say(question.text)
    spec = load_agent(AGENT)
    shutil.rmtree(out / "sessions", ignore_errors=True)
    print(f"starting the agent {AGENT!r} …", flush=True)
    with serve(AGENT, out / "sessions", log=out / "server.log") as served:
        print(f"ready after {served.ready_seconds:.1f} s at {served.url}; {speaker.name} calls\n", flush=True)
        call, said = anyio.run(
            converse, served.url, questions, speaker, lambda text: print(f"  asking: {text}")
        )
        turns = exchanges(call, said, questions, served, spec.unknown)
        events = served.events()
    write_recording(call, out / "call.wav")
    lines = (json.dumps(event, ensure_ascii=False) for event in events)
    (out / "events.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_timeline(out, call, turns, events, title=f"A call to {AGENT}")
    return _report(turns, out)


def _pull() -> None:
    """Fetch what is missing; raises ModelError, but for the caller's voice, which has a substitute."""
    store = default_store()
    missing = [name for name in store.manifest.defaults if not store.is_present(name)]
    with shown() as progress:
        errors = pull(missing, progress, store=store)
    for error in errors:
        if not str(error).startswith("kokoro"):
            raise error


def _report(turns: list[Exchange], out: Path) -> int:
    print()
    for number, turn in enumerate(turns, start=1):
        time = "silent" if turn.latency is None else f"{turn.latency * 1000:.0f} ms"
        print(f"{number}. asked   {turn.question.text}")
        print(f"   heard   {turn.heard or '(nothing)'}")
        print(f"   answer  {turn.answer or '(silence)'}")
        print(f"   {'right' if turn.right else 'WRONG'}, first audio {time} after the last word\n")
    right = sum(turn.right for turn in turns)
    print(f"{right} of {len(turns)} right. Look and listen: {out / 'timeline.html'}")
    return 0 if right == len(turns) else 1
