// The line above both views.

import { clockTime, html, useEffect, useWatched } from "./html.js";
import { Icon } from "./icons.js";
import { isDark, toggleTheme } from "./theme.js";

export function Header({ phone, view }) {
  useWatched(phone, phone.busy ? 500 : 0);
  useEffect(() => {
    document.title = phone.title || "duplex";
  }, [phone.title]);
  const debug = view === "debug";
  const dark = isDark();
  return html`
    <header>
      <h1>${phone.title || "\u00a0"}</h1>
      ${phone.busy && phone.seconds !== null && html`<time id="clock" role="timer" aria-label="Length of the call">${clockTime(phone.seconds)}</time>`}
      <nav>
        <button type="button" class="round plain" aria-label=${dark ? "Light colours" : "Dark colours"} title=${dark ? "Light colours" : "Dark colours"} onClick=${toggleTheme}>
          <${Icon} name=${dark ? "sun" : "moon"} />
        </button>
        <a id="view" class="pill plain" href=${debug ? "#" : "#debug"} aria-keyshortcuts="d" title="Key: d">
          <${Icon} name=${debug ? "back" : "debug"} /><span>${debug ? "Call" : "Debug"}</span>
        </a>
      </nav>
    </header>
  `;
}
