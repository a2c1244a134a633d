// The way between here and the server: how long it takes each way, and what is lost on it.

import { html, milliseconds, surface, useEffect, useRef } from "./html.js";
import { palette } from "./palette.js";

const SHOWN_MS = 120_000;
const LINES = [["trip", "ink"], ["up", "voice"], ["down", "agent"]];
const PAD = 16;

function draw(canvas, path) {
  const { pen, width, height } = surface(canvas);
  const colours = palette();
  const end = path.at(-1)?.at ?? 0;
  const shown = path.filter(({ at }) => at > end - SHOWN_MS);
  const most = Math.max(5, ...shown.map(({ trip }) => trip)) * 1.15;
  const y = (ms) => height - 4 - (ms / most) * (height - PAD - 4);
  pen.font = '11px -apple-system, "Segoe UI", Roboto, Arial, sans-serif';
  pen.fillStyle = colours.soft;
  pen.fillText(`${most.toFixed(0)} ms`, 2, 11);
  pen.strokeStyle = colours.line;
  for (const ms of [0, most / 2, most]) {
    pen.beginPath();
    pen.moveTo(0, Math.round(y(ms)) + 0.5);
    pen.lineTo(width, Math.round(y(ms)) + 0.5);
    pen.stroke();
  }
  for (const [name, colour] of LINES) {
    pen.strokeStyle = colours[colour];
    pen.lineWidth = 1.5;
    pen.lineJoin = "round";
    pen.beginPath();
    for (const sample of shown) pen.lineTo(width - ((end - sample.at) / SHOWN_MS) * width, y(Math.max(0, sample[name])));
    pen.stroke();
  }
}

const percent = (share) => (share === null || share === undefined ? "–" : `${(share * 100).toFixed(1)} %`);
const fine = (ms) => (ms === null || ms === undefined ? "–" : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`);

export function Path({ history }) {
  const canvas = useRef(null);
  const { path, stats } = history;
  useEffect(() => draw(canvas.current, path));
  const last = path.at(-1) ?? {};
  const now = stats.at(-1) ?? {};
  const facts = [
    ["Round trip", fine(last.trip), "trip", "of a message there and back"],
    ["Up", fine(last.up), "up", "taking both ways to be equal at their quickest"],
    ["Down", fine(last.down), "down", "taking both ways to be equal at their quickest"],
    ["Jitter buffer", milliseconds(now.buffer), "", "how long the browser holds what comes"],
    ["Playout", milliseconds(now.playout), "", "from the network to the loudspeaker"],
    ["Jitter", fine(now.jitter), "", "of arriving packets"],
    ["Lost", percent(now.lost), "", "of arriving packets"],
    ["Concealed", percent(now.concealed), "", "of what was played"],
    ["Rate down / up", now.down === undefined ? "–" : `${now.down.toFixed(0)} / ${now.up.toFixed(0)} kbit/s`, "", ""],
    ["Over", now.path ?? "–", "", "kind of address and protocol"],
  ];
  return html`
    <section class="card" aria-labelledby="path-title">
      <div class="bar"><h2 id="path-title">Path</h2><span class="aside">last two minutes</span></div>
      <canvas ref=${canvas} class="path" aria-hidden="true"></canvas>
      <dl class="facts">
        ${facts.map(([name, value, line, title]) => html`<div key=${name} title=${title}><dt>${line && html`<i class=${`swatch l-${line}`}></i>`}${name}</dt><dd>${value}</dd></div>`)}
      </dl>
    </section>
  `;
}
