// Both voices on one axis, with what was decided about them.

import { milliseconds } from "./html.js";

const RULER = 22;
const WAVE = 74;
const CAPTION = 38;
const LANE = 30;
export const HEIGHT = RULER + 2 * (WAVE + CAPTION) + LANE;
const USER = RULER;
const BETWEEN = RULER + WAVE + CAPTION;
const AGENT = BETWEEN + LANE;
const BAR = 3;
const FONT = '12px -apple-system, "Segoe UI", Roboto, Arial, sans-serif';

/** What stands on the axis, with times of the axis in milliseconds: {voices, replies, marks, gaps, captions}. */
export function scene(history, end) {
  const { session } = history;
  const at = (t) => (t === null ? end : history.place(t));
  if (history.place(0) === null) return { voices: [], replies: [], marks: [], gaps: [], captions: [] };
  const marks = session.marks.map((mark) => ({ ...mark, at: at(mark.t) }));
  const voices = session.voice.map(({ start, end: until, kind }) => ({ from: at(start), to: at(until), kind }));
  const replies = session.replies.map(({ start, end: until, text, cut }) => ({ from: at(start), to: at(until), text, cut }));
  const gaps = session.turns.flatMap((turn) => {
    const heard = turn.stages.heard;
    return heard === undefined ? [] : [{ from: at(turn.end), to: at(heard), ms: heard - turn.end }];
  });
  const captions = session.turns.map(({ onset, said, reason }) => ({ from: at(onset), text: reason === "typed" ? `⌨ ${said}` : said }));
  return { voices, replies, marks, gaps, captions };
}

/** A mark's words, for people. */
export function nameOf({ kind, reason }) {
  const names = {
    Eager: "perhaps over: a reply is prepared",
    Resumed: "the caller went on: dropped",
    Discarded: "no words: dropped",
    Yield: "interruption: the agent stops",
    Backchannel: "backchannel: the agent goes on",
  };
  const commits = { words: "end of turn, by the words", timeout: "end of turn, by waiting", typed: "a typed message" };
  return kind === "Commit" ? (commits[reason] ?? `end of turn: ${reason}`) : names[kind];
}

const colourOf = ({ kind, reason }, colours) =>
  ({ Yield: colours.bad, Backchannel: colours.good, Commit: reason === "timeout" ? colours.wait : colours.agent })[kind] ?? colours.soft;

function drawMark(pen, x, y, mark, colour) {
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 2;
  pen.beginPath();
  if (mark.kind === "Eager") pen.arc(x, y, 4, 0, 7);
  else if (mark.kind === "Yield") pen.rect(x - 5, y - 5, 10, 10);
  else if (mark.kind === "Backchannel") pen.arc(x, y, 5.5, 0, 7);
  else if (mark.kind === "Commit") for (const [dx, dy] of [[0, -6.5], [6.5, 0], [0, 6.5], [-6.5, 0]]) pen.lineTo(x + dx, y + dy);
  else for (const side of [-1, 1]) {
    pen.moveTo(x - 4, y - 4 * side);
    pen.lineTo(x + 4, y + 4 * side);
  }
  if (["Yield", "Backchannel", "Commit"].includes(mark.kind)) pen.fill();
  else pen.stroke();
}

class Picture {
  constructor({ pen, width }, axis, colours) {
    Object.assign(this, { pen, width, axis, colours });
  }

  x(ms) {
    return this.axis.x(ms, this.width);
  }

  seen(from, to = from) {
    return to >= this.axis.from && from <= this.axis.to;
  }

