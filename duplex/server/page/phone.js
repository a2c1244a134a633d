// The page's state and what a person can do: one call after another. Knows nothing of how it is shown.

import { Sound } from "./audio/sound.js";
import * as api from "./call/api.js";
import { Call } from "./call/call.js";
import { devices, openMicrophone, remember, remembered } from "./call/microphone.js";
import { anyProblem, microphoneGone, WITHOUT_VOICE } from "./call/problem.js";
import { History } from "./model/history.js";
import { Observable } from "./model/observable.js";

const READY_EVERY_MS = 1_000;
const MAX_TEXT = 4_000;

const capitalised = (name) => name.charAt(0).toUpperCase() + name.slice(1);

export class Phone extends Observable {
  title = "";
  /** "idle", "connecting", "live" or "lost". */
  state = "idle";
  /** The Problem that ended or prevented the last call, or troubles this one. */
  problem = null;
  /** When the server said to try again, on the page's clock. */
  retryAt = null;
  /** "loading" until calls are taken, then "ready"; "gone" if there is no server. */
  server = "loading";
  muted = false;
  /** The call has no microphone. */
  voiceless = false;
  speaking = { user: false, agent: false };
  devices = { audioinput: [], audiooutput: [] };
  chosen = remembered();
  history = new History();
  /** {url, name} of the last call. */
  recording = null;
  started = null;
  ended = null;
  #call = null;
  #microphone = null;
  #watching = false;
  #knocking = false;
  #awake = null;

