import { html } from "./html.js";
export const DebugView = () => html`<main>debug</main>`;
