// Starts the page: one phone, two views of it, and the keys.

import { Phone } from "./phone.js";
import { CallView } from "./views/call-view.js";
import { DebugView } from "./views/debug-view.js";
import { Header } from "./views/header.js";
import { html, render, useEffect, useState } from "./views/html.js";

const viewNow = () => (location.hash === "#debug" ? "debug" : "call");

function App({ phone }) {
  const [view, setView] = useState(viewNow());
  const [, again] = useState(0);
  useEffect(() => {
    const turn = () => setView(viewNow());
    const redraw = () => again((count) => count + 1);
    addEventListener("hashchange", turn);
    addEventListener("themechange", redraw);
    return () => {
      removeEventListener("hashchange", turn);
      removeEventListener("themechange", redraw);
    };
  }, []);
  useEffect(() => {
    if (view === "debug") phone.watchEvents();
  }, [view]);
  return html`
    <${Header} phone=${phone} view=${view} />
    ${view === "debug" ? html`<${DebugView} phone=${phone} />` : html`<${CallView} phone=${phone} />`}
  `;
}

/** Keys that mean something to what is focused are left to it. */
function typing({ target }) {
  return target.closest?.("input, select, textarea") !== null;
}

const phone = new Phone(document.getElementById("voice"));
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event)) return;
  if (event.key === "d") location.hash = viewNow() === "debug" ? "" : "debug";
  else if (event.key === "m") phone.mute();
  else return;
  event.preventDefault();
});
render(html`<${App} phone=${phone} />`, document.getElementById("app"));
