"""How soon the agent begins to speak, with what, and what it costs: the fast path against the same agent without it.

Virtual time, real models, both agents in one run. A caller asks several questions in a session; each
turn is read off the caller's recording and the session's events. Then utterances with a pause in the middle: does it
cut in?
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from duplex.agent.loader import load_agent
from duplex.agent.relay_spec import RelaySection
from duplex.audio.levels import window_levels
from duplex.bench.conversation import Question, read_questions
from duplex.bench.measure import Measure, of_quantile, of_share
from duplex.bench.progress import Progress
from duplex.bench.relay_agent import Tapped, in_virtual_time, running
from duplex.bench.turns import cut_in, first_audio, is_right
from duplex.dialogue.events import AGENT_RATE, PlayoutStarted, ReplyText, Speech
from duplex.dialogue.relay_events import Prefix
from duplex.evals.clips import VOICES
from duplex.evals.contender import AgentContender
from duplex.evals.prepare import prepare
from duplex.evals.record import RATE, Replay
from duplex.evals.scenario import Scenario
from duplex.graph import TICKS, Event, to_seconds
from duplex.graph.virtual import Mode
from duplex.llm.words import content
from duplex.resources import config_path

COMMAND = "duplex bench relay --part fast"
AGENT = "lakes"
A_SESSION = 5
"""Questions in a session."""
EVERY = 9.0
"""Seconds from the end of a question to the next one: every answer is heard out."""
LIMIT = 6.0
"""Seconds after which an answer counts as none."""
PAUSES = (0.5, 1.2)
_AUDIBLE_DBFS, _WINDOW = -45.0, AGENT_RATE // 200


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what was heard of its answer.

    Attributes:
        question, answer: the words.
        audio: seconds from the question's last sound to the first audible sample; None for silence.
        content: until the first word that carries content; no opener does.
        prefix, source: what was said before the answer was known, and who drafted it; empty for nothing.
        seam: seconds of silence between that and what follows; None where nothing was said before.
        right: the answer is.
    """

    question: str
    answer: str
    audio: float | None
    content: float | None
    prefix: str
    source: str
    seam: float | None
    right: bool


def measures(compute: Mode) -> list[Measure]:
    """All figures of the fast path, those of the same agent without it as `relay.off_`."""
    rows = [row for fast in (True, False) for row in ways(fast, questions(), *halves(), compute)]
    return [replace(row, command=f"{COMMAND} --compute {compute}") for row in rows]


def ways(
    fast: bool, asked: Sequence[Question], paused: Sequence[tuple[str, str]], open: int, compute: Mode
) -> list[Measure]:
    """The figures of one of the two, on questions and utterances with a pause; the first `open` of these are plainly
    unfinished there, the others could have been all."""
    head = "relay." if fast else "relay.off_"
    spec = load_agent(AGENT)
    contender = Tapped(AgentContender(spec.model_copy(update={"relay": RelaySection(enabled=fast)})))
    with running(contender):
        turns = list(_turns(contender, asked, "relay" if fast else "off", compute))
        cuts = list(_cuts(contender, paused, "paused" if fast else "p. off", compute))
    rows = measured(turns, head)
    for name, some in (("cut_in", cuts), ("cut_in_unfinished", cuts[:open])):
        if some:
            rows.append(of_share(f"{head}{name}_share", sum(some), len(some), COMMAND))
    return rows


def _turns(contender: Tapped, asked: Sequence[Question], name: str, compute: Mode) -> Iterator[Turn]:
    progress = Progress(name, len(asked))
    for scenario in sessions(asked):
        replay = in_virtual_time(compute, prepare(scenario, Path(), contender.voices), contender)
        if replay.error:
            print(f"{scenario.id}: {replay.error}", flush=True)
            continue
        for turn in turns_of(replay, contender.events, asked):
            progress.tell(told(turn))
            yield turn


def _cuts(contender: Tapped, paused: Sequence[tuple[str, str]], name: str, compute: Mode) -> Iterator[bool]:
    progress = Progress(name, len(paused))
    for scenario in pauses(paused):
        replay = in_virtual_time(compute, prepare(scenario, Path(), contender.voices), contender)
        if replay.error:
            print(f"{scenario.id}: {replay.error}", flush=True)
            continue
        cut = _cuts_in(replay)
        progress.tell(f"{'cut in' if cut else 'waited'} | {' … '.join(texts_of(scenario))}")
        yield cut


