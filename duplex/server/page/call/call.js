// One call: it finds the agent, is told and tells, measures the path, and survives the loss of its connection.

import * as api from "./api.js";
import { Connection } from "./connection.js";
import { LIMIT_MS, Link } from "./link.js";
import { anyProblem, lost, noPath, Problem } from "./problem.js";
import { between, counters } from "./stats.js";

const READY_MS = 20_000;
const TICK_MS = 500;
const PING_MS = 1_000;
const STATS_MS = 2_000;
const HOPELESS = new Set(["refused", "busy"]);

export class Call {
  #on;
  #track = null;
  #route = null;
  #current = null;
  #attempt = null;
  #attemptStream = null;
  #link = null;
  #timers = [];
  #before = null;
  #ready = null;
  #unready = null;
  #refused = null;
  #muted = false;

  /**
   * `on`: {state("connecting" | "live" | "lost"), message(rtvi), stream(MediaStream), clock(sample), stats(object),
   * note(text), ended(Problem | null)}. `ended` comes once, and not after `close`.
   */
  constructor(on) {
    this.#on = on;
    this.over = false;
  }

  /** Resolves when the agent is ready; rejects with a Problem. `track` is the microphone's, or null. */
  async open(track) {
    this.#track = track;
    this.#on.state("connecting");
    try {
      this.#route = await api.start();
      if (this.over) return;
      const ready = new Promise((resolve, reject) => {
        this.#ready = resolve;
        this.#unready = () => reject(noPath());
        this.#timers.push(setTimeout(this.#unready, READY_MS));
      });
      ready.catch(() => {}); // seen below, unless an earlier step fails first
      this.#current = this.#connect();
      await this.#current.negotiate(this.#route.path);
      if (this.over) return;
      await ready;
      this.#live();
    } catch (error) {
      if (this.over) return;
      this.close();
      throw anyProblem(error);
    }
  }

  #connect() {
    const connection = new Connection({
      track: this.#track,
      iceServers: this.#route.iceServers,
      on: {
        open: () => this.#send(connection, "client-ready", { version: "2.1.0", about: { library: "duplex-page" } }),
        message: (text) => this.#receive(connection, text),
        stream: (stream) => {
          if (connection === this.#current) this.#on.stream(stream);
          else this.#attemptStream = stream;
        },
        state: (state) => this.#on.note(`connection ${state}`),
        broken: () => this.#broken(connection),
      },
    });
    return connection;
  }

  #live() {
    this.#link = new Link(performance.now());
    const every = (ms, act) => this.#timers.push(setInterval(act, ms));
    every(TICK_MS, () => this.#tell("tick"));
    every(PING_MS, () => this.#ping());
    every(STATS_MS, () => this.#measure());
    this.#ping();
    this.#on.state("live");
  }

  // Messages

  #receive(connection, text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message?.type === "signalling" && message.message?.type === "peerLeft") return this.#end(null);
    if (connection === this.#attempt) this.#through();
    if (connection !== this.#current) return;
    this.#tell("heard");
    if (message?.label !== "rtvi-ai") return;
    const data = message.data ?? {};
    if (message.type === "bot-ready") this.#ready?.();
    if (message.type === "error" && data.fatal) return this.#end(new Problem("failed", "The agent failed", String(data.error)));
    if (message.type === "server-response" && data.t === "clock") {
      this.#on.clock({ at: data.d.at, arrived: performance.now(), ...data.d });
    }
    this.#on.message(message);
  }

  #send(connection, type, data) {
    const id = crypto.getRandomValues(new Uint32Array(1))[0].toString(16).padStart(8, "0");
    connection?.send(JSON.stringify({ label: "rtvi-ai", type, id, data }));
  }

  say(text) {
    this.#send(this.#current, "send-text", { content: text });
  }

  ask(t, d) {
    this.#send(this.#current, "client-message", { t, d });
  }

  // Measures

  #ping() {
    this.#current.send(`ping: ${Date.now()}`);
    this.ask("clock", { at: performance.now() });
  }

  async #measure() {
    const connection = this.#current;
    const now = performance.now();
    const after = counters(await connection.pc.getStats());
    const before = this.#before;
    this.#before = { connection, now, after };
    if (this.over || before?.connection !== connection) return;
    const stats = between(before.after, after, (now - before.now) / 1000);
    if (stats.playout !== null) this.ask("playout", { delay_ms: Math.min(1000, Math.max(0, stats.playout)) });
    this.#on.stats({ at: now, ...stats });
  }

  // Loss and return

  /** Milliseconds until it gives up, where the connection is lost. */
  get left() {
    return this.#link?.left(performance.now()) ?? null;
  }

  #broken(connection) {
    if (connection === this.#attempt) this.#fail();
    else if (connection === this.#current && this.#link) this.#tell("broken");
    else if (connection === this.#current) this.#unready();
  }

  /** The network is there again, the browser says. */
  online() {
    this.#tell("online");
  }

  #tell(event) {
    for (const act of this.#link?.on(performance.now(), event) ?? []) {
      if (act === "lost") this.#on.state("lost");
      else if (act === "attempt") this.#try();
      else if (act === "abandon") this.#drop();
      else if (act === "back") this.#on.state("live");
      else if (act === "over") this.#end(this.#refused ?? lost(LIMIT_MS / 1000));
    }
  }

  async #try() {
    const attempt = (this.#attempt = this.#connect());
    this.#on.note("trying to come back");
    try {
      await attempt.negotiate(this.#route.path, this.#current.id);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      const problem = anyProblem(error);
      this.#on.note(`it failed: ${problem.message}. ${problem.help}`);
      this.#refused = HOPELESS.has(problem.kind) && problem.retryAfter === null ? problem : null;
      this.#drop();
      this.#tell(this.#refused ? "refused" : "failed");
    }
  }

  #fail() {
    this.#drop();
    this.#tell("failed");
  }

  #drop() {
    this.#attempt?.close();
    this.#attempt = this.#attemptStream = null;
  }

  #through() {
    this.#current.close();
    [this.#current, this.#attempt] = [this.#attempt, null];
    if (this.#attemptStream) this.#on.stream(this.#attemptStream);
    this.#attemptStream = null;
    this.mute(this.#muted);
    this.#ping();
    this.#tell("through");
  }

  // Microphone and end

  /** Use another microphone, or none. */
  async speakFrom(track) {
    this.#track = track;
    if (track) track.enabled = !this.#muted;
    for (const connection of [this.#current, this.#attempt]) await connection?.sender.replaceTrack(track);
  }

  mute(muted) {
    this.#muted = muted;
    if (this.#track) this.#track.enabled = !muted;
    const message = { type: "trackStatus", receiver_index: 0, enabled: !muted };
    this.#current?.send(JSON.stringify({ type: "signalling", message }));
  }

  /** Hang up. */
  close() {
    this.over = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#drop();
    this.#current?.close();
  }

  #end(problem) {
    if (this.over) return;
    this.close();
    this.#on.ended(problem);
  }
}
