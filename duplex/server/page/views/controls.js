// What can be done beside calling: mute, choose devices, keep the recording. And what went wrong.

import { speakersCanBeChosen } from "../call/microphone.js";
import { Icon } from "./icons.js";
import { html, useEffect, useRef, useState } from "./html.js";

export function Mute({ phone }) {
  const off = phone.muted || phone.voiceless;
  const name = phone.voiceless ? "No microphone" : "Mute";
  return html`
    <button
      id="mute"
      type="button"
      class="pill"
      aria-pressed=${String(off)}
      aria-keyshortcuts="m"
      disabled=${phone.voiceless || !phone.busy}
      onClick=${() => phone.mute()}
    >
      <${Icon} name=${off ? "muted" : "mic"} /><span>${phone.muted ? "Muted" : name}</span>
    </button>
  `;
}

const Choice = ({ phone, kind, label }) => html`
  <label>
    <span>${label}</span>
    <select
      value=${phone.devices[kind].some(({ id }) => id === phone.chosen[kind]) ? phone.chosen[kind] : phone.devices[kind][0]?.id}
      onChange=${(event) => phone.choose(kind, event.target.value)}
    >
      ${phone.devices[kind].map(({ id, name }) => html`<option key=${id} value=${id}>${name}</option>`)}
    </select>
  </label>
`;

/** A small panel under its button; it closes by Escape, by its button and by a click elsewhere. */
export function Devices({ phone }) {
  const [open, setOpen] = useState(false);
  const root = useRef(null);
  const button = useRef(null);
  useEffect(() => {
    if (!open) return;
    const leave = (event) => root.current.contains(event.target) || setOpen(false);
    addEventListener("pointerdown", leave);
    return () => removeEventListener("pointerdown", leave);
  }, [open]);
  const escape = (event) => {
    if (event.key !== "Escape" || !open) return;
    event.stopPropagation();
    setOpen(false);
    button.current.focus();
  };
  const { audioinput, audiooutput } = phone.devices;
  return html`
    <div class="devices" ref=${root} onKeyDown=${escape}>
      <button
        id="devices"
        ref=${button}
        type="button"
        class="pill"
        aria-expanded=${String(open)}
        aria-controls="device-panel"
        onClick=${() => setOpen(!open)}
      >
        <${Icon} name="devices" /><span>Devices</span>
      </button>
      <div id="device-panel" class="panel" role="group" aria-label="Devices" hidden=${!open}>
        ${audioinput.length > 0
          ? html`<${Choice} phone=${phone} kind="audioinput" label="Microphone" />`
          : html`<p>The microphones are listed once this page may use one: call first.</p>`}
        ${audiooutput.length > 0 &&
        speakersCanBeChosen() &&
        html`<${Choice} phone=${phone} kind="audiooutput" label="Speaker" />`}
      </div>
    </div>
  `;
}

export const Recording = ({ recording }) =>
  recording &&
  html`
    <a id="recording" class="pill" href=${recording.url} download=${recording.name}>
      <${Icon} name="download" /><span>Recording</span>
    </a>
  `;

/** Seconds until `time` on the page's clock, counted down; 0 when it is past. */
const secondsTo = (time) => (time === null ? 0 : Math.max(0, Math.ceil((time - performance.now()) / 1000)));

export function Problem({ phone }) {
  const { problem, retryAt } = phone;
  const box = useRef(null);
  useEffect(() => box.current?.scrollIntoView({ block: "nearest" }), [problem]);
  if (!problem) return null;
  const seconds = secondsTo(retryAt);
  return html`
    <div id="problem" ref=${box} role="alert">
      <${Icon} name="alert" />
      <div>
        <strong>${problem.message}</strong>
        <p>${problem.help}</p>
        ${problem.retryAfter !== null &&
        problem.kind === "busy" &&
        html`<p class="retry" aria-live="off">${seconds ? `Try again in ${seconds} s.` : "You can try again now."}</p>`}
        ${phone.couldType &&
        html`<button type="button" class="pill" onClick=${() => phone.dial({ voiceless: true })}>
          Call without a microphone: type and listen
        </button>`}
      </div>
    </div>
  `;
}
