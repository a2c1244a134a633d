// Dark and light: as the system has it, until somebody chooses. theme-early.js sets a choice before anything is drawn.

import { repaint } from "./palette.js";

const KEPT = "duplex.theme";

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function toggleTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEPT, theme);
  } catch {
    // A browser that keeps nothing: the choice holds for this visit.
  }
  repaint();
}
