// What happens in a call, for who builds an agent.

import { announcementOf, statusOf } from "./call-view.js";
import { Mute, Problem, Recording } from "./controls.js";
import { Events } from "./events.js";
import { html, milliseconds, useRef, useWatched } from "./html.js";
import { Icon } from "./icons.js";
import { Path } from "./path.js";
import { MetricsTable, ToolCards } from "./tools.js";
import { Turns } from "./turns.js";
import { Wave } from "./wave.js";

const REDRAW_MS = 150;

const CallBar = ({ phone }) => html`
  <div class="call-bar" data-state=${phone.state}>
    <button id="call" type="button" class="pill dial" aria-describedby="status" onClick=${() => phone.toggle()}>
      <${Icon} name="phone" /><span>${phone.busy ? "Hang up" : "Call"}</span>
    </button>
    ${phone.busy && html`<${Mute} phone=${phone} />`}
    <${Recording} recording=${phone.recording} />
    <p id="status">${statusOf(phone)}</p>
    <p class="unseen" role="status">${announcementOf(phone)}</p>
  </div>
`;

function Summary({ history }) {
  const { session } = history;
  const medians = history.medians();
  const count = (kind) => session.marks.filter((mark) => mark.kind === kind).length;
  const facts = [
    ["Turns", session.turns.length],
    ["Voice end to sound", milliseconds(medians.heard)],
    ["Decision", milliseconds(medians.decision)],
    ["Interruptions", count("Yield")],
    ["Backchannels", count("Backchannel")],
    ["Round trip", milliseconds(history.path.at(-1)?.trip)],
  ];
  return html`<dl class="summary">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export function DebugView({ phone }) {
  const jump = useRef(() => {});
  const { history } = phone;
  useWatched(phone, phone.busy || phone.retryAt !== null ? 1_000 : 0, REDRAW_MS);
  const show = (pageTime) => pageTime !== null && jump.current(pageTime);
  return html`
    <main class="debug-view">
      <div class="top"><${CallBar} phone=${phone} /><${Summary} history=${history} /></div>
      <${Problem} phone=${phone} />
      <${Wave} phone=${phone} jump=${jump} />
      <div class="columns">
        <div><${Turns} history=${history} jump=${(t) => show(history.pageTime(t))} /><${ToolCards} history=${history} /></div>
        <div><${Path} history=${history} /><${MetricsTable} history=${history} /></div>
      </div>
      <${Events} history=${history} jump=${show} />
    </main>
  `;
}
