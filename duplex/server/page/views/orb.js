// The circle: the call button, and who speaks. The disc is the agent, the ring around it is the caller.

import { Icon } from "./icons.js";
import { html, surface, useEffect, useFrames, useRef } from "./html.js";
import { palette } from "./palette.js";

const BARS = 84;
const BINS = 256;
const LOWEST = 3;
const SPAN = 64;
const LIMIT_MS = 30_000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const LABELS = { idle: "Call", connecting: "Cancel", live: "Hang up", lost: "Hang up" };

/** Follows a level quickly up and slowly down, as the eye expects of a voice. */
const follow = (was, is) => was + (is - was) * (is > was ? 0.45 : 0.12);

class Painter {
  user = 0;
  agent = 0;
  #bars = new Float32Array(BARS);
  #bins = new Uint8Array(BINS);

  constructor(canvas, phone) {
    this.canvas = canvas;
    this.phone = phone;
  }

  paint(now) {
    const { canvas, phone } = this;
    const { pen, width, height } = surface(canvas);
    pen.translate(width / 2, height / 2);
    const radius = canvas.parentElement.querySelector("button").offsetWidth / 2;
    const live = phone.state === "live";
    this.user = follow(this.user, live && !phone.muted ? phone.sound.level("user") : 0);
    this.agent = follow(this.agent, live ? phone.sound.level("agent") : 0);
    const colours = palette();
    if (phone.state === "connecting") this.#wait(pen, radius + 16, now, colours.agent);
    else if (phone.state === "lost") this.#lost(pen, radius + 16, colours);
    else if (live) this.#voices(pen, radius, now, colours);
  }

  #voices(pen, radius, now, colours) {
    if (calm.matches) {
      this.#ring(pen, radius + 8, colours.agent, this.agent > 0.15);
      this.#ring(pen, radius + 20, colours.voice, this.user > 0.15);
      return;
    }
    this.#halo(pen, radius, now, colours.agent);
    this.#bar(pen, radius + 16, colours);
  }

  #ring(pen, radius, colour, on) {
    pen.globalAlpha = on ? 1 : 0;
    pen.strokeStyle = colour;
    pen.lineWidth = 6;
    pen.beginPath();
    pen.arc(0, 0, radius, 0, 2 * Math.PI);
    pen.stroke();
    pen.globalAlpha = 1;
  }

  /** The agent's voice: soft contours that swell from behind the disc. */
  #halo(pen, radius, now, colour) {
    pen.fillStyle = colour;
    for (const [layer, alpha] of [[1, 0.1], [0.66, 0.13], [0.33, 0.16]]) {
      const swell = 5 + this.agent * layer * radius * 0.44;
      pen.globalAlpha = alpha * Math.min(1, 0.35 + this.agent * 1.6);
      pen.beginPath();
      for (let step = 0; step < 180; step += 1) {
        const angle = (step / 180) * 2 * Math.PI;
        const wave = Math.sin(angle * 4 + now / 800 + layer * 5) + Math.sin(angle * 7 - now / 1100 + layer * 2) * 0.6;
        const reach = radius + swell * (1 + wave * 0.085);
        pen.lineTo(Math.cos(angle) * reach, Math.sin(angle) * reach);
      }
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  /** The caller's voice: its spectrum, mirrored, as bars around the disc. */
  #bar(pen, radius, colours) {
    this.phone.sound.spectrum("user", this.#bins);
    const loud = this.phone.muted ? 0 : Math.min(1, this.user * 1.5);
    pen.lineCap = "round";
    pen.lineWidth = 3;
    for (let bar = 0; bar < BARS; bar += 1) {
      const mirrored = bar < BARS / 2 ? bar : BARS - 1 - bar;
      const bin = LOWEST + Math.floor(((mirrored * 2) / BARS) ** 1.4 * SPAN);
      const wanted = loud * (this.#bins[bin] / 255) ** 1.3;
      this.#bars[bar] = follow(this.#bars[bar], wanted);
      const length = this.#bars[bar] * radius * 0.36;
      const angle = Math.PI / 2 + ((bar + 0.5) / BARS) * 2 * Math.PI;
      const [x, y] = [Math.cos(angle), Math.sin(angle)];
      pen.strokeStyle = length > 0.8 ? colours.voice : colours.dots;
      pen.beginPath();
      pen.moveTo(x * radius, y * radius);
      pen.lineTo(x * (radius + length + 0.01), y * (radius + length + 0.01));
      pen.stroke();
    }
  }

  #wait(pen, radius, now, colour) {
    const turn = calm.matches ? 0 : (now / 900) * 2 * Math.PI;
    pen.strokeStyle = colour;
    pen.lineWidth = 3;
    pen.lineCap = "round";
    pen.beginPath();
    pen.arc(0, 0, radius, turn, turn + Math.PI * (calm.matches ? 2 : 0.6));
    pen.stroke();
  }

  #lost(pen, radius, colours) {
    pen.lineWidth = 3;
    pen.lineCap = "round";
    pen.strokeStyle = colours.line;
    pen.beginPath();
    pen.arc(0, 0, radius, 0, 2 * Math.PI);
    pen.stroke();
    pen.strokeStyle = colours.voice;
    pen.beginPath();
    pen.arc(0, 0, radius, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * ((this.phone.left ?? 0) / LIMIT_MS));
    pen.stroke();
  }
}

export function Orb({ phone }) {
  const canvas = useRef(null);
  const painter = useRef(null);
  useEffect(() => {
    painter.current = new Painter(canvas.current, phone);
    painter.current.paint(performance.now());
  }, [phone]);
  useFrames((now) => painter.current?.paint(now), phone.busy);
  useEffect(() => painter.current?.paint(performance.now()), [phone.state]);
  return html`
    <div class="orb" data-state=${phone.state}>
      <canvas ref=${canvas} aria-hidden="true"></canvas>
      <button id="call" class="disc" type="button" aria-describedby="status" onClick=${() => phone.toggle()}>
        <${Icon} name="phone" />
        <span>${LABELS[phone.state]}</span>
      </button>
    </div>
  `;
}
