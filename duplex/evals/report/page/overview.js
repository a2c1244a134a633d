// The first screen: warnings, figures that oppose each other side by side, trade-offs, distributions.

const PUBLISHED = "Grey: published, on other recordings.";

function showHead({ title, summary: { run } }) {
  by("title").textContent = run.agent;
  const machine = run.machine || {};
  const facts = [`${run.done} of ${run.scenarios} scenarios`, `lane ${run.lane}`, `compute ${run.compute}`, run.commit ? `commit ${run.commit}` : `version ${run.version || "unknown"}`];
  by("facts").replaceChildren(...facts.map((fact) => h("span", {}, fact)));
  const about = {
    agent: run.agent, scenarios: `${run.done} of ${run.scenarios} run to their end, ${Math.round(run.seconds)} s`, suite: run.suite, lane: run.lane, compute: run.compute,
    version: run.version, commit: run.commit, processor: machine.processor, cores: machine.cores, system: machine.system, python: machine.python,
    "late frames": `${run.late_frames} of ${run.frames}`, "echo floor": run.echo_floor === null ? null : `${figure(run.echo_floor, "s")} in every latency, not subtracted`,
    "wall time": run.wall ? `${Math.round(run.wall)} s` : null,
  };
  by("about").replaceChildren(...Object.entries(about).filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  document.title = title;
}

function showWarnings({ run }, filter) {
  const rows = [
    ["bad", Object.keys(run.failed).length, "failed to run", "error"],
    ["wait", Object.keys(run.missed).length, "whose moment never came", "missed"],
    ["wait", run.late_frames, run.late_frames === 1 ? "frame late" : "frames late", "late"],
  ];
  by("warnings").replaceChildren(
    ...rows.filter(([, count]) => count).map(([kind, count, text, status]) =>
      h("li", {}, h("button", { type: "button", class: kind, onclick: () => filter(status) }, h("b", {}, count), ` ${text}`)),
    ),
    ...(run.not_for_this_lane.length ? [h("li", {}, h("span", {}, `not for this lane: ${run.not_for_this_lane.join(", ")}`))] : []),
  );
}

/** One figure: large, with its interval and of how many it tells. */
function side(row, missing) {
  if (!row) return h("div", { class: "side none" }, h("p", { class: "label" }, missing), h("p", { class: "big" }, "–"), h("p", { class: "between" }, "not measured"));
  const [number, unit] = split(row.value, row.unit);
  return h("div", { class: "side" },
    h("p", { class: "label" }, row.label, h("span", { class: "arrow" }, arrow(row.better))),
    h("p", { class: "big" }, number, h("small", {}, unit)),
    strip(row),
    h("p", { class: "between" }, interval(row), h("span", {}, cases(row)), row.few ? h("span", { class: "few" }, "n<10") : null));
}

const ELSE = { "fdb.pause_tor_fdb": "Pause handling · TOR", "fdb.turn_response_latency": "Turn taking · latency", "tau.r_y": "R_Y: yields", "tau.s_bc": "S_BC: bears backchannels", "streaming.crag_score": "Truthfulness", "streaming.crag_missing": "Missing", "streaming.tool_lead": "Lead of the call", "streaming.waste_rate": "Wasted calls" };

function showTiles({ run, pairs, expected, panels }) {
  const tiles = pairs.map((pair) =>
    h("div", { class: "tile pair" }, h("h3", {}, pair.title), h("div", { class: "sides" }, ...pair.figures.map((row, place) => side(row, ELSE[pair.rows[place]])))),
  );
  const judged = Object.values(expected).reduce((sum, each) => ({ ok: sum.ok + each.ok, n: sum.n + each.n }), { ok: 0, n: 0 });
  const single = [
    judged.n && { label: "Expectations met", value: judged.ok / judged.n, unit: "share", better: "high", low: null, sum: judged.ok, count: judged.n, few: judged.n < 10 },
    panels.fdb15?.stop_latency, panels.fdb15?.false_stop, panels.endpointing?.eot_cutoff, panels.streaming?.tool_savings, panels.fdb3?.pass_at_1,
    panels.streaming?.first_token_latency, panels.tau?.l_r, panels.recognition?.wer,
  ].filter(Boolean).slice(0, 6);
  tiles.push(...single.map((row) => h("div", { class: "tile" }, side(row))));
  by("tiles").replaceChildren(...tiles);
}

function scatter(title, hint, x, y, axes, anchors, others, corner) {
  const frame = new Frame({ ...axes.x, most: Math.max(axes.x.most, x.high ?? x.value) }, axes.y);
  frame.goal(corner);
  frame.keep(x.value, y.value, 10);
  const placed = others.map((each) => ({ name: each.name, x: each.rows[axes.x.row]?.value, y: each.rows[axes.y.row]?.value })).filter((each) => each.x !== undefined && each.y !== undefined);
  for (const each of [...anchors, ...placed]) frame.keep(each.x, each.y);
  for (const each of placed) frame.named(each.x, each.y, each.name, "beside");
  for (const each of anchors) frame.named(each.x, each.y, each.name, "published");
  frame.cross(x, y, "own");
  frame.svg.setAttribute("aria-label", `${title}: ${x.label} ${figure(x.value, x.unit)}, ${y.label} ${figure(y.value, y.unit)}`);
  return card(title, hint, frame.svg);
}

function endpointing(found, anchors, panel) {
  const curves = [...found.agent, ...found.timer];
  const actual = panel?.eot_cutoff && panel.eot_delay_p50;
  const most = Math.min(3, Math.max(...anchors.map((each) => each.x), actual ? actual.value : 0, ...curves.filter((each) => each.cutoff < 0.5).map((each) => each.latency)));
  const highest = Math.max(0.2, actual ? panel.eot_cutoff.value : 0, ...curves.filter((each) => each.latency >= 0.3).map((each) => each.cutoff));
  const frame = new Frame({ least: 0, most, unit: "s", label: "P50 from the end of a turn to the decision, s" }, { least: 0, most: Math.min(1, highest), unit: "share", label: "pauses cut into" });
  frame.goal("left bottom");
  const top = frame.most.y;
  const inside = (rows) => rows.filter((each) => each.cutoff <= top && each.latency <= frame.most.x);
  for (const [rows, kind, curve] of [[inside(found.timer), "timer", "timer"], [inside(found.agent), "own", "agent"]]) {
    frame.line(rows.map((each) => [each.latency, each.cutoff]), `curve ${curve}`);
    for (const each of rows) {
      frame.keep(each.latency, each.cutoff, 4);
      const setting = each.threshold === null ? `silence of ${each.timeout} s` : `P > ${each.threshold}, then ${each.delay} s, or ${each.timeout} s`;
      frame.add(s("circle", { class: `dot ${kind} sample`, cx: frame.x(each.latency), cy: frame.y(each.cutoff), r: 2.6, ...tipped(setting, `cuts into ${figure(each.cutoff, "share")}, P50 ${figure(each.latency, "s")}`) }));
    }
  }
  for (const each of anchors) frame.keep(each.x, each.y, 4);
  for (const each of anchors) frame.named(each.x, each.y, each.name, "published", 3);
  if (actual) frame.cross(actual, panel.eot_cutoff, "actual");
  const legend = h("ul", { class: "legend" },
    found.agent.length ? h("li", { class: "l-own" }, "P(end), all thresholds") : null, h("li", { class: "l-timer" }, "silence timer"),
    actual ? h("li", { class: "l-actual" }, "as it was run") : null, h("li", { class: "l-published" }, "published, eot-bench"));
  const few = Math.min(found.holds, found.ends) < 10 ? " n<10." : "";
  return card("Endpointing trade-off", `${found.holds} pauses, ${found.ends} ends of turns.${few} Best of a sweep on these same silences.`, frame.svg, legend);
}

function showPlots({ summary: { panels, tradeoff, beside }, anchors }) {
  const plots = [];
  const others = beside.slice(1);
  const { pause_tor_fdb: pause, turn_response_latency: latency } = panels.fdb || {};
  if (pause && latency) {
    plots.push(scatter("Waits in pauses, and is quick after turns", `Full-Duplex-Bench v1. ${PUBLISHED}`, latency, pause,
      { x: { row: "fdb.turn_response_latency", least: 0, most: 1.6, unit: "s", label: "turn-taking latency, s" }, y: { row: "fdb.pause_tor_fdb", least: 0, most: 1, unit: "share", label: "takeover in pauses", tight: true } }, anchors.pause_and_latency, others, "left bottom"));
  }
  const { r_y: yields, s_bc: nods } = panels.tau || {};
  if (yields && nods) {
    plots.push(scatter("Yields to an interruption, not to a nod", `τ-voice panel. ${PUBLISHED}`, nods, yields,
      { x: { row: "tau.s_bc", least: 0, most: 1, unit: "share", label: "S_BC: backchannels borne", tight: true }, y: { row: "tau.r_y", least: 0, most: 1, unit: "share", label: "R_Y: interruptions yielded to", tight: true } }, anchors.yield_and_selectivity, others, "right top"));
  }
  if (tradeoff.timer.length) plots.push(endpointing(tradeoff, anchors.endpointing, panels.endpointing));
  by("plots").replaceChildren(...plots);
}

const DISTRIBUTIONS = ["response_latency", "fto", "first_response_latency", "stop_latency", "tail_audio_ms", "eot_delay", "first_token_latency", "tool_latency_perceived", "tool_lead", "first_audio", "emission_latency"];

function showDistributions({ scenarios, meanings }, open) {
  const cards = [];
  for (const name of DISTRIBUTIONS) {
    const rows = scenarios.filter((each) => name in each.metrics).map((each) => ({ id: each.id, task: each.task, value: each.metrics[name] }));
    if (rows.length > 1) cards.push(ecdf(meanings[name].label, meanings[name].unit, rows, open));
  }
  by("ecdfs").replaceChildren(...(cards.length ? cards : [h("p", { class: "none" }, "No latency was measured.")]));
}
