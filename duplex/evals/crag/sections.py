"""A run's figures as tables of text: what the page and the text report both show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from duplex.evals.crag.questions import KINDS
from duplex.evals.crag.run import PAPER, POLICIES
from duplex.evals.crag.searching import Policy
from duplex.evals.crag.speech import BUCKETS
from duplex.evals.crag.table import FEW
from duplex.evals.markdown import figure, interval

Json = Mapping[str, Any]
ANSWERS = {
    "truthfulness": "truthfulness",
    "accurate": "accurate",
    "hallucination": "hallucinated",
    "missing": "missing",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A table under a title; `note` says how it is read."""

    title: str
    note: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def title(summary: Json) -> str:
    """The report's."""
    asked = summary["questions"]
    many = "1 question" if asked["done"] == 1 else f"{asked['done']} questions"
    return f"{summary['name']}: {summary['agent']}, {many}"


def facts(summary: Json) -> list[str]:
    """What the figures rest on, a line each."""
    asked, machine = summary["questions"], summary["machine"]
    named = {
        "answer": "with an answer",
        "false_premise": "on a false premise",
        "no_answer": "without an answer",
    }
    of_kind = ", ".join(f"{asked['kinds'][kind]} {named[kind]}" for kind in KINDS if asked["kinds"].get(kind))
    lines = [
        f"questions: {asked['file']}, {asked['asked']} drawn with seed {asked['seed']} ({of_kind})",
        f"answered from: {summary['documents']['from']}, {summary['documents']['passages']} passages",
        f"lane {summary['lane']}, compute {summary['compute']}",
        _speech(summary["speech"]),
        f"scorer: {scorer(summary)}",
        f"version {summary['version']}, commit {summary['commit'] or 'unknown'}, "
        f"{machine['processor'] or machine['system']}, {machine['cores']} cores",
        "not an AudioCRAG score: other questions' audio, another judge, another agent's tools",
    ]
    if PAPER in summary["delays"]:
        drawn = summary["delays"][PAPER]["tool"]
        spread_of = f"P50 {figure(drawn['p50'], 's')}, P90 {figure(drawn['p90'], 's')} for these questions"
        lines.insert(4, f"lognormal tool: P50 2.78 s, P90 4.90 s, the same for both of a pair ({spread_of})")
    if asked["done"] < FEW:
        lines.insert(
            0, f"ONLY {asked['done']} of them: figures of fewer than {FEW} questions say next to nothing"
        )
    if not asked["finished"]:
        lines.insert(0, f"STOPPED EARLY: {asked['done']} of {asked['asked']} questions")
    return [line for line in lines if line]


def _speech(speech: Json) -> str:
    if not speech["voices"]:
        return "words on a clock, without speech"
    told = f"spoken by {', '.join(speech['voices'])}; "
    if speech["wer"]:
        told += f"read back with a mean WER of {figure(speech['wer']['value'], 'share')}; "
    return f"{told}{speech['repaired']} repaired because two voices failed"


def scorer(summary: Json) -> str:
    """How far the verdicts can be believed."""
    found = summary["scorer"]
    if found is None:
        return "its agreement with people was not measured"
    told = f"agrees with a person on {figure(found['agreement'], 'share')} "
    told += f"{interval(found['low'], found['high'], 'share')} of {found['n']} answers"
    return told if found["current"] else f"{told}, measured before it was changed"


def _believed(summary: Json) -> str:
    """The same in a few characters, to stand beside every score."""
    found = summary["scorer"]
    if found is None:
        return "not measured"
    told = f"{figure(found['agreement'], 'share')} {interval(found['low'], found['high'], 'share')}"
    return told if found["current"] else f"{told}, before it was changed"


def sections(summary: Json) -> list[Section]:
    """All tables."""
    every = [answers(summary), latency(summary), early(summary), by_readback(summary)]
    return [section for section in every if section.rows]


def answers(summary: Json) -> Section:
    """The headline: all questions, failed ones counted as missing."""
    rows = [
        (
            *where,
            count(found),
            *(told(found.get(key)) for key in ANSWERS),
            f"{found['failed']}",
            _believed(summary),
        )
        for where, found in _runs(summary)
    ]
    note = "Over all questions. Truthfulness is accurate less hallucinated; 95 % intervals from resampled questions."
    return Section(
        "Answers", note, ("tool", "calls", "n", *ANSWERS.values(), "failed", "scorer agrees"), rows
    )


