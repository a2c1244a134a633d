// Tables of figures, each with its interval drawn beside it.

/** The interval on a scale: 0 to 1 for shares, else 0 to `most`. */
function strip(row, most) {
  const shares = row.unit === "share" && row.value >= 0 && row.value <= 1;
  const end = shares ? 1 : most || Math.max(Math.abs(row.high ?? row.value), Math.abs(row.value), 1e-9) * 1.25;
  const low = shares ? 0 : Math.min(0, row.low ?? row.value);
  const place = (value) => `${(100 * (Math.min(end, Math.max(low, value)) - low)) / (end - low || 1)}%`;
  const box = h("span", { class: `strip${row.few ? " hollow" : ""}`, "aria-hidden": "true" });
  if (row.low !== null && row.low !== undefined) box.append(h("i", { class: "range", style: { left: place(row.low), right: `calc(100% - ${place(row.high)})` } }));
  box.append(h("i", { class: "point", style: { left: place(row.value ?? row.mean) } }));
  return box;
}

function headed(labels) {
  return h("thead", {}, h("tr", {}, ...labels.map((label) => h("th", { scope: "col" }, label))));
}

const BEHAVIOURS = ["respond", "resume", "uncertain", "unknown"];

/** What followed overlaps, as one bar: the four rates of a task. */
function behaviours(task, rows) {
  const parts = BEHAVIOURS.map((name) => [name, rows[`${task}_behaviour_${name}`]]).filter(([, row]) => row);
  const bar = h("span", { class: "stack", "aria-hidden": "true" }, ...parts.map(([name, row]) => h("i", { class: name, style: { "flex-grow": row.value } })));
  const told = parts.filter(([, row]) => row.value > 0).map(([name, row]) => h("span", {}, h("i", { class: `swatch ${name}` }), `${name.toUpperCase()}${arrow(row.better)} `, h("b", {}, figure(row.value, row.unit)), ` ${interval(row)}`));
  const [, first] = parts[0];
  return h("tr", {}, h("th", { scope: "row" }, `${first.label.split(" · ")[0]} · what follows`, h("small", {}, first.note)),
    h("td", { colspan: 2, class: "stacked" }, bar, ...told), h("td", { class: "count" }, `n ${first.count}`, first.few ? h("span", { class: "few" }, "n<10") : null));
}

function panelTable(rows) {
  const stacked = new Set(Object.keys(rows).filter((key) => key.includes("_behaviour_")));
  const body = Object.entries(rows).map(([key, row]) => {
    if (key.endsWith("_behaviour_respond")) return behaviours(key.slice(0, -"_behaviour_respond".length), rows);
    if (stacked.has(key)) return null;
    return h("tr", { title: key },
      h("th", { scope: "row" }, row.label, h("span", { class: "arrow" }, arrow(row.better)), row.note ? h("small", {}, row.note) : null),
      h("td", { class: "value" }, figure(row.value, row.unit)),
      h("td", { class: "strips" }, strip(row), h("small", {}, interval(row))),
      h("td", { class: "count" }, cases(row), row.few ? h("span", { class: "few" }, "n<10") : null));
  });
  return h("table", {}, headed(["", "value", "95 %", "of"]), h("tbody", {}, ...body));
}

function showPanels({ summary: { panels }, sections }) {
  by("panel-list").replaceChildren(
    ...Object.entries(panels).map(([name, rows]) => {
      const [section, title] = sections[name];
      return h("section", { class: "card panel", "aria-label": title }, h("h3", {}, h("b", { class: "letter" }, section), title), panelTable(rows));
    }),
    ...(Object.keys(panels).length ? [] : [h("p", { class: "none" }, "Nothing was measured that a panel holds.")]),
  );
}

function taskTable(metrics, meanings) {
  const body = Object.entries(metrics).map(([name, row]) =>
    h("tr", {},
      h("th", { scope: "row" }, meanings[name]?.label || name, h("span", { class: "arrow" }, arrow(row.better)), h("small", {}, name)),
      ...["mean", "p50", "p90"].map((key) => h("td", { class: "value" }, figure(row[key], row.unit))),
      h("td", { class: "strips" }, strip({ ...row, value: row.mean }), h("small", {}, interval(row))),
      h("td", { class: "count" }, h("span", {}, `${row.n} scenario${row.n === 1 ? "" : "s"}`), row.count === undefined ? null : ` ${cases(row)}`, row.few ? h("span", { class: "few" }, "n<10") : null)),
  );
  return h("table", {}, headed(["", "mean", "P50", "P90", "95 % of the mean", "of"]), h("tbody", {}, ...body));
}

function showTasks({ summary: { tasks }, meanings }) {
  by("task-list").replaceChildren(
    ...Object.entries(tasks).filter(([, metrics]) => Object.keys(metrics).length).map(([task, metrics]) =>
      h("details", { class: "card" }, h("summary", {}, h("h3", {}, task === "all" ? "All tasks" : words(task)), h("span", { class: "aside" }, `${Object.keys(metrics).length} metrics`)), taskTable(metrics, meanings)),
    ),
  );
}

/** This run and others, such as baselines that think nothing. */
function showBeside({ summary: { beside } }) {
  if (!beside.length) return;
  const labels = new Map(beside.flatMap((run) => Object.entries(run.rows)).map(([key, row]) => [key, row]));
  const columns = [...labels.keys()];
  const body = beside.map((run, place) =>
    h("tr", { class: place ? "" : "own" }, h("th", { scope: "row" }, run.name, h("small", {}, `${run.scenarios} scenarios`)),
      ...columns.map((key) => {
        const row = run.rows[key];
        return row ? h("td", { class: "value" }, figure(row.value, row.unit), strip(row), h("small", {}, cases(row), row.few ? " n<10" : "")) : h("td", { class: "none" }, "–");
      })));
  const head = h("thead", {}, h("tr", {}, h("th", {}), ...columns.map((key) => h("th", { scope: "col" }, labels.get(key).label, h("span", { class: "arrow" }, arrow(labels.get(key).better))))));
  by("beside").replaceChildren(card("Beside others", "The same measures of other runs; a figure is worth what it adds to an agent that thinks nothing.", h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Beside others" }, h("table", {}, head, h("tbody", {}, ...body)))));
}
