// How long each turn took, stage by stage, from the end of the caller's voice to the agent's first sound.

import { html, milliseconds } from "./html.js";
import { STAGES } from "../model/session.js";

const SHOWN = 12;
const STEPS = [100, 200, 250, 500, 1000, 2000, 5000];

/** A round number of milliseconds that all bars fit into, and the distance of its lines. */
function scaleOf(rows) {
  const most = Math.max(500, ...rows.flatMap(({ stages }) => stages.map(({ ms }) => ms)));
  const step = STEPS.find((each) => most / each <= 6) ?? 10_000;
  return { most: Math.ceil(most / step) * step, step };
}

function Bar({ stages, scale }) {
  let from = 0;
  const parts = stages.map(({ name, words, ms }) => {
    const left = Math.max(0, from);
    from = Math.max(left, ms);
    return { name, left, width: from - left, title: `${words}: ${milliseconds(ms)}` };
  });
  const percent = (ms) => `${(ms / scale.most) * 100}%`;
  return html`
    <div class="stage-bar" role="img" aria-label=${stages.map(({ words, ms }) => `${words} after ${milliseconds(ms)}`).join(", ")}>
      ${parts.map(({ name, left, width, title }) => html`<i key=${name} class=${`s-${name}`} title=${title} style=${{ left: percent(left), width: percent(width) }}></i>`)}
    </div>
  `;
}

const Ruler = ({ most, step }) => html`
  <div class="stage-ruler" aria-hidden="true">
    ${Array.from({ length: most / step + 1 }, (_, tick) => html`<span style=${{ left: `${((tick * step) / most) * 100}%` }}>${(tick * step).toLocaleString("en")}</span>`)}
  </div>
`;

export function Turns({ history, jump }) {
  const rows = history.session.turns.slice(-SHOWN).reverse().map((turn) => ({ turn, stages: history.stages(turn) }));
  const medians = history.medians();
  const all = STAGES.filter(([name]) => medians[name] !== null).map(([name, words]) => ({ name, words, ms: medians[name] }));
  const scale = scaleOf([...rows, { stages: all }]);
  const middle = [...all].sort((one, other) => one.ms - other.ms);
  const spoken = history.session.turns.filter(({ reason }) => reason !== "typed").length;
  const total = (stages) => milliseconds(stages.find(({ name }) => name === "heard")?.ms ?? stages.at(-1)?.ms);
  return html`
    <section class="card" aria-labelledby="turns-title">
      <div class="bar"><h2 id="turns-title">Turns</h2><span class="aside">ms after the end of the caller’s voice</span></div>
      ${rows.length === 0 && html`<p class="none">Each turn’s stages appear here once somebody has spoken.</p>`}
      ${spoken > 1 &&
      html`<div class="turn median"><p><b>Median</b> of ${spoken} spoken</p><${Bar} stages=${middle} scale=${scale} /><b class="total">${total(middle)}</b></div>`}
      ${rows.map(
        ({ turn, stages }) => html`
          <div class="turn" key=${turn.attempt}>
            <p>
              <button type="button" class="link" onClick=${() => jump(turn.onset ?? turn.end)} aria-label=${`Show turn ${turn.turn}`}>${turn.turn}</button>
              <span>${turn.said || "(no words)"}</span>${turn.interrupted && html`<i class="mark Yield" role="img" aria-label="interrupted" title="interrupted"></i>`}
            </p>
            <${Bar} stages=${stages} scale=${scale} />
            <b class="total">${total(stages)}</b>
          </div>
        `,
      )}
      ${rows.length > 0 && html`<${Ruler} ...${scale} />`}
      ${rows.length > 0 &&
      html`<ul class="legend">
        ${all.map(({ name, words, ms }) => html`<li key=${name}><i class=${`swatch s-${name}`}></i>${words} <b>${milliseconds(ms)}</b></li>`)}
      </ul>`}
    </section>
  `;
}