  constructor(voice) {
    super();
    this.sound = new Sound(voice);
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#listDevices());
    addEventListener("online", () => this.#call?.online());
    addEventListener("pagehide", () => this.#call?.close());
    this.#knock();
  }

  // The server

  /** Learn the agent's name, and wait until its models are warm. */
  async #knock() {
    if (this.#knocking) return;
    this.#knocking = true;
    while (!(await this.#answered())) await new Promise((resolve) => setTimeout(resolve, READY_EVERY_MS));
    this.#knocking = false;
  }

  async #answered() {
    try {
      if (!this.title) this.title = capitalised((await api.about()).title);
      await api.ready();
      this.server = "ready";
      if (["loading", "unreachable"].includes(this.problem?.kind)) this.problem = null;
    } catch (problem) {
      this.server = problem.kind === "loading" ? "loading" : "gone";
    }
    this.changed();
    return this.server === "ready";
  }

  // A call

  get busy() {
    return this.state !== "idle";
  }

  /** Seconds of the call so far, or of the last one; null before the first. */
  get seconds() {
    return this.started === null ? null : ((this.ended ?? performance.now()) - this.started) / 1000;
  }

  /** Milliseconds until a lost connection is given up. */
  get left() {
    return this.#call?.left ?? null;
  }

  toggle() {
    if (this.busy) this.hangUp();
    else this.dial();
  }

  /** `voiceless`: without a microphone, to type and listen. */
  async dial({ voiceless = false } = {}) {
    if (this.busy) return;
    this.#forget();
    Object.assign(this, { state: "connecting", problem: null, retryAt: null, voiceless, muted: false });
    this.changed();
    const call = (this.#call = new Call(this.#handlers()));
    const mine = () => this.#call === call;
    this.sound.start((until, peaks) => this.history.peaks.add(until, peaks));
    try {
      const stream = voiceless ? null : await openMicrophone(this.chosen.audioinput);
      if (!mine()) return stream?.getTracks().forEach((track) => track.stop());
      this.#take(stream);
      this.#listDevices();
      this.sound.playOn(this.chosen.audiooutput ?? "").catch(() => {});
      await call.open(stream?.getAudioTracks()[0] ?? null);
      if (!mine() || call.over) return;
      this.started = performance.now();
      if (this.#watching) call.ask("events", { on: true });
      this.#stayAwake();
    } catch (error) {
      if (mine()) this.#end(anyProblem(error));
    }
    this.changed();
  }

  /** A phone's screen stays on while somebody talks: many browsers silence a page behind a dark one. */
  async #stayAwake() {
    this.#awake = await navigator.wakeLock?.request("screen").catch(() => null);
    if (!this.busy) this.#awake?.release();
  }

  #handlers() {
    const history = this.history;
    const told = (act) => (...values) => {
      act(...values);
      this.changed();
    };
    return {
      state: told((state) => this.#turn(state)),
      message: told((message) => this.#read(message)),
      stream: (stream) => this.sound.agent(stream),
      clock: told((sample) => {
        if (!history.clock(sample)) return;
        history.transcript.forgotten("The call was put through anew: the agent has forgotten what was said before.");
        if (this.#watching) this.#call?.ask("events", { on: true });
      }),
      stats: told((stats) => history.measured(stats)),
      note: told((text) => history.note("Connection", text)),
      ended: (problem) => this.#end(problem),
    };
  }

  #turn(state) {
    if (state === "lost") {
      this.speaking = { user: false, agent: false };
      this.history.transcript.lost();
    }
    if (this.state !== state) this.history.note("Call", state);
    this.state = state;
  }

  #read(message) {
    const { type, data } = message;
    const speaker = { user: "user", bot: "agent" }[type.split("-")[0]];
    if (/^(user|bot)-(started|stopped)-speaking$/.test(type)) this.speaking[speaker] = type.includes("started");
    if (type === "error") this.history.transcript.note(`The agent reports a fault: ${data?.error}`);
    this.history.read(message);
  }

  hangUp() {
    if (!this.busy) return;
    this.#call?.close();
    this.#end(null, "you hung up");
  }

  async #end(problem, reason = "the agent ended the call") {
    this.#call = null;
    this.#drop();
    this.#awake?.release();
    Object.assign(this, { state: "idle", problem, speaking: { user: false, agent: false }, muted: false });
    if (this.started !== null) {
      this.ended = performance.now();
      this.history.end(problem?.message ?? reason);
    }
    if (problem?.retryAfter) this.retryAt = performance.now() + problem.retryAfter * 1000;
    if (["loading", "unreachable", "lost"].includes(problem?.kind)) this.#knock();
    this.changed();
    const history = this.history;
    const recording = await this.sound.stop();
    if (recording && history === this.history && this.started !== null) this.recording = { url: URL.createObjectURL(recording.blob), name: recording.name };
    this.changed();
  }

  /** The last call's traces go when the next begins. */
  #forget() {
    if (this.recording) URL.revokeObjectURL(this.recording.url);
    Object.assign(this, { recording: null, started: null, ended: null, history: new History() });
  }

  /** Whether a person could go on without a microphone. */
  get couldType() {
    return !this.busy && WITHOUT_VOICE.has(this.problem?.kind);
  }

  // In a call

  mute(muted = !this.muted) {
    if (!this.#call || this.voiceless) return;
    this.muted = muted;
    this.#call.mute(muted);
    this.history.note("Microphone", muted ? "muted" : "on");
    this.changed();
  }

  say(text) {
    const words = text.trim().slice(0, MAX_TEXT);
    if (this.state !== "live" || !words) return false;
    this.#call.say(words);
    this.history.transcript.typed(words);
    this.changed();
    return true;
  }

  /** Be told every event of the session from now on, for the debug view. */
  watchEvents() {
    if (this.#watching) return;
    this.#watching = true;
    if (this.state === "live") this.#call.ask("events", { on: true });
  }

  // Devices

  async #listDevices() {
    this.devices = await devices();
    this.changed();
  }

  async choose(kind, id) {
    this.chosen = { ...this.chosen, [kind]: id };
    remember(kind, id);
    this.changed();
    if (!this.busy) return;
    try {
      if (kind === "audiooutput") await this.sound.playOn(id);
      else await this.#change(await openMicrophone(id));
      if (this.problem?.kind === "microphone-gone") this.problem = null;
    } catch (error) {
      this.problem = anyProblem(error);
    }
    this.changed();
  }

  async #change(stream) {
    if (!this.#call) return stream.getTracks().forEach((track) => track.stop());
    const muted = this.muted;
    this.#take(stream);
    this.voiceless = false;
    await this.#call.speakFrom(stream.getAudioTracks()[0]);
    this.#call?.mute(muted);
  }

  #take(stream) {
    this.#drop();
    this.#microphone = stream;
    this.sound.user(stream);
    const track = stream?.getAudioTracks()[0];
    track?.addEventListener("ended", () => {
      if (stream !== this.#microphone) return;
      this.problem = microphoneGone();
      this.voiceless = true;
      this.history.note("Microphone", "gone");
      this.changed();
    });
  }

  #drop() {
    const stream = this.#microphone;
    this.#microphone = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
  }
}
