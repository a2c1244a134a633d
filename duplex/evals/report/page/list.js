// The scenarios to choose from: by task, by what came of them, by words in them.

const MINI = 100;

function thumbnail(timeline) {
  if (!timeline) return h("span", { class: "mini" });
  const share = (seconds) => (seconds / timeline.duration) * MINI;
  const bars = (spans, y, kind) => spans.map(([start, end]) => s("rect", { class: kind, x: share(start).toFixed(2), width: Math.max(0.8, share(end - start)).toFixed(2), y, height: 7, rx: 1 }));
  const user = timeline.items.flatMap((item) => (item.speech.length ? item.speech : [[item.start, item.end]]).map((span) => [...span, item.kind]));
  return s("svg", { class: "mini", viewBox: `0 0 ${MINI} 16`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...user.map(([start, end, kind]) => bars([[start, end]], 0.5, `truth ${kind}`)[0]), ...bars(timeline.spans, 8.5, "voice"));
}

class List {
  constructor(data, open) {
    Object.assign(this, { data, open, status: "all", task: "all", text: "" });
    this.rows = data.scenarios.map((scenario) => this.row(scenario));
    by("list").replaceChildren(...this.rows.map((row) => row.element));
    const count = (test) => data.scenarios.filter(test).length;
    const statuses = [["all", "All"], ["failed", "Failed"], ["passed", "Passed"], ["done", "Not judged"], ["missed", "Missed"], ["error", "Not run"], ["late", "Late"]]
      .map(([value, label]) => [value, label, count((each) => this.matches(each, value))]).filter(([value, , n]) => value === "all" || n);
    this.statuses = statuses.map(([value]) => value);
    this.pickStatus = chips(by("status"), statuses, "all", (value) => this.set({ status: value }));
    const tasks = [...new Set(data.scenarios.map((each) => each.task))].sort().map((task) => [task, words(task), count((each) => each.task === task)]);
    this.pickTask = chips(by("task-chips"), [["all", "All tasks", data.scenarios.length], ...tasks], "all", (value) => this.set({ task: value }));
    by("search").addEventListener("input", () => this.set({ text: by("search").value }));
    this.apply();
  }

  row(scenario) {
    const { timeline } = scenario;
    const status = statusOf(scenario);
    const said = timeline ? [...timeline.items.map((item) => item.text), ...timeline.responses.flatMap((each) => each.words.map(([word]) => word)), ...timeline.heard.map(([, text]) => text)] : [];
    const button = h("button", { type: "button", onclick: () => this.open(scenario.id, true) },
      h("i", { class: `status ${status}`, role: "img", "aria-label": STATUS[status] }), h("span", { class: "id" }, scenario.id), h("span", { class: "aside" }, words(scenario.task)), thumbnail(timeline));
    return { scenario, button, element: h("li", {}, button), text: [scenario.id, scenario.title, scenario.task, scenario.error, ...said].join(" ").toLowerCase() };
  }

  matches(scenario, status) {
    return status === "all" || (status === "late" ? scenario.late > 0 : statusOf(scenario) === status);
  }

  set(change) {
    Object.assign(this, change);
    this.apply();
  }

  apply() {
    const wanted = this.text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of this.rows) {
      const { scenario } = row;
      row.element.hidden = !(this.matches(scenario, this.status) && (this.task === "all" || scenario.task === this.task) && wanted.every((word) => row.text.includes(word)));
    }
    const shown = this.visible();
    by("shown").textContent = shown.length === this.rows.length ? `${shown.length} scenarios` : `${shown.length} of ${this.rows.length}`;
    if (shown.length && !shown.some((row) => row.scenario.id === this.current)) this.open(shown[0].scenario.id, false);
  }

  visible() {
    return this.rows.filter((row) => !row.element.hidden);
  }

  /** Mark the one that is shown. */
  mark(id, scroll) {
    this.current = id;
    for (const row of this.rows) {
      const on = row.scenario.id === id;
      row.button.setAttribute("aria-current", String(on));
      if (on && scroll) {
        const [box, list] = [row.element.getBoundingClientRect(), by("list").getBoundingClientRect()];
        if (box.top < list.top || box.bottom > list.bottom) by("list").scrollTop += box.top - list.top - list.height / 3;
      }
    }
  }

  /** The next (1) or previous (-1) of those that are listed. */
  step(by) {
    const shown = this.visible();
    const at = shown.findIndex((row) => row.scenario.id === this.current);
    const next = shown[Math.min(shown.length - 1, Math.max(0, at + by))];
    if (next) this.open(next.scenario.id, true);
  }

  cycle() {
    this.pickStatus(this.statuses[(this.statuses.indexOf(this.status) + 1) % this.statuses.length]);
  }
}
