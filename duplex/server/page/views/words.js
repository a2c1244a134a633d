// What was said, as it is said: pale while it may change or was not heard yet. And a line to type on.

import { Icon } from "./icons.js";
import { html, useEnd, useRef, useState } from "./html.js";

/** "knowledge/lake-baikal.md" to "Lake baikal". */
function named(source) {
  const name = source.split("/").at(-1).replace(/\.(md|txt|pdf|html?)$/i, "").replace(/[-_]+/g, " ");
  return name.charAt(0).toUpperCase() + name.slice(1);
}

const Sources = ({ sources }) => html`
  <ul class="sources" aria-label="Sources">
    ${sources.map((source) => html`<li title=${source}><${Icon} name="source" /><span>${named(source)}</span></li>`)}
  </ul>
`;

function Line({ line, title }) {
  if (line.who === "note") return html`<li class="note">${line.sure}</li>`;
  // What is unsure changes many times a second: a screen reader is told the line when it is done.
  return html`
    <li class=${`line ${line.who}`} data-done=${line.done} aria-hidden=${line.done ? null : "true"}>
      <span class="who">${line.who === "user" ? "You" : title || "Agent"}${line.typed && html`<i> typed</i>`}</span>
      <p dir="auto">
        <span class="sure">${line.sure}</span>${line.sure && line.unsure ? " " : ""}${
          line.unsure && html`<span class=${line.cut ? "unheard" : "unsure"}>${line.unsure}</span>`
        }
      </p>
      ${line.cut && html`<span class="cut">interrupted</span>`}
      ${line.sources.length > 0 && html`<${Sources} sources=${line.sources} />`}
    </li>
  `;
}

export function Words({ phone }) {
  const list = useRef(null);
  const scrolled = useEnd(list);
  const { lines } = phone.history.transcript;
  return html`
    <section class="words" aria-label="Conversation">
      <ol id="transcript" ref=${list} role="log" aria-live="polite" aria-label="Transcript" tabindex="0" onScroll=${scrolled}>
        ${lines.length === 0 && html`<li class="quiet">What is said appears here.</li>`}
        ${lines.map((line) => html`<${Line} key=${line.id} line=${line} title=${phone.title} />`)}
      </ol>
      ${phone.busy && html`<${Composer} phone=${phone} />`}
    </section>
  `;
}

function Composer({ phone }) {
  const [text, setText] = useState("");
  const send = (event) => {
    event.preventDefault();
    if (phone.say(text)) setText("");
  };
  return html`
    <form class="composer" onSubmit=${send}>
      <input
        type="text"
        aria-label="Type a message"
        placeholder="Or type a message"
        autocomplete="off"
        maxlength="4000"
        enterkeyhint="send"
        value=${text}
        onInput=${(event) => setText(event.target.value)}
      />
      <button type="submit" class="round" aria-label="Send" disabled=${phone.state !== "live" || !text.trim()}>
        <${Icon} name="send" />
      </button>
    </form>
  `;
}