def texts_of(scenario: Scenario) -> list[str]:
    """What a scenario's user says."""
    return [str((item.tts or {})["text"]) for item in scenario.timeline]


def told(turn: Turn) -> str:
    """A turn in a line."""
    after = "   -   " if turn.audio is None else f"{1000 * turn.audio:4.0f} ms"
    seam = "" if turn.seam is None else f" [{1000 * turn.seam:.0f} ms]"
    head = f"{after} {'right' if turn.right else 'wrong'} {turn.source or '-':8}"
    return f"{head} | {turn.question} > {turn.answer}{seam}"


def measured(turns: Sequence[Turn], head: str) -> list[Measure]:
    """The figures of some turns; what nothing was measured for is absent."""
    rows: list[Measure] = []
    for name, times in (
        ("first_audio", [1000 * turn.audio for turn in turns if turn.audio is not None]),
        ("first_content", [1000 * turn.content for turn in turns if turn.content is not None]),
    ):
        if times:
            rows.append(of_quantile(f"{head}{name}_p50_ms", times, "ms", COMMAND, 0.5, 0))
            rows.append(of_quantile(f"{head}{name}_p90_ms", times, "ms", COMMAND, 0.9, 0))
    if turns:
        rows.append(of_share(f"{head}correct_share", sum(turn.right for turn in turns), len(turns), COMMAND))
    said = [turn for turn in turns if turn.prefix]
    if not said:
        return rows
    rows.append(of_share(f"{head}prefix_share", len(said), len(turns), COMMAND))
    bearing = sum(turn.source != "opener" and bool(content(turn.prefix)) for turn in said)
    rows.append(of_share(f"{head}prefix_content_share", bearing, len(said), COMMAND))
    openers = Counter(turn.prefix for turn in said if turn.source == "opener")
    rows.append(
        of_share(f"{head}most_used_opener_share", max(openers.values(), default=0), len(turns), COMMAND)
    )
    for source, count in sorted(Counter(turn.source for turn in said).items()):
        rows.append(of_share(f"{head}from_{source}_share", count, len(said), COMMAND))
    seams = [turn.seam for turn in said if turn.seam is not None]
    if seams:
        rows.append(of_share(f"{head}seam_share", sum(seam <= 0.2 for seam in seams), len(seams), COMMAND))
        rows.append(of_quantile(f"{head}seam_p50_ms", [1000 * s for s in seams], "ms", COMMAND, 0.5, 0))
    return rows


def sessions(questions: Sequence[Question], seed: int = 7) -> Iterator[Scenario]:
    """The questions, some at a time, each session in another voice."""
    parts = [questions[at : at + A_SESSION] for at in range(0, len(questions), A_SESSION)]
    for number, some in enumerate(parts):
        voice = VOICES[number % len(VOICES)]
        items: list[dict[str, Any]] = []
        for at, question in enumerate(some):
            when = {"after": f"q{at - 1}.end", "offset": EVERY} if at else 1.0
            said = {"text": question.text, "voice": voice}
            items.append({"id": f"q{at}", "kind": "user_speech", "at": when, "tts": said})
        yield _scenario(f"fast_{number:03}", seed + number, 16.0 + 14.0 * len(items), items)


def pauses(paused: Sequence[tuple[str, str]], seed: int = 7) -> Iterator[Scenario]:
    """Utterances with a pause in the middle, of a length drawn from a seeded uniform distribution."""
    rng = random.Random(seed)
    for number, (first, second) in enumerate(paused):
        voice = VOICES[number % len(VOICES)]
        after = {"after": "h0.speech_end", "offset": round(rng.uniform(*PAUSES), 3)}
        items: list[dict[str, Any]] = [
            {
                "id": "h0",
                "kind": "user_speech",
                "at": 1.0,
                "tts": {"text": first, "voice": voice},
                "ends_turn": False,
            },
            {"id": "h1", "kind": "user_speech", "at": after, "tts": {"text": second, "voice": voice}},
        ]
        yield _scenario(f"pause_{number:03}", seed + number, 14.0, items)


