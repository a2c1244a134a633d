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

function panelTable(rows) {
  const body = Object.entries(rows).map(([key, row]) =>
    h("tr", { title: key },
      h("th", { scope: "row" }, row.label, h("span", { class: "arrow" }, arrow(row.better)), row.note ? h("small", {}, row.note) : null),
      h("td", { class: "value" }, figure(row.value, row.unit)),
      h("td", { class: "strips" }, strip(row), h("small", {}, interval(row))),
      h("td", { class: "count" }, cases(row), row.few ? h("span", { class: "few" }, "n<10") : null)),
  );
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
