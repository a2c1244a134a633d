"""A summary as text to be read in a terminal or a merge request: `report.md`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from duplex.evals.beside import COLUMNS
from duplex.evals.catalogue import SECTIONS, meaning
from duplex.evals.panels import PANELS

_ARROWS = {"low": " ↓", "high": " ↑", None: ""}


def render(summary: Mapping[str, Any]) -> str:
    """The whole report."""
    run = summary["run"]
    parts = [
        f"# {cell(run['agent'])}: {run['done']} of {run['scenarios']} scenarios",
        "\n".join(_facts(run)),
        _warnings(run),
        _pairs(summary["pairs"]),
        _beside(summary["beside"]),
        *(_panel(name, rows) for name, rows in summary["panels"].items()),
        _tradeoff(summary["tradeoff"]),
        _expected(summary["expected"]),
        "## By task",
        "Over scenarios; intervals are 95 %, from 10,000 resamples of the scenarios (Wilson's for shares of 0 or 1).",
        *(_task(task, metrics) for task, metrics in summary["tasks"].items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def figure(value: float | None, unit: str) -> str:
    """A value with its unit, with about three digits: 0.64 s, 12.5 %, 640 ms."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "score":
        return f"{value:.2f}"
    if unit == "ms":
        return f"{value:.0f} ms"
    if unit == "s":
        return f"{value:.2f} s" if abs(value) < 100 else f"{value:.0f} s"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def interval(low: float | None, high: float | None, unit: str) -> str:
    """[0.51, 0.78] in the unit's own scale; empty where there is none."""
    if low is None or high is None:
        return ""
    numbers = [
        figure(each, unit).removesuffix(" %").removesuffix(" ms").removesuffix(" s") for each in (low, high)
    ]
    return f"[{numbers[0]}, {numbers[1]}]"


def count(row: Mapping[str, Any]) -> str:
    """How many it tells of: hits of cases for a share, else the scenarios; marked where they are few."""
    if row["unit"] == "share" and "sum" in row:
        told = f"{row['sum']:g}/{row['count']:g}"
    elif row.get("stat") == "mean":
        told = f"{row['n']}"
    else:
        told = f"{row['count']:g}" if "count" in row else f"{row['n']}"
    return f"{told} n<10" if row["few"] else told


def cell(text: object) -> str:
    """Somebody else's text within a line of markdown: no new line, no column, no markup."""
    plain = " ".join(str(text).split())
    return "".join(f"\\{each}" if each in "\\|`*_[]<>#" else each for each in plain)


def _facts(run: Mapping[str, Any]) -> Iterable[str]:
    machine = run["machine"] or {}
    told = [str(machine[key]) for key in ("processor", "system") if machine.get(key)]
    cores = f"{machine['cores']} cores" if machine.get("cores") else ""
    yield f"- lane {cell(run['lane'])}, compute {cell(run['compute'])}"
    yield f"- version {cell(run['version'] or 'unknown')}, commit {cell(run['commit'] or 'unknown')}"
    yield f"- machine: {cell(', '.join([*told, cores]).strip(', ') or 'unknown')}"
    if run["suite"]:
        yield f"- suite {cell(run['suite'])}"
    yield f"- late frames: {run['late_frames']} of {run['frames']}"
    if run["echo_floor"] is not None:
        floor = figure(run["echo_floor"], "s")
        yield f"- echo floor: {floor} in every latency, not subtracted"


def _warnings(run: Mapping[str, Any]) -> str:
    alike: dict[str, list[str]] = {}
    for id, why in run["failed"].items():
        alike.setdefault(why, []).append(id)
    rows = [f"- **failed** {cell(', '.join(ids))}: {cell(why)}" for why, ids in alike.items()]
    rows += [
        f"- **missed** {cell(id)}: {cell(', '.join(items))} never came" for id, items in run["missed"].items()
    ]
    rows += [f"- **late** {cell(id)}: {late} frames" for id, late in run["late_in"].items()]
    others = run["not_for_this_lane"]
    if others:
        rows.append(f"- not for this lane: {cell(', '.join(others))}")
    return "\n".join(rows)


