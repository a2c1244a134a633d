// Both sides' waveforms: live while a call is on, to be scrolled and zoomed by wheel, touch, buttons and keys.

import { Axis } from "./axis.js";
import { html, surface, useEffect, useFrames, useRef, useState } from "./html.js";
import { palette } from "./palette.js";
import { HEIGHT, nameOf, paint, paintOverview, scene } from "./wave-paint.js";

const NEAR_PX = 9;
const SCENE_MS = 80;
const counted = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;

/** What is drawn and how it is moved; lives as long as the component. */
class Plot {
  axis = new Axis();
  #pinch = new Map();
  #looked = -Infinity;

  constructor(phone, main, overview, moved) {
    Object.assign(this, { phone, main, overview, moved });
  }

  get end() {
    const { history } = this.phone;
    return Math.max(history.peaks.duration, 1);
  }

  draw() {
    const { history, title } = this.phone;
    this.axis.grow(this.end);
    if (performance.now() - this.#looked > SCENE_MS || !this.phone.busy) {
      this.#looked = performance.now();
      this.drawn = scene(history, this.end);
    }
    const colours = palette();
    paint(surface(this.main), this.axis, { peaks: history.peaks, title }, this.drawn, colours);
    paintOverview(surface(this.overview), this.axis, history.peaks, this.drawn.marks, this.end, colours);
  }

  /** Change the axis by `act`, and show it. */
  move(act) {
    act(this.axis);
    this.draw();
    this.moved();
  }

  share({ clientX }) {
    const { left, width } = this.main.getBoundingClientRect();
    return (clientX - left) / width;
  }

  /** What stands under the pointer, in words. */
  readout(event) {
    const ms = this.axis.from + this.share(event) * this.axis.span;
    const near = (NEAR_PX / this.main.clientWidth) * this.axis.span;
    const mark = this.drawn?.marks.findLast(({ at }) => Math.abs(at - ms) < near);
    return `${(ms / 1000).toFixed(2)} s${mark ? ` · ${nameOf(mark)}` : ""}`;
  }

  wheel(event) {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (event.ctrlKey || event.metaKey) this.move((axis) => axis.zoom(Math.exp(-event.deltaY / 250), this.share(event)));
    else if (Math.abs(sideways) > 0 && Math.abs(sideways) >= Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      this.move((axis) => axis.scroll(sideways / this.main.clientWidth));
    } else return; // the page scrolls
    event.preventDefault();
  }

  down(event) {
    this.main.setPointerCapture(event.pointerId);
    this.#pinch.set(event.pointerId, this.share(event));
  }

