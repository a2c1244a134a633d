"""`duplex eval speech`: how well recognisers hear people."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from duplex.evals.bootstrap import Interval
    from duplex.evals.recordings import Recording
    from duplex.evals.speech import Row

_COLUMNS = {
    "wer": "WER",
    "slot_recall": "slots",
    "emission_p50_s": "word P50 s",
    "emission_p90_s": "P90 s",
    "first_correct_p50_s": "first P50 s",
    "ne": "NE",
    "upwr": "UPWR",
    "final_p50_s": "final s",
    "rtf": "RTF",
}


def speech(
    folder: Annotated[Path | None, typer.Argument(help="Recordings with their transcripts.")] = None,
    packaged: Annotated[
        bool, typer.Option("--packaged", help="Recordings that installed packages carry.")
    ] = False,
    suite: Annotated[
        str | None, typer.Option(help="What a suite's user says, made here, with true times.")
    ] = None,
    recogniser: Annotated[
        list[str] | None,
        typer.Option(help="whisper, whisper-tiny.en, whisper-base or sherpa:FOLDER; repeat it for more."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many of --packaged.")] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Fetch nothing; fail if a model is missing.")
    ] = False,
) -> None:
    """Measure how recognisers hear people, fed 20 ms at a time as in a call.

    WER; seconds from the end of a word until it stands for good (word) and until it is first right (first); normalised
    erasure (NE) and unstable words (UPWR) of the partials; seconds of computing for the final words, and for a second
    of audio (RTF), on this machine. Where only intents and slots are known, the share of slots that were heard.
    """
    from asr import SileroVad, WhisperModel
    from duplex.evals.speech import WHISPERS, follow, load, measure, reference, voiced
    from duplex.models import model_folder

    if offline:
        os.environ["DUPLEX_OFFLINE"] = "1"
    recordings, notes = _gathered(folder, packaged, suite, count)
    detector, reader = SileroVad(model_folder("silero-vad")), WhisperModel(model_folder("whisper-base"))
    voices = [voiced(each.pcm, detector) for each in recordings]
    references = [reference(each, reader) for each in recordings]
    rows: list[Row] = []
    for name in recogniser or WHISPERS:
        engine = load(name)
        follow(recordings[0], engine, voices[0])  # a model's first run also allocates
        heard = [follow(each, engine, voice) for each, voice in zip(recordings, voices, strict=True)]
        rows += measure(name, heard, references)
    if as_json:
        typer.echo(json.dumps({"rows": [row.plain() for row in rows], "notes": notes}, indent=1))
        return
    for line in (*_table(rows), "", *notes):
        typer.echo(line)


def _gathered(
    folder: Path | None, packaged: bool, suite: str | None, count: int
) -> tuple[list[Recording], list[str]]:
    """The recordings, and what is to be known of them."""
    from duplex.evals.recordings import in_folder, of_suite
    from duplex.evals.recordings import packaged as in_packages
    from duplex.evals.scenario import ScenarioError

    found: list[Recording] = []
    notes: list[str] = []
    if folder is not None:
        found, without = in_folder(folder)
        if without:
            notes.append(
                f"{len(without)} recordings have no transcript and were left out: {', '.join(without)}"
            )
    if packaged:
        prompts = in_packages(count)
        found += prompts
        if not prompts:
            notes.append("no packages with recordings: apt-get install asterisk-core-sounds-en{,-g722}")
    if suite is not None:
        found += of_suite(suite)
    if not found:
        raise ScenarioError(" ".join(["nothing to hear: give a folder, --packaged or --suite NAME.", *notes]))
    if any(each.slots for each in found):
        notes.append(
            "slots: only intents and slots were written down, so there is no WER; words of slots in a row"
        )
    if any(each.text and not each.words for each in found):
        notes.append(
            "word and first: against word ends as Whisper base aligns them, about 50 ms early; "
            "over the words that it hears as they were written down"
        )
    return found, notes


def _table(rows: list[Row]) -> list[str]:
    """A line for each recogniser and set: recordings, words or slots, and figures with their 95 % intervals."""

    def cell(figure: Interval | None) -> str:
        if figure is None:
            return "-"
        between = "" if figure.low is None else f" [{figure.low:.2f}, {figure.high:.2f}]"
        return f"{figure.value:.3f}{between}"

    head = ["recogniser", "set", "n", "words", *_COLUMNS.values()]
    lines = []
    for row in rows:
        counted = f"{row.slots} slots" if row.slots else str(row.words)
        figures = (cell(row.figures.get(key)) for key in _COLUMNS)
        lines.append([row.recogniser, row.origin, str(row.recordings), counted, *figures])
    widths = [max(len(line[at]) for line in (head, *lines)) for at in range(len(head))]
    return [
        "  ".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip()
        for line in (head, *lines)
    ]
