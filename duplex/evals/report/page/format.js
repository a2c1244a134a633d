// Figures as text: the same rules as in report.md.

function figure(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "share") return `${(100 * value).toFixed(1)} %`;
  if (unit === "ms") return `${value.toFixed(0)} ms`;
  if (unit === "score") return value.toFixed(2);
  if (unit === "s") return `${value.toFixed(Math.abs(value) < 100 ? 2 : 0)} s`;
  return Math.abs(value) < 1000 ? String(Number(value.toPrecision(3))) : value.toFixed(0);
}

/** A figure in two parts, so that the unit can be set smaller. */
function split(value, unit) {
  const [, number, rest] = /^(\S+)(?: (.*))?$/.exec(figure(value, unit));
  return [number, rest || ""];
}

function interval(row) {
  if (row.low === null || row.low === undefined) return "";
  return `${split(row.low, row.unit)[0]} to ${figure(row.high, row.unit)}`;
}

/** Of how many it tells: hits of cases where it is a share. */
function cases(row) {
  if (row.stat === "mean" && row.unit !== "share") return `n ${row.n}`;
  if (row.unit === "share" && row.sum !== undefined) return `${Number(row.sum.toFixed(2))}/${row.count}`;
  return `n ${Number((row.count ?? row.n).toFixed(1))}`;
}

const ARROWS = { high: "↑", low: "↓" };
const arrow = (better) => ARROWS[better] || "";
const words = (name) => name.replaceAll("_", " ");

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, "0")}`;
}

/** Round numbers from 0 (or below) to at least `most`, about `count` of them. */
function ticks(least, most, count) {
  const raw = (most - least) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((each) => each * power >= raw) * power;
  const found = [];
  for (let at = Math.floor(least / step + 1e-9); at * step < most + step * (1 - 1e-9); at += 1) found.push(Number((at * step).toPrecision(6)));
  return found;
}
