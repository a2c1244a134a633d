// The tools that answers used, and what the server says of its stages.

import { median } from "../model/session.js";
import { Icon } from "./icons.js";
import { html, milliseconds } from "./html.js";

const SHOWN = 6;
const STATES = { working: "at work", done: "done", cancelled: "cancelled" };

const Call = ({ call, ms }) => html`
  <li class=${`tool ${call.state}`}>
    <p><${Icon} name="tool" /><b>${call.name}</b><span class="state">${STATES[call.state]}</span><span class="ms">${ms === undefined ? "" : milliseconds(ms)}</span></p>
    <dl>
      ${Object.entries(call.arguments ?? {}).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${typeof value === "string" ? value : JSON.stringify(value)}</dd></div>`)}
      ${call.result && html`<div><dt>result</dt><dd>${typeof call.result === "string" ? call.result : JSON.stringify(call.result)}</dd></div>`}
    </dl>
  </li>
`;

export function ToolCards({ history }) {
  const { calls } = history.tools;
  return html`
    <section class="card" aria-labelledby="tools-title">
      <div class="bar"><h2 id="tools-title">Tools</h2><span class="aside">${calls.length > SHOWN ? `the last ${SHOWN} of ${calls.length}` : ""}</span></div>
      ${calls.length === 0 && html`<p class="none">What the agent looks up or does appears here.</p>`}
      <ul class="tools-list">
        ${calls.slice(-SHOWN).reverse().map((call) => html`<${Call} key=${call.id} call=${call} ms=${history.tools.took(call.id)} />`)}
      </ul>
    </section>
  `;
}

const KINDS = { ttfb: "first", processing: "all" };

export function MetricsTable({ history }) {
  const rows = [...history.metrics.values].map(([key, values]) => {
    const [kind, ...processor] = key.split(" ");
    return { key, name: processor.join(" "), kind: KINDS[kind], last: values.at(-1) * 1000, middle: median(values) * 1000, count: values.length };
  });
  return html`
    <section class="card" aria-labelledby="metrics-title">
      <div class="bar"><h2 id="metrics-title">Metrics</h2><span class="aside">from the server</span></div>
      ${rows.length === 0 && html`<p class="none">The server’s figures appear here after the first answer.</p>`}
      ${rows.length > 0 &&
      html`<table class="metrics">
        <thead><tr><th scope="col">Stage</th><th scope="col">Part</th><th scope="col">Last</th><th scope="col">Median</th></tr></thead>
        <tbody>
          ${rows.map(({ key, name, kind, last, middle }) => html`<tr key=${key}><th scope="row">${name}</th><td>${kind}</td><td>${milliseconds(last)}</td><td>${milliseconds(middle)}</td></tr>`)}
        </tbody>
      </table>`}
    </section>
  `;
}
