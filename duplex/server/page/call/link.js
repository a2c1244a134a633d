// When a connection counts as lost, when another is tried, and when to give up. Pure: time is passed in.
//
//    LIVE ── silent for 4 s, broken, offline ──► LOST ── attempts ──► LIVE
//     ▲                                           │ │
//     └───── heard again on the old connection ───┘ └── 30 s ──► OVER

export const LIMIT_MS = 30_000;
const SILENT_MS = 4_000;
const ATTEMPT_MS = 8_000;
const PAUSE_MS = 1_500;
const ASLEEP_MS = 2_500;

export class Link {
  #heard;
  #ticked;
  #attempting = false;
  #next = 0;

  /** Made when the call is live. */
  constructor(now) {
    this.state = "live";
    this.since = 0;
    this.#heard = this.#ticked = now;
  }

  /** Milliseconds until it gives up, where it is lost. */
  left(now) {
    return this.state === "lost" ? Math.max(0, this.since + LIMIT_MS - now) : null;
  }

  /**
   * What to do now: of "lost", "attempt", "abandon" (the attempt that is under way), "back" and "over", in order.
   * `event`: "tick" (once a second at least), "heard" (anything came from the server), "broken", "failed" (the
   * attempt under way), "through" (the attempt under way is up), "refused" (there is no use in trying), "online".
   */
  on(now, event) {
    if (this.state === "over") return [];
    switch (event) {
      case "heard":
        return this.#hear(now);
      case "broken":
        return this.state === "live" ? this.#lose(now) : [];
      case "through":
        this.#attempting = false;
        return this.#hear(now);
      case "failed":
        this.#attempting = false;
        this.#next = now + PAUSE_MS;
        return this.#look(now);
      case "refused":
        this.state = "over";
        return ["over"];
      case "online":
        if (this.state !== "lost" || this.#attempting) return [];
        this.#next = now;
        return this.#look(now);
      default:
        return this.#tick(now);
    }
  }

  #hear(now) {
    this.#heard = now;
    if (this.state !== "lost") return [];
    this.state = "live";
    const abandoned = this.#attempting;
    this.#attempting = false;
    return abandoned ? ["abandon", "back"] : ["back"];
  }

  #lose(now) {
    this.state = "lost";
    this.since = now;
    this.#attempting = true;
    this.#next = now + ATTEMPT_MS;
    return ["lost", "attempt"];
  }

  #tick(now) {
    // A page that slept or was busy has not read what came meanwhile.
    if (now - this.#ticked > ASLEEP_MS) this.#heard = Math.max(this.#heard, now - SILENT_MS + 1_000);
    this.#ticked = now;
    if (this.state === "live") return now - this.#heard > SILENT_MS ? this.#lose(now) : [];
    return this.#look(now);
  }

  #look(now) {
    if (this.state !== "lost") return [];
    if (this.left(now) === 0) {
      this.state = "over";
      return this.#attempting ? ["abandon", "over"] : ["over"];
    }
    if (now < this.#next) return [];
    const before = this.#attempting ? ["abandon"] : [];
    this.#attempting = true;
    this.#next = now + ATTEMPT_MS;
    return [...before, "attempt"];
  }
}