def _pairs(pairs: Sequence[Mapping[str, Any]]) -> str:
    if not pairs:
        return ""
    rows = [[cell(pair["title"]), *(_side(row) for row in pair["figures"])] for pair in pairs]
    return "## Side by side\n\n" + table(["", "one", "and the other"], rows)


def _beside(runs: Sequence[Mapping[str, Any]]) -> str:
    if not runs:
        return ""
    shown = [column for column in COLUMNS if any(column in run["rows"] for run in runs)]
    labels = {
        column: row["label"] + _ARROWS[row["better"]] for run in runs for column, row in run["rows"].items()
    }
    lines = [
        [
            cell(run["name"]),
            str(run["scenarios"]),
            *(figure(row["value"], row["unit"]) if (row := run["rows"].get(each)) else "" for each in shown),
        ]
        for run in runs
    ]
    return "## Beside others\n\n" + table(["", "scenarios", *(labels[each] for each in shown)], lines)


def _side(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "not measured"
    between = interval(row["low"], row["high"], row["unit"])
    told = f"{row['label']}{_ARROWS[row['better']]}: **{figure(row['value'], row['unit'])}** {between}"
    return f"{told} ({count(row)})"


def _panel(name: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    section = PANELS[name][0]
    lines = [
        [
            row["label"] + _ARROWS[row["better"]],
            figure(row["value"], row["unit"]),
            interval(row["low"], row["high"], row["unit"]),
            count(row),
            figure(row.get("p50"), row["unit"]) if row["unit"] in ("s", "ms") else "",
            figure(row.get("p90"), row["unit"]) if row["unit"] in ("s", "ms") else "",
            row["note"],
        ]
        for row in rows.values()
    ]
    head = ["", "value", "95 %", "n", "P50", "P90", ""]
    return f"## {section}. {SECTIONS[section]}\n\n" + table(head, lines)


def _tradeoff(found: Mapping[str, Any]) -> str:
    read_off = found["read_off"]
    if not read_off:
        return ""
    titles = {"latency_at_5": "P50 at 5 % cut-ins", "latency_at_10": "P50 at 10 %"}
    shares = {"cutoff_at_300": "cut-ins within 300 ms", "cutoff_at_600": "within 600 ms"}
    lines = [
        ["P(end), best of the sweep" if name == "agent" else "silence timer"]
        + [figure(row[key], "s") for key in titles]
        + [figure(row[key], "share") for key in shares]
        for name, row in read_off.items()
    ]
    few = " n<10" if min(found["holds"], found["ends"]) < 10 else ""
    return (
        f"## Endpointing trade-off\n\n{found['holds']} pauses, {found['ends']} ends of turns{few}; "
        "thresholds chosen on these same silences.\n\n"
        + table(["", *titles.values(), *shares.values()], lines)
    )


def _expected(found: Mapping[str, Mapping[str, int]]) -> str:
    if not found:
        return ""
    rows = [
        [cell(name), f"{row['ok']}/{row['n']}", f"{row['unjudged'] or ''}"] for name, row in found.items()
    ]
    return "## Expectations\n\n" + table(["behaviour", "came true", "not judged"], rows)


def _task(task: str, metrics: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        [
            meaning(name).label + _ARROWS[row["better"]],
            f"`{name}`" if name.isidentifier() else cell(name),
            *(figure(row[key], row["unit"]) for key in ("mean", "p50", "p90")),
            interval(row["low"], row["high"], row["unit"]),
            str(row["n"]),
            count(row),
        ]
        for name, row in metrics.items()
    ]
    head = ["", "metric", "mean", "P50", "P90", "95 % of the mean", "scenarios", "of"]
    return f"### {cell(task)}\n\n" + table(head, rows) if rows else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table; every column but the first is right-aligned."""
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join([":--", *["--:"] * (len(head) - 1)]) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
