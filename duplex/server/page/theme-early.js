// A chosen theme, before the first picture; see views/theme.js.
try {
  const theme = localStorage.getItem("duplex.theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // A browser that keeps nothing.
}
