// Where the session's time stands on the page's clock, and how long messages take each way. Pure.
//
// Only the round trip can be measured. The two ways are told apart by taking them to be equal in the quickest round
// trip of the last minute, as NTP does: what exceeds it is waiting in one direction.

const KEPT = 60;

export class Clock {
  #samples = [];
  #session = 0;

  /**
   * `sample`: {at, arrived} on the page's clock, {received, sent, session_ms} on the server's, milliseconds all.
   * Gives {trip, up, down}. Where it is another session's clock than before, `moved` is what to add to the old one's
   * times to get them on the new one, else null.
   */
  add({ at, arrived, received, sent, session_ms }) {
    const old = session_ms < this.#session ? this.pageTime(0) : null;
    if (old !== null) this.#samples = [];
    this.#session = session_ms;
    const trip = Math.max(0, arrived - at - (sent - received));
    const ahead = (received - at + (sent - arrived)) / 2;
    this.#samples.push({ trip, ahead, session: session_ms - received });
    if (this.#samples.length > KEPT) this.#samples.shift();
    const best = this.#best();
    return { trip, up: received - at - best.ahead, down: arrived - sent + best.ahead, moved: old === null ? null : old - this.pageTime(0) };
  }

  #best() {
    return this.#samples.reduce((best, each) => (each.trip < best.trip ? each : best));
  }

  get known() {
    return this.#samples.length > 0;
  }

  /** The page's time of a moment of the session, both in milliseconds. */
  pageTime(session) {
    const { ahead, session: since } = this.#best();
    return session - since - ahead;
  }
}
