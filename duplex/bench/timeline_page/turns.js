// The turns as a table, and the times of their stages as marks on one line each: stages overlap, so nothing is
// stacked as if one began where the other ended.

const STAGES = [
  ["Eager", "voice end detected"],
  ["Transcript", "words recognised"],
  ["EndProbability", "judged complete"],
  ["Commit", "decided"],
  ["ReplyText", "answer written"],
  ["Speech", "speech made"],
  ["PlayoutStarted", "played"],
  ["Audible", "heard"],
];
const BADGE = 19; // pixels that one numbered mark needs

function plainWords(text) {
  return text.toLowerCase().replace(/[^\p{L}\p{N}\s]/gu, "").split(/\s+/);
}

function withDifferences(asked, heard) {
  const known = new Set(plainWords(asked));
  const shown = document.createDocumentFragment();
  for (const word of heard.split(/(\s+)/)) {
    const strange = word.trim() && plainWords(word).some((each) => each && !known.has(each));
    shown.append(strange ? Object.assign(element("u", "", word), { title: "not what was asked" }) : word);
  }
  return shown;
}

function showTurns(data, jump) {
  const table = document.getElementById("turns");
  const labels = ["Turn", "Asked", "Heard", "Answer", "Right", "First audio"];
  const head = table.createTHead().insertRow();
  head.setAttribute("role", "row");
  for (const label of labels) {
    const cell = element("th", "", label);
    cell.scope = "col";
    cell.setAttribute("role", "columnheader");
    head.append(cell);
  }
  const body = table.createTBody();
  for (const turn of data.turns) {
    const row = body.insertRow();
    row.setAttribute("role", "row");
    const play = element("button", "", `▶ ${turn.number}`);
    play.type = "button";
    play.setAttribute("aria-label", `Play turn ${turn.number}`);
    play.addEventListener("click", () => jump(turn.start - 0.3, true));
    const cells = [
      ["", play],
      ["", turn.asked],
      ["", turn.heard ? withDifferences(turn.asked, turn.heard) : element("span", "none", "nothing")],
      ["", turn.answer || element("span", "none", "silence")],
      [`verdict ${turn.right ? "" : "wrong"}`, turn.right ? "✓ right" : "✗ wrong"],
      ["number", turn.latency === null ? element("span", "none", "silent") : milliseconds(turn.latency)],
    ];
    cells.forEach(([className, content], place) => {
      const cell = element("td", className);
      cell.setAttribute("role", "cell");
      cell.dataset.label = labels[place];
      const held = element("div");
      held.append(content);
      cell.append(held);
      row.append(cell);
    });
  }
}

function axis(data) {
  const times = [...data.turns.map((turn) => turn.stages), data.medians].flatMap((each) => Object.values(each));
  const least = Math.min(0, ...times);
  const most = Math.max(0.1, ...times);
  const step = [0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5].find((each) => (most - least) / each <= 8) || 10;
  return { step, from: Math.floor(least / step) * step, to: Math.ceil((most * 1.02) / step) * step };
}

function stageLane(stages, { from, to }, width) {
  const lane = element("div", "lane");
  const share = (seconds) => ((seconds - from) / (to - from)) * 100;
  const reached = STAGES.map(([key, words], place) => ({ key, words, number: place + 1, at: stages[key] }))
    .filter((each) => each.at !== undefined)
    .sort((one, other) => one.at - other.at);
  const length = element("div", "length");
  length.style.left = `${share(0)}%`;
  length.style.width = `${share(Math.max(0, ...reached.map((each) => each.at))) - share(0)}%`;
  lane.append(length);
  const rows = []; // where the last badge of each row ends, in pixels
  for (const each of reached) {
    const x = (share(each.at) / 100) * width;
    let row = rows.findIndex((end) => end <= x);
    if (row < 0) row = rows.length;
    rows[row] = x + BADGE;
    for (const [className, style] of [
      ["tick", {}],
      ["stem", { bottom: "16px", height: `${row * BADGE + 2}px` }],
      ["badge", { bottom: `${18 + row * BADGE}px` }],
    ]) {
      const made = element("div", `${className} ${each.key}-c`, className === "badge" ? String(each.number) : "");
      Object.assign(made.style, { left: `${share(each.at)}%`, ...style });
      made.title = `${each.words}: ${milliseconds(each.at)}`;
      lane.append(made);
    }
  }
  if (!reached.length) lane.append(element("span", "none", "no answer"));
  lane.style.height = `${22 + Math.max(1, rows.length) * BADGE}px`;
  lane.setAttribute("role", "img");
  lane.setAttribute("aria-label", reached.map((each) => `${each.words} ${milliseconds(each.at)}`).join(", ") || "no answer");
  return lane;
}

function showStages(data) {
  const host = document.getElementById("stages");
  const scale = axis(data);
  const names = data.turns.map((turn) => [`Turn ${turn.number}`, turn.stages, ""]);
  if (data.turns.length > 1) names.push(["Median", data.medians, " median"]);
  const paint = () => {
    const plot = element("div", "plot");
    host.replaceChildren(plot);
    const width = host.clientWidth - Number.parseFloat(getComputedStyle(plot).gridTemplateColumns);
    for (const [name, stages, extra] of names) {
      plot.append(element("div", `name${extra}`, name));
      const lane = stageLane(stages, scale, width);
      if (extra) lane.classList.add("median");
      plot.append(lane);
    }
    const ruler = element("div", "scale");
    for (let at = scale.from; at <= scale.to + 1e-6; at += scale.step) {
      const label = element("span", "", Math.round(at * 1000).toLocaleString("en"));
      label.style.left = `${((at - scale.from) / (scale.to - scale.from)) * 100}%`;
      ruler.append(label);
    }
    plot.append(element("div", "name", "ms"), ruler);
  };
  paint();
  let width = host.clientWidth;
  new ResizeObserver(() => {
    if (host.clientWidth !== width) {
      width = host.clientWidth;
      paint();
    }
  }).observe(host);
  const legend = document.getElementById("stage-legend");
  STAGES.forEach(([key, words], place) => {
    const entry = element("li");
    entry.append(element("span", `badge ${key}-c`, String(place + 1)), words);
    legend.append(entry);
  });
}
