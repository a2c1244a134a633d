// Both sides' words, from RTVI messages: what is sure, and what may still change or was not heard yet. Pure.

const MOST = 400;

/** Words alone, to see whether one text goes on another. */
const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();

/**
 * `lines`: {id, who: "user" | "agent" | "note", sure, unsure, done, cut, typed, sources, segments}.
 * `segments` of the agent's: Map from a segment's id to {heard, rest, text}.
 */
export class Transcript {
  lines = [];
  #next = 1;
  #user = null;
  #agent = null;
  #bySegment = new Map();
  #lost = null;

  #handlers = {
    "user-started-speaking": () => this.#dropUnsure(),
    "user-transcription": ({ text, final }) => this.#said(String(text ?? ""), Boolean(final)),
    "bot-started-speaking": () => this.#begin(),
    "bot-output": (data) => this.#output(data),
    "bot-interrupted": () => this.#cut(),
    "bot-stopped-speaking": () => this.#close(),
    "server-message": (data) => data.kind === "sources" && this.#sources(data),
  };

  /** Take a message; says whether anything changed. */
  on({ type, data }) {
    const handler = this.#handlers[type];
    handler?.(data ?? {});
    return Boolean(handler);
  }

  #add(line) {
    const made = { id: this.#next, sure: "", unsure: "", done: false, cut: false, sources: [], ...line };
    this.#next += 1;
    this.lines.push(made);
    if (this.lines.length > MOST) this.lines.shift();
    return made;
  }

  // The user

  #dropUnsure() {
    if (this.#user && !this.#user.done) this.lines = this.lines.filter((line) => line !== this.#user);
    this.#user = null;
  }

  #said(text, final) {
    this.#user ??= this.#continued(text) ?? this.#add({ who: "user" });
    Object.assign(this.#user, final ? { sure: text, unsure: "", done: true } : { unsure: text });
    if (final) this.#user = null;
  }

  /** The last line, where the caller goes on with what seemed to be finished: the new text holds the old. */
  #continued(text) {
    const last = this.lines.at(-1);
    if (last?.who !== "user" || last.typed || !last.sure || !plain(text).startsWith(plain(last.sure))) return null;
    return Object.assign(last, { sure: "", done: false });
  }

  typed(text) {
    this.#dropUnsure();
    this.#add({ who: "user", sure: text, done: true, typed: true });
  }

  // The agent

  #begin() {
    this.#close();
    this.#agent = { line: null };
  }

  #line() {
    this.#agent ??= { line: null };
    this.#agent.line ??= this.#add({ who: "agent", segments: new Map() });
    return this.#agent.line;
  }

  #output({ segment_id, text, spoken_status, spoken_progress }) {
    const line = this.#bySegment.get(segment_id) ?? this.#line();
    const whole = String(text ?? "");
    const heard = spoken_status === "completed" ? whole : String(spoken_progress?.accumulated_text ?? "");
    const rest = spoken_status === "completed" ? "" : String(spoken_progress?.remaining_text ?? whole);
    line.segments.set(segment_id, { heard, rest, text: whole });
    this.#bySegment.set(segment_id, line);
    if (this.#bySegment.size > MOST) this.#bySegment.delete(this.#bySegment.keys().next().value);
    this.#write(line);
  }

  /** What follows an unheard word is unheard, whatever a later piece says. */
  #write(line) {
    const pieces = [...line.segments.values()];
    const open = pieces.findIndex(({ rest }) => rest);
    const until = open < 0 ? pieces.length : open;
    const join = (parts) => parts.filter(Boolean).join(" ");
    line.sure = join([...pieces.slice(0, until).map(({ heard }) => heard), pieces[open]?.heard]);
    line.unsure = join([pieces[open]?.rest, ...pieces.slice(until + 1).map(({ text }) => text)]);
  }

  #cut() {
    const line = this.#agent?.line;
    if (line) line.cut = line.done = true;
  }

  #close() {
    if (this.#agent?.line) this.#agent.line.done = true;
    this.#agent = null;
  }

  #sources({ sources }) {
    const line = this.#line();
    for (const source of sources ?? []) if (!line.sources.includes(source)) line.sources.push(String(source));
  }

  // The call

  note(text) {
    this.#add({ who: "note", sure: text, done: true });
  }

  /** The connection is lost: should the session turn out to be gone, `forgotten` says so at this place. */
  lost() {
    this.#lost = this.lines.at(-1)?.id ?? 0;
  }

  forgotten(text) {
    const at = this.lines.findIndex(({ id }) => id === this.#lost) + 1;
    this.note(text);
    this.lines.splice(at, 0, this.lines.pop());
    this.#bySegment.clear();
    this.ended();
  }

  /** The call is over: nothing is unsure any more. */
  ended() {
    this.#dropUnsure();
    this.#close();
  }
}
