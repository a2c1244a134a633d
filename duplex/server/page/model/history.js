// All that is known of one call, for both views: words, events, tools, measures and levels. Pure but for the time.

import { Clock } from "./clock.js";
import { Peaks } from "./peaks.js";
import { median, reached, Session, STAGES } from "./session.js";
import { Metrics, Tools } from "./tools.js";
import { Transcript } from "./transcript.js";

const MOST_SAMPLES = 900;
const AUDIBLE = 10 ** (-45 / 20);
const EARLY_MS = 20;
const LATE_MS = 3_000;

const keep = (list, entry) => {
  list.push(entry);
  if (list.length > MOST_SAMPLES) list.shift();
};

export class History {
  transcript = new Transcript();
  session = new Session();
  tools = new Tools();
  metrics = new Metrics();
  peaks = new Peaks();
  /** {at, trip, up, down} in milliseconds, one a second. */
  path = [];
  /** What the browser measured, one every two seconds; see call/stats.js. */
  stats = [];
  #clock = new Clock();

  read(message) {
    const { type, data } = message;
    if (type === "server-message" && data?.kind === "event") {
      if (this.session.add(data.event, performance.now())) this.tools.time(data.event);
      return;
    }
    this.transcript.on(message);
    this.tools.on(message);
    this.metrics.on(message);
    if (type === "error" || type === "error-response") this.note(type, String(data?.error ?? ""), "errors");
  }

  note(type, text, group) {
    this.session.note(type, text, performance.now(), group);
  }

  /** Take an answer to `clock`; says whether the session is another one than before. */
  clock(sample) {
    const { moved, ...ways } = this.#clock.add(sample);
    keep(this.path, { at: sample.arrived, ...ways });
    if (moved === null) return false;
    this.session.move(moved);
    this.note("Session", "another one: the server did not know the old one");
    return true;
  }

  measured(stats) {
    keep(this.stats, stats);
  }

  end(reason) {
    this.transcript.ended();
    this.note("Call", `over: ${reason}`);
  }

  // The axis: milliseconds since the first sound that was drawn

  /** A page time on the axis; null while there is none. */
  axis(pageTime) {
    return this.peaks.begin === null ? null : pageTime - this.peaks.begin;
  }

  /** A session's time on the page's clock; null while they are not matched. */
  pageTime(t) {
    return this.#clock.known ? this.#clock.pageTime(t) : null;
  }

  /** A session's time on the axis; null while that is unknown. */
  place(t) {
    return this.#clock.known ? this.axis(this.#clock.pageTime(t)) : null;
  }

  /** A turn's stages with the last one, which is seen here alone: when the agent's voice came. */
  stages(turn) {
    const played = turn.stages.played;
    if (played !== undefined && turn.stages.heard === undefined) {
      const from = this.place(played);
      const heard = from === null ? null : this.peaks.firstAbove("agent", from - EARLY_MS, from + LATE_MS, AUDIBLE);
      if (heard !== null) turn.stages.heard = played + heard - from;
    }
    return reached(turn);
  }

  /** The median of each stage over all turns that were spoken: {name: ms}. */
  medians() {
    const spoken = this.session.turns.filter(({ reason }) => reason !== "typed");
    const all = spoken.map((turn) => new Map(this.stages(turn).map(({ name, ms }) => [name, ms])));
    return Object.fromEntries(
      STAGES.map(([name]) => [name, median(all.map((each) => each.get(name)).filter((ms) => ms !== undefined))]),
    );
  }

  /** All of it, to be kept or sent to somebody. */
  dump() {
    const { transcript, session, tools, metrics, path, stats } = this;
    return {
      transcript: transcript.lines.map(({ segments, ...line }) => line),
      turns: session.turns.map((turn) => ({ ...turn, stages: Object.fromEntries(this.stages(turn).map(({ name, ms }) => [name, ms])) })),
      medians: this.medians(),
      tools: tools.calls.map((call) => ({ ...call, ms: tools.took(call.id) ?? null })),
      metrics: Object.fromEntries(metrics.values),
      path,
      stats,
      events: session.events.map(({ at, raw }) => ({ page_ms: at, ...raw })),
    };
  }
}