def latency(summary: Json) -> Section:
    """What the caller waits for."""
    keys = ("decision", "perceived", "first_token", "first_audio")
    rows = [
        (*where, _heard(found), *(spread(found.get(key)) for key in keys), told(found.get("cut_in")))
        for where, found in _runs(summary)
    ]
    waits = ("turn taken for ended", "tool waited for (T_s)", "first token", "first audio")
    head = ("tool", "calls", "answered", *waits, "cut in")
    note = "P50 [95 %] / P90, after the end of the question's last word. Nothing is subtracted."
    return Section("Latency", note, head, rows)


def early(summary: Json) -> Section:
    """What calling before the end brings, and costs."""
    lead = summary["oracle_lead"]
    rows = []
    for name, delay in summary["delays"].items():
        pair, own = delay["paired"], delay["own"]
        rows.append(
            (
                tool(name),
                str(pair["saved"]["n"]) if "saved" in pair else "0",
                told(pair.get("savings")),
                told(pair.get("first_audio")),
                told(pair.get("truthfulness")),
                told(pair.get("fidelity")),
                told(own.get("lead")),
                told(own.get("lead_positive")),
                told(pair.get("efficiency")),
                told(own.get("calls")),
                told(own.get("waste")),
            )
        )
    head = (
        *("tool", "pairs", "tool latency saved", "first audio, change", "truthfulness, change", "same top 5"),
        *(
            "lead of the call",
            "called before the end",
            "of the oracle's lead",
            "calls a question",
            "calls wasted",
        ),
    )
    note = (
        "The agent's own way against open book (calls only once the turn is over), paired by question. "
        + (
            f"Oracle lead, a perfect trigger on the true words: {told(lead)}, P50 {figure(lead['p50'], 's')}."
            if lead
            else "The oracle lead needs the times of the words, which recordings lack."
        )
    )
    return Section("Calling early", note, head, rows)


def by_readback(summary: Json) -> Section:
    """The answers by how well the question's speech was understood by another recogniser."""
    rows = [
        (
            tool(name),
            policy_name(policy),
            bucket,
            count(row),
            *(told(row.get(key)) for key in ANSWERS),
            _believed(summary),
        )
        for name, delay in summary["delays"].items()
        for policy in POLICIES
        for _, bucket in BUCKETS
        if (row := delay["by_readback"].get(bucket, {}).get(policy))
    ]
    note = "Read-back WER of the question's speech. The headline above is over all of them."
    return Section(
        "By read-back", note, ("tool", "calls", "WER", "n", *ANSWERS.values(), "scorer agrees"), rows
    )


def questions(summary: Json) -> Section:
    """Every run of every question."""
    head = (
        "question",
        "gold",
        "tool",
        "calls",
        "heard",
        "answer",
        "verdict",
        "first audio",
        "T_s",
        "calls made",
    )
    rows = [
        (
            row["asked"],
            " | ".join(row["gold"]),
            row["delay"],
            policy_name(row["policy"]),
            row["heard"],
            row["error"] or row["answer"],
            "failed" if row["error"] else row["verdict"],
            figure(row["first_audio"], "s"),
            figure(None if row["result"] is None else max(0.0, row["result"]), "s"),
            f"{row['calls']} ({row['early']} early)",
        )
        for row in summary["rows"]
    ]
    return Section("Questions", "", head, rows)


def told(row: Json | None) -> str:
    """A figure with its interval."""
    if row is None:
        return "–"
    return f"{figure(row['value'], row['unit'])} {interval(row['low'], row['high'], row['unit'])}".strip()


def spread(row: Json | None) -> str:
    """P50 with its interval, and P90."""
    if row is None:
        return "–"
    middle = (
        f"{figure(row['p50'], row['unit'])} {interval(row['p50_low'], row['p50_high'], row['unit'])}".strip()
    )
    return f"{middle} / {figure(row['p90'], row['unit'])}"


def count(row: Json) -> str:
    """How many it tells of."""
    return str(row["truthfulness"]["n"]) if row.get("truthfulness") else "0"


def _heard(row: Json) -> str:
    """How many were answered so that it was heard."""
    return str(row["first_audio"]["n"]) if row.get("first_audio") else "0"


def tool(name: str) -> str:
    """A tool by its delay."""
    return "lognormal" if name == PAPER else f"{name} s"


def policy_name(policy: Policy) -> str:
    """What a report calls it."""
    return "its own way" if policy == "own" else "open book"


def _runs(summary: Json) -> Iterable[tuple[tuple[str, str], Json]]:
    for name, delay in summary["delays"].items():
        for policy in POLICIES:
            yield (tool(name), policy_name(policy)), delay[policy]
