// The theme's colours for canvases, which cannot use CSS variables.

const NAMES = ["ink", "soft", "line", "dots", "raised", "paper", "agent", "user", "voice", "bad", "good", "wait"];
let known = null;

function read() {
  const probe = document.createElement("i");
  document.body.append(probe);
  const colours = {};
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

/** {name: colour} of the theme that is shown. */
export function palette() {
  known ??= read();
  return known;
}

/** The theme has changed. */
export function repaint() {
  known = null;
  dispatchEvent(new Event("themechange"));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
