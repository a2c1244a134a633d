// The tools that answers used, and RTVI's metrics, from messages. Pure.

const MOST = 100;

/** `calls`: {id, name, arguments, result, state: "working" | "done" | "cancelled"}, the latest last. */
export class Tools {
  calls = [];
  #begun = new Map();
  #took = new Map();

  /** Take a message; says whether it was one of these. */
  on({ type, data }) {
    if (type === "llm-function-call-in-progress") {
      const { tool_call_id: id, function_name: name = "a tool", arguments: given = {} } = data;
      this.calls.push({ id, name, arguments: given, result: "", state: "working" });
      if (this.calls.length > MOST) this.calls.shift();
    } else if (type === "llm-function-call-stopped") {
      const call = this.calls.findLast(({ id }) => id === data.tool_call_id);
      if (call) Object.assign(call, { state: data.cancelled ? "cancelled" : "done", result: data.result ?? "" });
    } else return type === "llm-function-call-started";
    return true;
  }

  /** Take an event of the session: messages of a tool may be held back until the turn is over, its times are here. */
  time({ type, call, t }) {
    if (type === "ToolStarted") this.#begun.set(call, t);
    if (type !== "ToolEnded" || !this.#begun.has(call)) return;
    this.#took.set(call, (t - this.#begun.get(call)) / 48);
    this.#begun.delete(call);
    if (this.#took.size > 2 * MOST) this.#took.delete(this.#took.keys().next().value);
  }

  /** How long a call took, in milliseconds; undefined if unknown. */
  took(id) {
    return this.#took.get(id);
  }
}

/** RTVI's `metrics`: `values` maps "ttfb llm" to the latest values in seconds. */
export class Metrics {
  values = new Map();

  on({ type, data }) {
    if (type !== "metrics") return false;
    for (const kind of ["ttfb", "processing"]) {
      for (const { processor, value } of data[kind] ?? []) {
        const key = `${kind} ${processor}`;
        const kept = this.values.get(key) ?? [];
        this.values.set(key, [...kept, value].slice(-MOST));
      }
    }
    return true;
  }
}
