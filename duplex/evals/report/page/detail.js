// One scenario: its sound in place, its timeline, figures, expectations, and what happened.

const STATUS = { error: "failed to run", failed: "failed", passed: "passed", missed: "missed", done: "not judged" };

function statusOf(scenario) {
  if (scenario.error) return "error";
  if (scenario.missed.length) return "missed";
  if (scenario.verdict === null) return "done";
  return scenario.verdict ? "passed" : "failed";
}

class Detail {
  constructor(data, audio) {
    Object.assign(this, { data, audio, place: by("detail"), timeline: null });
    audio.addEventListener("play", () => this.tick());
    for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, () => this.shown());
    audio.addEventListener("timeupdate", () => this.moved(false));
    audio.addEventListener("seeked", () => this.moved(true));
    audio.addEventListener("error", () => audio.getAttribute("src") && this.say("Its sound cannot be played: the scenario’s folder must lie beside this file."));
  }

  show(scenario) {
    this.timeline?.close();
    this.audio.pause();
    this.timeline = null;
    this.scenario = scenario;
    const status = statusOf(scenario);
    this.place.replaceChildren(
      h("header", {},
        h("p", { class: "aside" }, h("span", { class: `badge ${status}` }, STATUS[status]), words(scenario.task), scenario.late ? ` · ${scenario.late} late frames` : ""),
        h("h3", {}, scenario.id), scenario.title ? h("p", { class: "sub" }, scenario.title) : null),
      ...(scenario.error ? [h("p", { class: "problem" }, scenario.error)] : []),
      ...(scenario.missed.length ? [h("p", { class: "problem" }, `Never came: ${scenario.missed.join(", ")}`)] : []),
      ...(scenario.timeline ? this.player(scenario) : []),
      h("div", { class: "columns" }, ...this.tables(scenario)),
      ...(scenario.timeline ? [this.events(scenario.timeline.events)] : []),
    );
    this.timeline?.draw();
    this.shown();
  }

  player(scenario) {
    const { timeline } = scenario;
    this.timeline = new Timeline(timeline, this.data.rate, (seconds) => this.seek(seconds, true));
    this.now = h("output", { class: "now" }, clock(0));
    this.button = h("button", { type: "button", class: "play", onclick: () => this.toggle(), "aria-label": "Play" });
    this.notice = h("p", { class: "problem", role: "status", hidden: true });
    if (timeline.audio) this.audio.src = `${encodeURIComponent(scenario.folder)}/dialogue.wav`;
    else this.audio.removeAttribute("src");
    const zoom = (label, name, factor) => h("button", { type: "button", "aria-label": name, onclick: () => this.timeline.zoom(factor) }, label);
    const bar = h("div", { class: "player" },
      ...(timeline.audio ? [this.button, this.now, h("span", { class: "aside" }, `of ${clock(timeline.duration)} · user left, agent right`)] : [h("span", { class: "aside" }, "no sound in this lane")]),
      h("span", { class: "tools", role: "group", "aria-label": "Zoom" }, zoom("−", "Zoom out", 0.5), zoom("+", "Zoom in", 2), zoom("Fit", "Fit", 0)));
    return [bar, this.notice, h("div", { class: "lanes" }, this.labels(), this.timeline.stage), this.legend(timeline)];
  }

  labels() {
    const { tops, rows } = this.timeline;
    const label = (text, top) => h("span", { style: { top: `${top}px` } }, text);
    return h("div", { class: "labels", "aria-hidden": "true", style: { height: `${this.timeline.height}px` } },
      label("user", tops.user + LANES.user / 2 - 9), label("floor", tops.marks + 5), label("agent", tops.agent + LANES.agent / 2 - 9), rows ? label("tools", tops.tools + 1) : null);
  }

  legend(timeline) {
    const kinds = [...new Set(timeline.marks.map((each) => each.kind))];
    const icon = (kind) => s("svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", class: `decision ${kind}` }, s("path", { d: Timeline.shapes[kind] }));
    const swatch = (kind, text) => h("li", {}, h("i", { class: `swatch ${kind}` }), text);
    return h("ul", { class: "legend" },
      swatch("truth", "user, by the scenario"), swatch("voice", "agent audible"),
      timeline.gaps.length ? swatch("gap", "end of turn to first sound") : null,
      ...kinds.map((kind) => h("li", {}, icon(kind), KINDS[kind])),
      timeline.tools.some((each) => each.committed !== null) ? swatch("call committed", "tool, its answer used") : null,
      timeline.tools.some((each) => each.committed === null) ? swatch("call done", "tool, not used") : null);
  }

  tables(scenario) {
    const { meanings } = this.data;
    const expect = scenario.expect.map((each) =>
      h("tr", {}, h("td", { class: each.ok === null ? "unknown" : each.ok ? "yes" : "no" }, each.ok === null ? "·" : each.ok ? "✓" : "✗"),
        h("th", { scope: "row" }, each.behaviour ? words(each.behaviour) : meanings[each.metric]?.label || each.metric, h("small", {}, [each.behaviour && each.metric, each.note].filter(Boolean).join(" · "))),
        h("td", { class: "value" }, typeof each.value === "boolean" ? (each.value ? "yes" : "no") : figure(each.value, meanings[each.metric]?.unit || "number"))));
    const metrics = Object.entries(scenario.metrics).filter(([name]) => name !== "late_frames" && name !== "missed_items").map(([name, value]) =>
      h("tr", {}, h("th", { scope: "row" }, meanings[name].label, h("small", {}, name)), h("td", { class: "value" }, figure(value, meanings[name].unit))));
    const table = (title, rows) => h("div", {}, h("h4", {}, title), h("table", {}, h("tbody", {}, ...rows)));
    const said = (scenario.timeline?.heard || []).map(([at, text]) => h("tr", {}, h("td", { class: "value" }, this.jump(at)), h("td", {}, text)));
    return [
      expect.length ? table("Expected", expect) : null,
      metrics.length ? table("Measured", metrics) : null,
      said.length ? table("As it was recognised", said) : null,
    ].filter(Boolean);
  }

  events(rows) {
    const body = rows.map(([at, type, text]) => h("tr", {}, h("td", {}, this.jump(at)), h("th", { scope: "row" }, type), h("td", {}, text)));
    return h("details", { class: "events" }, h("summary", {}, `${rows.length} events`), h("table", {}, h("tbody", {}, ...body)));
  }

  jump(at) {
    return h("button", { type: "button", class: "link", "aria-label": `Play from ${at.toFixed(2)} seconds`, onclick: () => this.seek(at, true) }, at.toFixed(2));
  }

  say(text) {
    if (!this.notice) return;
    this.notice.hidden = false;
    this.notice.textContent = text;
  }

  toggle() {
    if (!this.audio.getAttribute("src")) return;
    if (this.audio.paused) this.audio.play().catch(() => {});
    else this.audio.pause();
  }

  seek(seconds, play) {
    if (!this.timeline) return;
    const at = Math.min(this.timeline.data.duration, Math.max(0, seconds));
    this.timeline.move(at, true);
    if (!this.audio.getAttribute("src")) return;
    this.audio.currentTime = at;
    if (play) this.audio.play().catch(() => {});
  }

  shown() {
    if (!this.button) return;
    this.button.setAttribute("aria-label", this.audio.paused ? "Play" : "Pause");
    this.button.classList.toggle("playing", !this.audio.paused);
    this.moved(false);
  }

  moved(follow) {
    if (!this.timeline || !this.audio.getAttribute("src")) return;
    if (this.now) this.now.textContent = clock(this.audio.currentTime);
    this.timeline.move(this.audio.currentTime, follow || !this.audio.paused);
  }

  tick() {
    if (this.audio.paused) return;
    this.moved(true);
    requestAnimationFrame(() => this.tick());
  }
}
