// The call: the circle, how it stands, what was said.

import { Devices, Mute, Problem, Recording } from "./controls.js";
import { clockTime, html, useWatched } from "./html.js";
import { Orb } from "./orb.js";
import { Words } from "./words.js";

/** How the call stands, in a few words. */
export function statusOf(phone) {
  if (phone.state === "connecting") return "Connecting…";
  if (phone.state === "lost") return "Connection lost. Trying to get it back…";
  if (phone.state === "idle") {
    if (phone.server === "loading") return "The agent is getting ready…";
    if (phone.server === "gone") return "The server does not answer. Trying again…";
    return phone.ended === null ? "Press to talk" : `The call has ended after ${clockTime(phone.seconds)}`;
  }
  if (phone.speaking.agent) return phone.speaking.user ? "You interrupt" : "Speaking";
  if (phone.muted) return "You are muted";
  if (phone.voiceless) return "Waiting for your message";
  return phone.speaking.user ? "Listening to you" : "Listening";
}

/** What a screen reader says unasked: not who speaks, which is heard anyway. */
export function announcementOf(phone) {
  if (phone.state !== "live") return statusOf(phone);
  return phone.muted ? "You are muted" : phone.voiceless ? "Connected without a microphone" : "Connected";
}

function hintOf(phone) {
  if (phone.state === "lost") return `${Math.ceil((phone.left ?? 0) / 1000)} s left`;
  if (phone.state === "idle" && phone.ended === null && phone.server === "ready") return "Speak as you would to a person. You can interrupt at any time.";
  return "";
}

export function CallView({ phone }) {
  useWatched(phone, phone.state === "lost" || phone.retryAt !== null ? 500 : 0);
  const talked = phone.busy || phone.history.transcript.lines.length > 0;
  return html`
    <main class="call-view" data-state=${phone.state} data-talked=${talked} data-speaks=${phone.speaking.agent ? "agent" : phone.speaking.user ? "user" : ""}>
      <section class="stage" aria-label="Call">
        <${Orb} phone=${phone} />
        <p id="status">${statusOf(phone)}</p>
        <p class="unseen" role="status">${announcementOf(phone)}</p>
        <p class="hint" data-left=${phone.left === null ? null : ""}>${hintOf(phone)}</p>
        <div class="controls" role="group" aria-label="Controls">
          ${phone.busy && html`<${Mute} phone=${phone} />`}
          <${Devices} phone=${phone} />
          <${Recording} recording=${phone.recording} />
        </div>
        <${Problem} phone=${phone} />
      </section>
      ${talked && html`<${Words} phone=${phone} />`}
    </main>
  `;
}
