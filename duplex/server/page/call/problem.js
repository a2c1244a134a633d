// What can go wrong, in words that a person can act on. Pure.

/** `kind` decides what the page offers; `retryAfter` is in seconds, where the server named a time. */
export class Problem extends Error {
  constructor(kind, title, help, retryAfter = null) {
    super(title);
    this.kind = kind;
    this.help = help;
    this.retryAfter = retryAfter;
  }
}

/** Without a microphone a person can still type and listen. */
export const WITHOUT_VOICE = new Set(["insecure", "denied", "no-microphone", "microphone-busy", "microphone"]);

export function insecure(origin) {
  return new Problem(
    "insecure",
    "This address cannot use the microphone",
    `Browsers allow it on https pages and on localhost alone, and this is ${origin}. Open the page over https.`,
  );
}

export function microphoneProblem(error) {
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return new Problem(
        "denied",
        "The microphone is blocked",
        "Allow it for this page: select the icon at the left of the address bar, then call again.",
      );
    case "NotFoundError":
    case "OverconstrainedError":
      return new Problem("no-microphone", "No microphone was found", "Plug one in or switch it on, then call again.");
    case "NotReadableError":
    case "AbortError":
      return new Problem("microphone-busy", "The microphone is in use", "Close the program that holds it, then call again.");
    default:
      return new Problem("microphone", "The microphone cannot be opened", error.message);
  }
}

export function unreachable() {
  return new Problem("unreachable", "The server cannot be reached", "Check that it is running and that you are online.");
}

/** Of an HTTP answer that is no success: `body` is its JSON, or {}. */
export function refusal(status, body, retryAfter) {
  const reason = String(body.error ?? `status ${status}`);
  const seconds = /^\d{1,4}$/.test(retryAfter ?? "") ? Number(retryAfter) : null;
  if (status === 503 && /loading/.test(reason)) {
    return new Problem("loading", "The agent is starting", "Its models are still loading. It will be ready in a moment.", seconds);
  }
  if (status === 503) return new Problem("busy", "The agent takes no call right now", `The server says: ${reason}.`, seconds);
  if (status >= 500) {
    return new Problem("failed", "The server could not take the call", `Something went wrong there (${reason}). Its log says what; try again.`);
  }
  return new Problem("refused", "The server refused the call", `It says: ${reason}.`);
}

export function noPath() {
  return new Problem(
    "no-path",
    "No connection to the agent",
    "The server answered, but no sound gets through. A firewall may block UDP; another network may help.",
  );
}

export function lost(seconds) {
  return new Problem(
    "lost",
    "The connection was lost",
    `It could not be restored within ${seconds} seconds. Check your network, then call again.`,
  );
}

export function microphoneGone() {
  return new Problem("microphone-gone", "The microphone is gone", "The agent cannot hear you. Plug it in again or choose another one.");
}

export function anyProblem(error) {
  return error instanceof Problem ? error : new Problem("failed", "The call failed", error.message);
}