def _scenario(id: str, seed: int, duration: float, items: list[dict[str, Any]]) -> Scenario:
    head = {"schema": "duplex-scenario/1", "id": id, "task": "smooth_turn_taking", "seed": seed}
    return Scenario.model_validate(
        {**head, "duration": duration, "agent": {}, "timeline": items, "expect": []}
    )


def _cuts_in(replay: Replay) -> bool:
    first, second = replay.placed[0], replay.placed[1]
    return cut_in(replay.agent, RATE, first.speech[-1][1], second.speech[0][0])


def turns_of(replay: Replay, events: Sequence[Event], questions: Sequence[Question]) -> Iterator[Turn]:
    """Each question of a session that was asked."""
    by_text = {question.text: question for question in questions}
    unknown = load_agent(AGENT).unknown
    for number, placed in enumerate(replay.placed):
        end = placed.speech[-1][1]
        after = replay.placed[number + 1].start if number + 1 < len(replay.placed) else end + EVERY
        mine = [event for event in events if end - 0.5 < to_seconds(event.t) < after]
        question = by_text[str((placed.item.tts or {})["text"])]
        yield _turn(replay, mine, question, end, unknown)


def _turn(replay: Replay, events: Sequence[Event], question: Question, end: float, unknown: str) -> Turn:
    audio = first_audio(replay.agent, RATE, end, end + LIMIT)
    started = [event for event in events if isinstance(event, PlayoutStarted)]
    if not started:
        return Turn(question.text, "", audio, None, "", "", None, False)
    attempt, begins = started[-1].attempt, to_seconds(started[-1].t)
    prefix = next((e for e in events if isinstance(e, Prefix) and e.attempt == attempt), None)
    speech = [event for event in events if isinstance(event, Speech) and event.attempt == attempt]
    texts = [e.text for e in events if isinstance(e, ReplyText) and e.attempt == attempt and e.text]
    answer = " ".join(texts)
    seam, gap, size = (None, 0.0, 0) if prefix is None else _seam(speech, prefix.text, begins)
    words = [(word, index >= size) for index, word in enumerate(w for e in speech for w in e.words)]
    empty = prefix is not None and prefix.source == "opener"
    first = next((each for each in words if content(each[0].text) and (each[1] or not empty)), None)
    told = None if first is None else begins + first[0].start / TICKS + gap * first[1] - end
    return Turn(
        question.text,
        answer,
        audio,
        told,
        prefix.text if prefix else "",
        prefix.source if prefix else "",
        seam,
        is_right(answer, question.accept, unknown),
    )


def _seam(speech: Sequence[Speech], prefix: str, begins: float) -> tuple[float | None, float, int]:
    """Seconds of silence between a prefix and what follows, those of them that were waited, and the prefix's words."""
    size, words = len(prefix.split()), 0
    for number, event in enumerate(speech):
        words += len(event.words)
        if words >= size and number + 1 < len(speech) and any(later.words for later in speech[number + 1 :]):
            before = np.concatenate([one.pcm for one in speech[: number + 1]])
            rest = np.concatenate([one.pcm for one in speech[number + 1 :]])
            late = max(0.0, to_seconds(speech[number + 1].t) - begins - len(before) / AGENT_RATE)
            return late + _quiet(before[::-1]) + _quiet(rest), late, size
    return None, 0.0, size


def _quiet(pcm: NDArray[np.int16]) -> float:
    """Seconds of silence at the beginning."""
    loud = np.flatnonzero(window_levels(pcm, _WINDOW, _WINDOW) >= _AUDIBLE_DBFS)
    return float(loud[0] if len(loud) else len(pcm) // _WINDOW) * _WINDOW / AGENT_RATE


def questions() -> list[Question]:
    """Those of `duplex bench call`."""
    return read_questions(config_path("bench/call.yaml"))


def halves() -> tuple[list[tuple[str, str]], int]:
    """Utterances with a pause in the middle, as in `duplex bench call`, and how many are plainly unfinished there."""
    script = yaml.safe_load(config_path("bench/call_paused.yaml").read_text(encoding="utf-8"))
    return [(first, second) for first, second in script["paused"]], int(script["unfinished"])
