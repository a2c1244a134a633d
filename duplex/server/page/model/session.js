// What the debug view knows of a call: the session's events, as turns with stages, spans and marks. Pure.
//
// Times are in milliseconds of the session's clock, unless they are called page times.

const TICKS_PER_MS = 48;
const MOST_EVENTS = 4_000;
const MOST_TURNS = 300;
const MOST_MARKS = 3_000;
const RECENT = 400;

/** What a turn passes, in the order in which it usually does; each is the first event of its kind. */
export const STAGES = [
  ["eager", "voice end detected"],
  ["words", "words recognised"],
  ["judged", "judged complete"],
  ["decision", "decided"],
  ["text", "first text"],
  ["audio", "first audio made"],
  ["played", "sent"],
  ["heard", "heard here"],
];

const STAGE_OF = {
  Eager: "eager",
  EndProbability: "judged",
  Commit: "decision",
  ReplyText: "text",
  Speech: "audio",
  PlayoutStarted: "played",
};

const GROUPS = {
  turns: ["VoiceStarted", "VoiceStopped", "TurnStarted", "Eager", "Resumed", "Commit", "Discarded", "Duck", "Unduck", "Yield", "Backchannel"],
  words: ["Transcript", "EndProbability", "TypedText"],
  reply: ["ReplyText", "Speech", "PlayoutStarted", "Heard", "PlayoutEnded"],
  tools: ["ToolStarted", "ToolEnded"],
};
const GROUP_OF = new Map(Object.entries(GROUPS).flatMap(([group, types]) => types.map((type) => [type, group])));

/** The kinds of marks that stand on the time axis. */
const MARKS = new Set(["Eager", "Resumed", "Commit", "Discarded", "Yield", "Backchannel"]);
const LEFT_OUT = new Set(["at", "edge", "t", "type", "pcm"]);
const MOMENTS = new Set(["onset", "end"]);

const keep = (list, entry, most) => {
  list.push(entry);
  if (list.length > most) list.splice(0, list.length - most);
};

function plain(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toPrecision(3);
  if (Array.isArray(value)) return value.map((each) => each?.text ?? plain(each)).join(" ");
  if (value && typeof value === "object") return Object.entries(value).map(([key, each]) => `${key} ${plain(each)}`).join(", ");
  return String(value);
}

/** An event's fields in one readable line. */
export function describe(event) {
  const said = [];
  for (const [key, value] of Object.entries(event)) {
    if (MOMENTS.has(key)) said.push(`${key} ${(value / TICKS_PER_MS / 1000).toFixed(3)} s`);
    else if (!LEFT_OUT.has(key) && value !== null && value !== false && value !== "" && !(Array.isArray(value) && !value.length)) {
      said.push(`${key} ${plain(value)}`);
    }
  }
  if (event.pcm?.shape) said.push(`${event.pcm.shape[0]} samples`);
  return said.join(" · ");
}

export class Session {
  /** {id, at (page time), t, type, group, text, raw} */
  events = [];
  /** {attempt, turn, onset, end, reason, said, reply, stages: {name: t}, interrupted, over} of what was committed. */
  turns = [];
  /** {t, kind, reason} */
  marks = [];
  /** {start, end, kind}: where the agent took the user to speak, and of what kind an overlap was; an open one has no end. */
  voice = [];
  /** {attempt, start, end, text, cut} */
  replies = [];
  #attempts = new Map();
  #onsets = new Map();
  #recent = new Set();
  #next = 1;
  #overlap = null;