  ruler() {
    const { pen, colours } = this;
    pen.font = FONT;
    for (const tick of this.axis.ticks(this.width, 64)) {
      const x = Math.round(this.x(tick * 1000)) + 0.5;
      pen.strokeStyle = colours.line;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x, 0);
      pen.lineTo(x, HEIGHT);
      pen.stroke();
      pen.fillStyle = colours.soft;
      pen.fillText(tick >= 60 ? `${Math.floor(tick / 60)}:${String(tick % 60).padStart(2, "0")}` : `${tick} s`, x + 4, 14);
    }
  }

  band(from, to, y, colour, alpha) {
    if (!this.seen(from, to)) return;
    this.pen.globalAlpha = alpha;
    this.pen.fillStyle = colour;
    this.pen.fillRect(this.x(from), y, Math.max(2, this.x(to) - this.x(from)), WAVE);
    this.pen.globalAlpha = 1;
  }

  bars(peaks, side, y, colour) {
    const { pen, axis, width } = this;
    const step = (axis.span * BAR) / width;
    pen.fillStyle = colour;
    // Bars stand at fixed times, so that they do not flicker while the axis moves.
    for (let bar = Math.floor(axis.from / step); bar * step < axis.to; bar += 1) {
      if (bar * step > peaks.duration) break;
      const peak = peaks.max(side, bar * step, (bar + 1) * step);
      const tall = Math.max(1, Math.min(1, peak ** 0.55 * 1.2) * (WAVE - 10));
      pen.fillRect(this.x(bar * step), y + (WAVE - tall) / 2, BAR - 1, tall);
    }
  }

  text(from, room, y, text, colour) {
    const x = Math.max(0, this.x(from));
    const wide = room - x - 8;
    if (!text || wide < 24 || x > this.width) return;
    const { pen } = this;
    pen.save();
    pen.beginPath();
    pen.rect(x, y, wide, CAPTION);
    pen.clip();
    pen.font = FONT;
    pen.fillStyle = colour;
    for (const [line, words] of wrap(pen, text, wide, 2).entries()) pen.fillText(words, x + 1, y + 14 + line * 15);
    pen.restore();
  }

  texts(list, y, colour) {
    list.forEach((each, place) => {
      const next = list[place + 1] ? this.x(list[place + 1].from) : this.width + 200;
      if (next > 0) this.text(each.from, Math.min(next, this.width), y, each.text, colour);
    });
  }

  /** From the end of the caller's voice to the agent's first sound. */
  gap({ from, to, ms }) {
    if (!this.seen(from, to)) return;
    const { pen, colours } = this;
    const [left, right, y] = [this.x(from), this.x(to), BETWEEN + LANE - 7];
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(left, y - 5);
    pen.lineTo(left, y);
    pen.lineTo(right, y);
    pen.lineTo(right, y + 5);
    pen.stroke();
    pen.font = `600 ${FONT}`;
    pen.fillStyle = colours.ink;
    pen.fillText(milliseconds(ms), right + 5, y + 4);
  }

  mark(mark) {
    if (!this.seen(mark.at)) return;
    const x = this.x(mark.at);
    const colour = colourOf(mark, this.colours);
    if (mark.kind === "Yield" || mark.kind === "Commit") {
      this.pen.strokeStyle = colour;
      this.pen.globalAlpha = 0.55;
      this.pen.lineWidth = 1;
      this.pen.setLineDash([3, 3]);
      this.pen.beginPath();
      this.pen.moveTo(x, RULER);
      this.pen.lineTo(x, AGENT + WAVE);
      this.pen.stroke();
      this.pen.setLineDash([]);
      this.pen.globalAlpha = 1;
    }
    drawMark(this.pen, x, BETWEEN + 8, mark, colour);
  }

  name(text, y, colour) {
    const { pen, colours } = this;
    pen.font = `600 ${FONT}`;
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    pen.strokeStyle = colours.raised;
    pen.strokeText(text, 8, y + 14);
    pen.fillStyle = colour;
    pen.fillText(text, 8, y + 14);
  }
}

function wrap(pen, text, width, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (pen.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else if (lines.length < most) lines.push(word);
    else {
      lines[most - 1] += " …";
      break;
    }
  }
  return lines;
}

/** Everything between `axis.from` and `axis.to`. `drawn` is the scene. */
export function paint(place, axis, { peaks, title }, drawn, colours) {
  const picture = new Picture(place, axis, colours);
  picture.ruler();
  const overlaps = { Yield: colours.bad, Backchannel: colours.good };
  for (const { from, to, kind } of drawn.voices) picture.band(from, to, USER, overlaps[kind] ?? colours.voice, kind ? 0.2 : 0.1);
  for (const { from, to } of drawn.replies) picture.band(from, to, AGENT, colours.agent, 0.1);
  picture.bars(peaks, "user", USER, colours.voice);
  picture.bars(peaks, "agent", AGENT, colours.agent);
  picture.texts(drawn.captions, USER + WAVE, colours.ink);
  picture.texts(drawn.replies, AGENT + WAVE, colours.ink);
  for (const gap of drawn.gaps) picture.gap(gap);
  for (const mark of drawn.marks) picture.mark(mark);
  picture.name("You", USER, colours.user);
  picture.name(title || "Agent", AGENT, colours.agent);
}

/** The whole call in small, with a window on what is shown. */
export function paintOverview({ pen, width, height }, axis, peaks, marks, end, colours) {
  const scale = width / Math.max(1, end);
  for (const [side, colour, y] of [["user", colours.voice, 0], ["agent", colours.agent, height / 2]]) {
    pen.fillStyle = colour;
    for (let x = 0; x < width; x += 2) {
      const tall = Math.max(0.5, peaks.max(side, x / scale, (x + 2) / scale) ** 0.6 * (height / 2 - 2));
      pen.fillRect(x, y + (height / 2 - tall) / 2, 1.5, tall);
    }
  }
  for (const mark of marks) {
    if (mark.kind !== "Yield" && mark.kind !== "Backchannel") continue;
    pen.fillStyle = colourOf(mark, colours);
    pen.fillRect(mark.at * scale - 1, 0, 2, height);
  }
  pen.globalAlpha = 0.1;
  pen.fillStyle = colours.ink;
  pen.fillRect(axis.from * scale, 0, axis.span * scale, height);
  pen.globalAlpha = 1;
  pen.strokeStyle = colours.soft;
  pen.lineWidth = 1;
  pen.strokeRect(axis.from * scale + 0.5, 0.5, Math.min(width, axis.span * scale) - 1, height - 1);
}