  drag(event) {
    if (!this.#pinch.has(event.pointerId)) return;
    const before = [...this.#pinch.values()];
    this.#pinch.set(event.pointerId, this.share(event));
    const after = [...this.#pinch.values()];
    if (after.length === 1) this.move((axis) => axis.scroll(before[0] - after[0]));
    if (after.length !== 2) return;
    const apart = ([one, other]) => Math.max(0.02, Math.abs(one - other));
    this.move((axis) => axis.zoom(apart(after) / apart(before), (after[0] + after[1]) / 2));
  }

  up(event) {
    this.#pinch.delete(event.pointerId);
  }

  pan(event) {
    if (event.type === "pointermove" && !event.buttons) return;
    const { left, width } = this.overview.getBoundingClientRect();
    this.move((axis) => axis.centre(((event.clientX - left) / width) * this.end));
  }

  key(event) {
    const keys = {
      ArrowLeft: (axis) => axis.scroll(-0.1),
      ArrowRight: (axis) => axis.scroll(0.1),
      PageUp: (axis) => axis.scroll(-0.9),
      PageDown: (axis) => axis.scroll(0.9),
      Home: (axis) => axis.show(0),
      End: (axis) => axis.scroll(1e6),
      "+": (axis) => axis.zoom(1.5),
      "=": (axis) => axis.zoom(1.5),
      "-": (axis) => axis.zoom(1 / 1.5),
      0: (axis) => axis.fit(),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.move(keys[event.key]);
  }
}

const LEGEND = [
  ["Eager", "perhaps over"],
  ["Commit", "end of turn"],
  ["Commit timeout", "by waiting"],
  ["Resumed", "dropped"],
  ["Yield", "interruption"],
  ["Backchannel", "backchannel"],
];

const Legend = () => html`
  <ul class="legend" aria-hidden="true">
    ${LEGEND.map(([kind, words]) => html`<li><i class=${`mark ${kind}`}></i>${words}</li>`)}
    <li><i class="gap-sign"></i>voice end to first sound</li>
  </ul>
`;

/** `jump` is a ref that is given a function: show this page time. */
export function Wave({ phone, jump }) {
  const main = useRef(null);
  const overview = useRef(null);
  const plot = useRef(null);
  const [, moved] = useState(0);
  const [under, setUnder] = useState("");
  useEffect(() => {
    const made = (plot.current = new Plot(phone, main.current, overview.current, () => moved((count) => count + 1)));
    jump.current = (pageTime) => made.move((axis) => axis.show(phone.history.axis(pageTime) ?? 0));
    const redraw = () => made.draw();
    const wheel = (event) => made.wheel(event);
    const size = new ResizeObserver(redraw);
    size.observe(main.current);
    main.current.addEventListener("wheel", wheel, { passive: false });
    addEventListener("themechange", redraw);
    redraw();
    return () => {
      size.disconnect();
      removeEventListener("themechange", redraw);
    };
  }, [phone]);
  useEffect(() => {
    plot.current.axis = new Axis();
    plot.current.draw();
  }, [phone.history]);
  useFrames(() => plot.current?.draw(), phone.busy);
  const act = (name) => (event) => plot.current?.[name](event);
  const zoom = (factor) => () => plot.current?.move((axis) => axis.zoom(factor));
  const { session } = phone.history;
  const count = (kind) => session.marks.filter((mark) => mark.kind === kind).length;
  const seconds = (phone.history.peaks.duration / 1000).toFixed(0);
  const label = `Waveforms of both sides, ${seconds} seconds: ${counted(session.turns.length, "turn")}, ${counted(count("Yield"), "interruption")}, ${counted(count("Backchannel"), "backchannel")}`;
  return html`
    <section class="card wave" aria-labelledby="wave-title">
      <div class="bar">
        <h2 id="wave-title">Voices</h2>
        <output aria-live="off">${under}</output>
        <div class="tools" role="group" aria-label="Zoom">
          <button type="button" aria-label="Zoom out" onClick=${zoom(1 / 1.5)}>−</button>
          <button type="button" aria-label="Zoom in" onClick=${zoom(1.5)}>+</button>
          <button type="button" onClick=${() => plot.current?.move((axis) => axis.fit())}>Fit</button>
          <button type="button" aria-pressed=${String(plot.current?.axis.follow ?? true)} onClick=${() => plot.current?.move((axis) => axis.scroll(1e6))}>Live</button>
        </div>
      </div>
      <div class="plot" tabindex="0" role="group" aria-label=${label} aria-describedby="wave-help" onKeyDown=${act("key")}>
        <canvas
          ref=${main}
          class="waves"
          height=${HEIGHT}
          aria-hidden="true"
          onPointerDown=${act("down")}
          onPointerMove=${(event) => {
            plot.current?.drag(event);
            setUnder(plot.current?.readout(event) ?? "");
          }}
          onPointerUp=${act("up")}
          onPointerCancel=${act("up")}
          onPointerLeave=${() => setUnder("")}
        ></canvas>
      </div>
      <canvas ref=${overview} class="overview" aria-hidden="true" onPointerDown=${act("pan")} onPointerMove=${act("pan")}></canvas>
      <${Legend} />
      <p id="wave-help" class="unseen">Arrow keys scroll, plus and minus zoom, 0 shows all, End follows the call. The same stands in the lists below.</p>
    </section>
  `;
}
