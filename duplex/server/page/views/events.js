// Every event of the call, to be searched.

import { Icon } from "./icons.js";
import { html, useEnd, useRef, useState } from "./html.js";

const SHOWN = 400;
const GROUPS = ["turns", "words", "reply", "tools", "page", "errors", "other"];

/** Whether an event has every word of the filter; a word after "-" must not be there. */
function matches({ type, text }, words) {
  const whole = `${type} ${text}`.toLowerCase();
  return words.every((word) => (word.startsWith("-") ? word.length === 1 || !whole.includes(word.slice(1)) : whole.includes(word)));
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied";
  } catch {
    // A page that may not use the clipboard, as one without https: a file serves as well.
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "call.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    return "Saved as a file";
  }
}

const Row = ({ event, history, jump }) => {
  const pageTime = event.t === null ? event.at : history.pageTime(event.t);
  const at = pageTime === null ? null : history.axis(pageTime);
  return html`
    <tr>
      <td>
        ${at === null
          ? "–"
          : html`<button type="button" class="link" onClick=${() => jump(pageTime)} aria-label=${`Show second ${(at / 1000).toFixed(2)}`}>${(at / 1000).toFixed(2)}</button>`}
      </td>
      <th scope="row"><i class=${`dot g-${event.group}`}></i>${event.type}</th>
      <td>${event.text}</td>
    </tr>
  `;
};

export function Events({ history, jump }) {
  const list = useRef(null);
  const scrolled = useEnd(list);
  const [filter, setFilter] = useState("");
  const [off, setOff] = useState(new Set());
  const [copied, setCopied] = useState("");
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const { events } = history.session;
  const found = events.filter((event) => !off.has(event.group) && matches(event, words));
  const counts = new Map(GROUPS.map((group) => [group, 0]));
  for (const { group } of events) counts.set(group, counts.get(group) + 1);
  const toggle = (group) => {
    const next = new Set(off);
    if (!next.delete(group)) next.add(group);
    setOff(next);
  };
  const keep = async () => {
    setCopied(await copy(JSON.stringify(history.dump(), null, 1)));
    setTimeout(() => setCopied(""), 2_000);
  };
  return html`
    <section class="card events" aria-labelledby="events-title">
      <div class="bar">
        <h2 id="events-title">Events</h2>
        <span class="aside" role="status">${found.length === events.length ? events.length : `${found.length} of ${events.length}`}</span>
        <button id="copy" type="button" class="pill" onClick=${keep}><${Icon} name="copy" /><span aria-live="polite">${copied || "Copy as JSON"}</span></button>
      </div>
      <div class="filters">
        <input type="search" aria-label="Filter events" placeholder="Filter: commit words, -heard" value=${filter} onInput=${(event) => setFilter(event.target.value)} />
        <div role="group" aria-label="Kinds of events">
          ${GROUPS.filter((group) => counts.get(group)).map(
            (group) => html`<button key=${group} type="button" class="chip" aria-pressed=${String(!off.has(group))} onClick=${() => toggle(group)}><i class=${`dot g-${group}`}></i>${group} <b>${counts.get(group)}</b></button>`,
          )}
        </div>
      </div>
      <div class="rows" ref=${list} tabindex="0" role="region" aria-label="List of events" onScroll=${scrolled}>
        ${found.length > SHOWN && html`<p class="none">${found.length - SHOWN} earlier ones are not shown: filter, or copy them all.</p>`}
        ${events.length === 0 && html`<p class="none">Events appear here as they happen.</p>`}
        <table>
          <tbody>${found.slice(-SHOWN).map((event) => html`<${Row} key=${event.id} event=${event} history=${history} jump=${jump} />`)}</tbody>
        </table>
      </div>
    </section>
  `;
}