  /** Take an event of the session, which came at page time `at`. Says whether it was new. */
  add(event, at) {
    const key = JSON.stringify(event);
    if (this.#recent.has(key)) return false; // who looks in late, or again, is told the past
    this.#recent.add(key);
    if (this.#recent.size > RECENT) this.#recent.delete(this.#recent.values().next().value);
    const t = event.t / TICKS_PER_MS;
    this.#log({ at, t, type: event.type, group: GROUP_OF.get(event.type) ?? "other", text: describe(event), raw: event });
    this.#stage(event, t);
    this.#place(event, t);
    return true;
  }

  /** Something that the page itself saw or did. */
  note(type, text, at, group = "page") {
    this.#log({ at, t: null, type, group, text, raw: { type, text } });
  }

  /** Another session follows, whose clock began so much later: what is known moves onto it. */
  move(by) {
    for (const entry of this.events) if (entry.t !== null) entry.t += by;
    for (const mark of this.marks) mark.t += by;
    for (const span of [...this.voice, ...this.replies]) {
      span.start += by;
      if (span.end !== null) span.end += by;
    }
    for (const turn of this.turns) {
      turn.onset += by;
      turn.end += by;
      for (const stage of Object.keys(turn.stages)) turn.stages[stage] += by;
    }
    this.#attempts.clear();
    this.#onsets.clear();
    this.#overlap = null;
  }

  #log(entry) {
    keep(this.events, { id: this.#next, ...entry }, MOST_EVENTS);
    this.#next += 1;
  }

  #attempt(number) {
    if (!this.#attempts.has(number)) {
      this.#attempts.set(number, { attempt: number, turn: null, onset: null, end: null, reason: "", said: "", reply: "", stages: {}, interrupted: false, over: false });
      if (this.#attempts.size > MOST_TURNS) this.#attempts.delete(this.#attempts.keys().next().value);
    }
    return this.#attempts.get(number);
  }

  #stage(event, t) {
    if (event.attempt === undefined || event.type === "Duck" || event.type === "Unduck") return;
    if (event.type === "Transcript" && !event.final) return;
    const turn = this.#attempt(event.attempt);
    const stage = event.type === "Transcript" ? "words" : STAGE_OF[event.type];
    const empty = event.type === "ReplyText" && !event.text;
    if (stage && !empty) turn.stages[stage] ??= t;
    if (event.type === "Transcript") turn.said = event.text;
    if (event.type === "Eager" && event.text) turn.said = event.text;
    if (event.type === "Commit") this.#commit(turn, event);
    if (event.type === "ReplyText") turn.reply = `${turn.reply} ${event.text}`.trim();
    if (event.type === "Yield" || event.interrupted) turn.interrupted = true;
    if (event.type === "PlayoutEnded") turn.over = true;
  }

  #commit(turn, { turn: number, end, reason, t }) {
    if (reason === "greeting") return;
    const known = (this.#onsets.get(number) ?? end) / TICKS_PER_MS;
    Object.assign(turn, { turn: number, reason, onset: known, end: (reason === "typed" ? t : end) / TICKS_PER_MS });
    keep(this.turns, turn, MOST_TURNS);
  }

  #place(event, t) {
    const { type } = event;
    if (type === "TurnStarted") {
      this.#onsets.set(event.turn, event.onset);
      if (this.#onsets.size > MOST_TURNS) this.#onsets.delete(this.#onsets.keys().next().value);
    }
    if (type === "VoiceStarted") keep(this.voice, { start: event.onset / TICKS_PER_MS, end: null }, MOST_MARKS);
    if (type === "VoiceStopped" && this.voice.length) this.voice.at(-1).end = event.end / TICKS_PER_MS;
    if (type === "PlayoutStarted") keep(this.replies, { attempt: event.attempt, start: t, end: null, text: "", cut: false }, MOST_MARKS);
    const reply = this.replies.findLast(({ attempt }) => attempt === event.attempt);
    if (type === "Heard" && reply) reply.text = event.text;
    if (type === "PlayoutEnded" && reply) Object.assign(reply, { end: t, text: event.heard, cut: event.interrupted });
    if (type === "Duck") this.#overlap = t;
    if (type === "Yield" || type === "Backchannel") this.#overlap = null;
    if (MARKS.has(type) && event.reason !== "greeting") this.#mark(t, type, event.reason ?? "");
    // A voice over the agent's that took nothing from it: it was listening aloud.
    if (type === "Unduck" && event.decided !== false && this.#overlap !== null) {
      this.#mark(this.#overlap, "Backchannel", "");
      this.#overlap = null;
    }
  }

  #mark(t, kind, reason) {
    keep(this.marks, { t, kind, reason }, MOST_MARKS);
    if ((kind === "Yield" || kind === "Backchannel") && this.voice.length) this.voice.at(-1).kind = kind;
  }
}

/** The stages of a turn that were reached, in milliseconds after the user's voice ended, in order of time. */
export function reached({ end, stages }) {
  return STAGES.filter(([name]) => stages[name] !== undefined)
    .map(([name, words]) => ({ name, words, ms: stages[name] - end }))
    .sort((one, other) => one.ms - other.ms);
}

/** The middle of some numbers; null of none. */
export function median(numbers) {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  if (!sorted.length) return null;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
