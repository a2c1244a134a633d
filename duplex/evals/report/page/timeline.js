// Both channels of a scenario on one axis, with what the agent decided and when. Click to hear it from there.

const LANES = { ruler: 20, user: 78, text: 34, marks: 44, agent: 78, tool: 20 };
const FLOOR = 2; // of 255: -42 dBFS and below is drawn as silence
const KINDS = {
  Eager: "perhaps over", Resumed: "the user went on", eot_decision: "turn is over", Discarded: "prepared reply dropped",
  Duck: "lowered: voices overlap", Unduck: "raised again", Yield: "yields", playout_flush: "rest of the reply dropped",
};

function bytes(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

class Timeline {
  /** `timeline` is a scenario's; `rate` its peaks a second; `seek(seconds)` is called with where somebody clicked. */
  constructor(timeline, rate, seek) {
    Object.assign(this, { data: timeline, rate, seek, zoomed: 1 });
    this.peaks = { user: bytes(timeline.peaks.user), agent: bytes(timeline.peaks.agent) };
    this.tops = this.layout();
    this.playhead = h("div", { class: "playhead" });
    this.inner = h("div", { class: "inner" });
    this.stage = h("div", { class: "stage", tabindex: "0", role: "slider", "aria-label": "Position in the scenario", "aria-valuemin": "0", "aria-valuemax": timeline.duration, "aria-valuenow": "0" }, this.inner);
    this.stage.addEventListener("click", (event) => this.seek((event.clientX - this.inner.getBoundingClientRect().left) / this.scale));
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.stage);
  }

  close() {
    this.watcher.disconnect();
  }

  layout() {
    const { ruler, user, text, marks, agent, tool } = LANES;
    const rows = this.data.tools.length ? Math.min(6, this.data.tools.length) : 0;
    const top = { user: ruler, userText: ruler + user, marks: ruler + user + text };
    top.agent = top.marks + marks;
    top.agentText = top.agent + agent;
    top.tools = top.agentText + text;
    this.rows = rows;
    this.height = top.tools + rows * tool + (rows ? 8 : 0);
    return top;
  }

  zoom(factor) {
    const middle = (this.stage.scrollLeft + this.stage.clientWidth / 2) / this.scale;
    this.zoomed = factor === 0 ? 1 : Math.min(32, Math.max(1, this.zoomed * factor));
    this.draw();
    this.stage.scrollLeft = middle * this.scale - this.stage.clientWidth / 2;
  }

  draw() {
    const width = this.stage.clientWidth;
    if (!width || (width === this.drawnWidth && this.zoomed === this.drawnZoom)) return;
    [this.drawnWidth, this.drawnZoom] = [width, this.zoomed];
    const full = Math.floor(width * this.zoomed);
    this.scale = full / this.data.duration;
    const svg = s("svg", { width: full, height: this.height, class: "timeline", "aria-hidden": "true" });
    svg.append(this.ruler(full), this.userLane(), this.agentLane(), this.gapLane(), this.markLane(), this.toolLane());
    this.inner.style.width = `${full}px`;
    this.inner.style.height = `${this.height}px`;
    this.inner.replaceChildren(svg, this.playhead);
    this.move(this.now || 0);
  }

  x(seconds) {
    return seconds * this.scale;
  }

  ruler(width) {
    const group = s("g", { class: "ruler" });
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120].find((each) => each * this.scale >= 52) || 300;
    for (let at = 0; at <= this.data.duration; at += step) {
      const x = Math.round(this.x(at)) + 0.5;
      group.append(s("line", { x1: x, x2: x, y1: 0, y2: this.height }), s("text", { x: x + 3, y: 12 }, `${Number(at.toFixed(1))}`));
    }
    group.append(s("line", { class: "base", x1: 0, x2: width, y1: this.tops.user + LANES.user / 2, y2: this.tops.user + LANES.user / 2 }));
    group.append(s("line", { class: "base", x1: 0, x2: width, y1: this.tops.agent + LANES.agent / 2, y2: this.tops.agent + LANES.agent / 2 }));
    return group;
  }

  wave(side, top, height) {
    const peaks = this.peaks[side];
    const middle = top + height / 2;
    const bar = 2;
    let path = "";
    for (let x = 0; x < this.scale * this.data.duration; x += bar) {
      const from = Math.floor((x / this.scale) * this.rate);
      const to = Math.max(from + 1, Math.ceil(((x + bar) / this.scale) * this.rate));
      let loudest = 0;
      for (let at = from; at < to && at < peaks.length; at += 1) loudest = Math.max(loudest, peaks[at]);
      const half = Math.sqrt(loudest / 255) * (height / 2 - 3);
      if (loudest > FLOOR && half > 0.6) path += `M${x + 0.5} ${(middle - half).toFixed(1)}v${(2 * half).toFixed(1)}`;
    }
    return s("path", { class: `wave ${side}`, d: path });
  }

  userLane() {
    const group = s("g", {});
    const { user: top, userText } = this.tops;
    for (const item of this.data.items) {
      const spans = item.speech.length ? item.speech : [[item.start, item.end]];
      for (const [start, end] of spans) {
        const said = tipped(`${item.id}: ${words(item.kind)}`, `${start.toFixed(2)} to ${end.toFixed(2)} s (true)`, ...(item.text ? [item.text] : []));
        group.append(s("rect", { class: `truth ${item.kind} to-${item.to}`, x: this.x(start), width: Math.max(1, this.x(end - start)), y: top, height: LANES.user, rx: 3, ...said }));
      }
      const last = spans.at(-1)[1];
      const width = Math.max(30, this.x(last - spans[0][0]));
      group.append(this.caption(spans[0][0], userText, width, item.text || words(item.kind), item.text ? "user" : "user kind"));
    }
    group.append(this.wave("user", top, LANES.user));
    return group;
  }

  agentLane() {
    const group = s("g", {});
    const { agent: top, agentText } = this.tops;
    for (const [start, end] of this.data.spans) group.append(s("rect", { class: "voice", x: this.x(start), width: Math.max(1, this.x(end - start)), y: top, height: LANES.agent, rx: 3 }));
    this.data.responses.forEach((reply, place) => {
      const text = reply.words.map(([word]) => word).join(" ");
      if (!text) return;
      const next = this.data.responses[place + 1]?.start ?? this.data.duration;
      const end = Math.max(reply.words.at(-1)[2], Math.min(next, reply.start + 3));
      group.append(this.caption(reply.start, agentText, this.x(end - reply.start), reply.cut ? `${text} ✕` : text, reply.cut ? "agent cut" : "agent"));
    });
    group.append(this.wave("agent", top, LANES.agent));
    return group;
  }

  caption(start, top, width, text, className) {
    const box = s("foreignObject", { x: this.x(start), y: top, width: Math.max(1, width), height: LANES.text });
    box.append(h("div", { class: `caption ${className}`, title: text }, text));
    return box;
  }

  /** From the end of the user's turn to the agent's first sound. */
  gapLane() {
    const group = s("g", { class: "gaps" });
    const y = this.tops.marks + LANES.marks - 4;
    for (const [end, onset] of this.data.gaps) {
      const [from, to] = [this.x(end), this.x(onset)];
      group.append(s("path", { d: `M${from} ${this.tops.user + LANES.user}V${y}H${to}V${this.tops.agent + 12}` }));
      group.append(s("text", { x: (from + to) / 2, y: y + 13, "text-anchor": "middle" }, `${Math.round((onset - end) * 1000)} ms`));
    }
    return group;
  }

  markLane() {
    const group = s("g", {});
    const y = this.tops.marks + 14;
    let before = -99;
    for (const mark of this.data.marks) {
      const x = this.x(mark.t);
      const lift = x - before < 11 ? 8 : 0;
      before = x;
      const told = tipped(`${KINDS[mark.kind]}${mark.reason ? ` (${mark.reason})` : ""}`, `${mark.t.toFixed(3)} s${mark.p === null ? "" : `, P(end) ${mark.p}`}`);
      const big = mark.kind === "eot_decision" || mark.kind === "Yield";
      if (big) group.append(s("line", { class: `drop ${mark.kind}`, x1: x, x2: x, y1: this.tops.user, y2: this.tops.agent + LANES.agent }));
      group.append(s("g", { class: `decision ${mark.kind}`, transform: `translate(${x.toFixed(1)} ${y - lift})`, ...told }, s("rect", { class: "hit", x: -8, y: -9, width: 16, height: 18 }), s("path", { d: Timeline.shapes[mark.kind] })));
    }
    return group;
  }

  toolLane() {
    const group = s("g", {});
    this.data.tools.forEach((tool, place) => {
      const top = this.tops.tools + (place % this.rows) * LANES.tool;
      const width = Math.max(4, this.x(tool.end - tool.start));
      const kept = tool.committed === null ? "not used" : `committed at ${tool.committed.toFixed(2)} s`;
      const told = tipped(`${tool.name}: ${tool.query}`, `${tool.start.toFixed(2)} to ${tool.end.toFixed(2)} s, ${tool.state}, ${kept}`);
      group.append(s("rect", { class: `call ${tool.state}${tool.committed === null ? "" : " committed"}`, x: this.x(tool.start), y: top + 3, width, height: 13, rx: 3, ...told }));
      const text = s("foreignObject", { x: this.x(tool.start) + width + 4, y: top + 1, width: Math.max(1, this.x(this.data.duration - tool.end) - 6), height: 17, "pointer-events": "none" });
      text.append(h("div", { class: "caption call-text" }, `${tool.name} ${tool.query}`));
      group.append(text);
    });
    return group;
  }

  /** The playhead to where it is heard. */
  move(seconds, follow = false) {
    this.now = seconds;
    if (!this.scale) return;
    const x = this.x(seconds);
    this.playhead.style.transform = `translateX(${x}px)`;
    this.stage.setAttribute("aria-valuenow", seconds.toFixed(1));
    this.stage.setAttribute("aria-valuetext", `${seconds.toFixed(1)} of ${this.data.duration.toFixed(1)} seconds`);
    const at = x - this.stage.scrollLeft;
    if (follow && (at < 0 || at > this.stage.clientWidth * 0.92)) this.stage.scrollLeft = x - this.stage.clientWidth * 0.15;
  }
}

Timeline.shapes = {
  Eager: "M0-5a5 5 0 1 0 .01 0z",
  Resumed: "M-4-4L4 4M4-4L-4 4",
  Discarded: "M-4-4L4 4M4-4L-4 4",
  eot_decision: "M0-6L6 0L0 6L-6 0z",
  Duck: "M-5-3H5L0 5z",
  Unduck: "M-5 3H5L0-5z",
  Yield: "M-5-5H5V5H-5z",
  playout_flush: "M-2-5V5M2-5V5",
};
