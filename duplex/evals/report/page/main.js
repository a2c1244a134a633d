// Puts the page together: theme, keys, and a link to each scenario.

const THEME = "duplex.theme";

function kept(change) {
  try {
    return change(localStorage);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  by("theme").textContent = isDark() ? "Light" : "Dark";
}

function toggleTheme() {
  const theme = isDark() ? "light" : "dark";
  kept((store) => store.setItem(THEME, theme));
  setTheme(theme);
}

function keys(detail, list) {
  const { audio } = detail;
  const pressed = {
    j: () => list.step(1),
    k: () => list.step(-1),
    " ": () => detail.toggle(),
    ArrowLeft: (event) => detail.seek(audio.currentTime - (event.shiftKey ? 5 : 1), false),
    ArrowRight: (event) => detail.seek(audio.currentTime + (event.shiftKey ? 5 : 1), false),
    "+": () => detail.timeline?.zoom(2),
    "-": () => detail.timeline?.zoom(0.5),
    0: () => detail.timeline?.zoom(0),
    f: () => list.cycle(),
    "/": () => by("search").focus(),
    t: toggleTheme,
    "?": () => by("help").showModal(),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || by("help").open) return;
    if (event.target.matches?.("input")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === " " && event.target.closest?.("button, summary, a")) return;
    if (!(event.key in pressed)) return;
    event.preventDefault();
    pressed[event.key](event);
  });
}

function main() {
  setTheme(kept((store) => store.getItem(THEME)));
  by("theme").addEventListener("click", toggleTheme);
  by("help-open").addEventListener("click", () => by("help").showModal());
  const data = JSON.parse(by("data").textContent);
  const detail = new Detail(data, by("audio"));
  const scenarios = new Map(data.scenarios.map((each) => [each.id, each]));
  let list = null;
  const open = (id, asked) => {
    detail.show(scenarios.get(id));
    list?.mark(id, asked);
    if (asked) history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  };
  const visit = (id) => {
    open(id, true);
    by("detail").scrollIntoView({ block: "start" });
  };
  showHead(data);
  showTiles(data.summary);
  showPlots(data);
  showBeside(data);
  showDistributions(data, visit);
  showPanels(data);
  showTasks(data);
  list = new List(data, open);
  list.mark(detail.scenario?.id, false);
  showWarnings(data.summary, (status) => {
    list.pickTask("all");
    list.pickStatus(status);
    by("scenarios").scrollIntoView();
  });
  keys(detail, list);
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (scenarios.has(wanted)) visit(wanted);
}

main();
