// Puts the page together: header, waves, turns, events.

function showFacts({ turns, right, latency, duration }) {
  const facts = [
    ["turns", turns],
    ["right", `${right} of ${turns}`],
    ["median from last word to first sound", latency === null ? "–" : milliseconds(latency)],
    ["length of the call", `${Math.floor(duration / 60)}:${String(Math.floor(duration % 60)).padStart(2, "0")}`],
  ];
  for (const [name, value] of facts) {
    const box = element("div");
    box.append(element("dt", "", name), element("dd", "", value));
    document.getElementById("facts").append(box);
  }
}

function showEvents(events, jump) {
  const rows = events.map(([at, type, text]) => {
    const row = element("tr");
    const time = element("button", "", at.toFixed(3));
    time.type = "button";
    time.setAttribute("aria-label", `Jump to ${at.toFixed(3)} seconds`);
    time.addEventListener("click", () => jump(at, false));
    const first = element("td");
    first.append(time);
    row.append(first, element("td", "", type), element("td", "", text));
    return [row, `${at.toFixed(3)} ${type} ${text}`.toLowerCase()];
  });
  const table = document.getElementById("event-list");
  const head = table.createTHead().insertRow();
  for (const label of ["Second", "Event", "What"]) head.append(Object.assign(element("th", "", label), { scope: "col" }));
  table.createTBody().append(...rows.map(([row]) => row));
  const filter = document.getElementById("event-filter");
  const apply = () => {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, text] of rows) {
      row.hidden = !wanted.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    document.getElementById("event-count").textContent = wanted.length ? `${shown} of ${rows.length}` : `${rows.length}`;
  };
  filter.addEventListener("input", apply);
  apply();
}

function notice(text) {
  const place = document.getElementById("notice");
  place.hidden = false;
  place.append(element("div", "", text));
}

function main() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const audio = document.getElementById("audio");
  audio.addEventListener("error", () => notice("call.wav cannot be played: it must lie in the same folder as this page."));
  if (!data.matched) notice("The session’s clock could not be matched with the recording’s: its events are not drawn.");
  showFacts(data.facts);
  const wave = new Wave(data, audio);
  const jump = (seconds, play) => {
    wave.seek(seconds);
    if (play) audio.play();
  };
  showTurns(data, jump);
  showStages(data);
  showEvents(data.events, jump);
}

main();
