// The server's HTTP side. Whatever fails is thrown as a Problem.

import { refusal, unreachable } from "./problem.js";

const ROOT = new URL("../../", import.meta.url);
const LIMIT_MS = 15_000;

async function request(method, path, body) {
  let response;
  try {
    response = await fetch(new URL(path, ROOT), {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
  } catch {
    throw unreachable();
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw refusal(response.status, answer, response.headers.get("retry-after"));
  return answer;
}

/** {title} */
export const about = () => request("GET", "api/about");

/** Resolves when calls can be taken; rejects while they cannot. */
export const ready = () =>
  request("GET", "ready").catch((problem) => {
    throw problem.kind === "busy" ? refusal(503, { error: "loading" }, null) : problem;
  });

/** Where to send the offer, and over which servers to connect. */
export async function start() {
  const { sessionId, iceConfig } = await request("POST", "start", { transport: "webrtc" });
  return { path: `sessions/${encodeURIComponent(sessionId)}/api/offer`, iceServers: iceConfig?.iceServers ?? [] };
}

/** {sdp, type, pc_id}. With the id of an earlier answer, a new peer connection goes on with its call. */
export const offer = (path, { sdp, type }, pcId) => request("POST", path, { sdp, type, pc_id: pcId, restart_pc: pcId !== null });

export const trickle = (path, pcId, candidates) => request("PATCH", path, { pc_id: pcId, candidates });
