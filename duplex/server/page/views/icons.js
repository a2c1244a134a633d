// Line icons on a grid of 24.

import { html } from "./html.js";

const PATHS = {
  phone: "M6.5 3.5h3l1.5 4-2 1.5a12 12 0 0 0 6 6l1.5-2 4 1.5v3a2 2 0 0 1-2.2 2A17 17 0 0 1 4.5 5.7a2 2 0 0 1 2-2.2z",
  mic: "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21",
  muted: "M15 9.5V6a3 3 0 0 0-5.8-1.1M9 9v2a3 3 0 0 0 4.6 2.5M5.5 11a6.5 6.5 0 0 0 10 5.4M18.5 11a6.5 6.5 0 0 1-.6 2.7M12 17.5V21M4 4l16 16",
  devices: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  download: "M12 4v11M7.5 10.5 12 15l4.5-4.5M4.5 19.5h15",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  debug: "M3 12h3.5l2.5-7 5 14 2.5-7H21",
  back: "M19 12H5M11 6l-6 6 6 6",
  send: "M12 19V5M6 11l6-6 6 6",
  source: "M7 3.5h7l4 4v13H7zM14 3.5v4h4M10 12h5M10 16h5",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  alert: "M12 4 2.5 20h19zM12 10v4.5M12 17.3v.2",
  tool: "M14.5 6.5a4 4 0 0 1 5-1.5l-2.7 2.7 1.5 1.5L21 6.5a4 4 0 0 1-5.3 5L8 19.2a2.1 2.1 0 0 1-3-3l7.7-7.7a4 4 0 0 1 1.8-2z",
};

export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>
`;
