"""The report of a run: `crag.json` with all figures and rows, `crag.md` to be read as text, `crag.html` in a browser.

The page is one file without a script: what was asked and answered is somebody else's text, and stands in it as text.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from duplex.evals.crag.run import POLICIES
from duplex.evals.crag.sections import (
    Section,
    facts,
    policy_name,
    questions,
    scorer,
    sections,
    title,
    told,
    tool,
)
from duplex.evals.job import write
from duplex.evals.markdown import cell, table
from duplex.models.store import write_atomically

Json = Mapping[str, Any]
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2327; --soft: #5b6670; --line: #d5dade; --ground: #fff; --band: #f4f6f8;
  --own: #0b6bcb; --book: #b5520a; --good: #19733b; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaed; --soft: #a3adb5; --line: #3a434a; --ground: #14181b;
  --band: #1d2327; --own: #6cb2ff; --book: #ffab6b; --good: #6fd493; --bad: #ff8a80 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 0 auto;
  max-width: 76rem; padding: 1.5rem }
h1 { font-size: 1.5rem; margin: 0 0 .5rem } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem }
ul.facts, p { color: var(--soft); margin: .25rem 0; padding: 0 } ul.facts { list-style: none }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .875rem; margin-top: .5rem }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 600 } tbody tr:nth-child(even) { background: var(--band) }
td { font-variant-numeric: tabular-nums; white-space: nowrap }
td.long { min-width: 14rem; white-space: normal }
.accurate { color: var(--good) } .hallucination, .failed { color: var(--bad) } svg { max-width: 100%; height: auto }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink) } .axis { stroke: var(--line) }
.own { stroke: var(--own); fill: var(--own) } .open_book { stroke: var(--book); fill: var(--book) }
summary { cursor: pointer; font-weight: 600; margin: 2rem 0 .25rem }
"""


def write_report(summary: Json, out: Path) -> None:
    """Write the three files; raises OSError."""
    write(out / "crag.json", summary)
    write_atomically(out / "crag.md", text(summary).encode())
    write_atomically(out / "crag.html", page(summary).encode())


def text(summary: Json) -> str:
    """The report as markdown; its questions are in the other files."""
    parts = [f"# {cell(title(summary))}", "\n".join(f"- {cell(fact)}" for fact in facts(summary))]
    for section in sections(summary):
        parts += [f"## {section.title}", section.note, table(section.head, section.rows)]
    return "\n\n".join(part for part in parts if part) + "\n"


def page(summary: Json) -> str:
    """The report as one HTML text."""
    name = html.escape(title(summary))
    lines = "".join(f"<li>{html.escape(fact)}</li>" for fact in facts(summary))
    tables = "".join(_section(section) for section in sections(summary))
    asked = questions(summary)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{_STYLE}</style></head><body><main>"
        f'<h1>{name}</h1><ul class="facts">{lines}</ul>{_plots(summary)}{tables}'
        f"<details><summary>{len(asked.rows)} runs, one by one</summary>{_table(asked)}</details>"
        "</main></body></html>\n"
    )


def _section(section: Section) -> str:
    name, note = html.escape(section.title), html.escape(section.note)
    return f"<section><h2>{name}</h2><p>{note}</p>{_table(section)}</section>"


def _table(section: Section) -> str:
    head = "".join(f'<th scope="col">{html.escape(each)}</th>' for each in section.head)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in section.rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cell(value: str) -> str:
    kind = value if value in ("accurate", "hallucination", "missing", "failed") else ""
    name = kind or ("long" if len(value) > 30 else "")
    return f'<td class="{name}">{html.escape(value)}</td>' if name else f"<td>{html.escape(value)}</td>"


_WIDTH, _LEFT, _ROW = 760, 190, 22


def _plots(summary: Json) -> str:
    """Truthfulness and first audio at each delay: a dot and its interval for either policy."""
    return "".join(
        f"<section><h2>{label}</h2><p>{note}</p>{_plot(summary, key, stat, unit)}</section>"
        for key, stat, unit, label, note in (
            (
                "truthfulness",
                "",
                "share",
                "Truthfulness by tool delay",
                html.escape(f"Scorer: {scorer(summary)}."),
            ),
            ("first_audio", "p50_", "s", "First audio by tool delay", "P50 after the question's last word."),
        )
    )


def _plot(summary: Json, key: str, stat: str, unit: str) -> str:
    rows = [
        (f"{tool(name)} · {policy_name(policy)}", policy, delay[policy].get(key))
        for name, delay in summary["delays"].items()
        for policy in POLICIES
    ]
    shown = [(label, policy, _dot(row, stat)) for label, policy, row in rows if row]
    if not shown:
        return ""
    least = min(0.0, *(low for _, _, (_, low, _) in shown))
    most = max(*(high for _, _, (_, _, high) in shown), least + 0.1)
    lines = [_grid(least, most, unit, len(shown))]
    for at, (label, policy, dot) in enumerate(shown):
        lines.append(_whisker(at, label, policy, [_x(each, least, most) for each in dot]))
    height = _ROW * (len(shown) + 1) + 8
    described = "; ".join(f"{label}: {told(row)}" for label, _, row in rows if row)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" aria-label="{html.escape(described)}">'
        f"{''.join(lines)}</svg>"
    )


def _dot(row: Json, stat: str) -> tuple[float, float, float]:
    value = row["p50"] if stat else row["value"]
    low, high = row[f"{stat}low"], row[f"{stat}high"]
    return value, value if low is None else low, value if high is None else high


def _x(value: float, least: float, most: float) -> float:
    return round(_LEFT + (value - least) / (most - least) * (_WIDTH - _LEFT - 40), 1)


def _grid(least: float, most: float, unit: str, rows: int) -> str:
    step = next(each for each in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if (most - least) / each <= 8)
    first = int(least / step) - (least < 0)
    ticks = [
        each * step
        for each in range(first, int(most / step) + 2)
        if least - 1e-9 <= each * step <= most + 1e-9
    ]
    bottom = _ROW * rows + 6
    return "".join(
        f'<line class="axis" x1="{_x(tick, least, most)}" x2="{_x(tick, least, most)}" y1="0" y2="{bottom}"/>'
        f'<text x="{_x(tick, least, most)}" y="{bottom + 14}" text-anchor="middle">'
        f"{f'{100 * tick:.0f} %' if unit == 'share' else f'{tick:g} s'}</text>"
        for tick in ticks
    )


def _whisker(at: int, label: str, policy: str, x: Sequence[float]) -> str:
    middle, low, high = x
    y = _ROW * at + _ROW / 2
    return (
        f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{html.escape(label)}</text><g class="{policy}">'
        f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}" stroke-width="2"/><circle cx="{middle}" cy="{y}" r="4.5"/></g>'
    )
