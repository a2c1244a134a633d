// The page: a button, who speaks, and what was said.

import { Call } from "./call.js";
import { Meter } from "./meter.js";
import { Transcript } from "./transcript.js";

const byId = (id) => document.getElementById(id);
const body = document.body;
const transcript = new Transcript(byId("transcript"));
const meter = new Meter();
let call = null;
let started = 0;
let ticking = 0;

function show(state) {
  body.dataset.state = state;
  byId("call-label").textContent = state === "idle" ? "Call" : state === "connecting" ? "Cancel" : "Hang up";
  byId("mute").hidden = state !== "live";
  if (state !== "live") body.classList.remove("user-speaks", "agent-speaks");
  showSpeaker();
}

function showSpeaker() {
  const lines = { idle: "Press to talk with the agent", connecting: "Connecting…" };
  const speaker = body.classList.contains("agent-speaks")
    ? "The agent speaks"
    : body.classList.contains("user-speaks")
      ? "You speak"
      : "Listening";
  const muted = byId("mute").ariaPressed === "true" ? " · you are muted" : "";
  byId("status").textContent = lines[body.dataset.state] ?? speaker + muted;
}

function showProblem(problem) {
  byId("problem").hidden = !problem;
  byId("problem-title").textContent = problem?.message ?? "";
  byId("problem-help").textContent = problem?.help ?? "";
}

function speaks(who, yes) {
  body.classList.toggle(`${who}-speaks`, yes);
  showSpeaker();
}

const handlers = {
  "user-started-speaking": () => {
    transcript.userStarts();
    speaks("user", true);
  },
  "user-stopped-speaking": () => speaks("user", false),
  "user-transcription": ({ text, final }) => transcript.userSays(text, final),
  "bot-started-speaking": () => speaks("agent", true),
  "bot-stopped-speaking": () => speaks("agent", false),
  "bot-interrupted": () => transcript.agentCut(),
  "bot-output": ({ segment_id, spoken_status, spoken_progress }) => {
    const { accumulated_text: heard, remaining_text: rest } = spoken_progress;
    transcript.agentSays(segment_id, heard, rest, spoken_status === "completed");
  },
  error: ({ error }) => showProblem({ message: "Something went wrong", help: error }),
};

function setMuted(muted) {
  call?.mute(muted);
  byId("mute").ariaPressed = String(muted);
  byId("mute").textContent = muted ? "Unmute" : "Mute";
  showSpeaker();
}

function tick() {
  const seconds = Math.floor((Date.now() - started) / 1000);
  byId("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function end(problem) {
  call = null;
  meter.stop();
  clearInterval(ticking);
  byId("voice").srcObject = null;
  setMuted(false);
  show("idle");
  if (problem) showProblem(problem);
}

async function start() {
  transcript.clear();
  showProblem(null);
  byId("clock").textContent = "";
  show("connecting");
  meter.start((user, agent) => {
    document.querySelector(".ring.user").style.setProperty("--level", user.toFixed(3));
    document.querySelector(".ring.agent").style.setProperty("--level", agent.toFixed(3));
  });
  call = new Call({
    message: ({ type, data }) => handlers[type]?.(data ?? {}),
    microphone: (stream) => meter.watch("user", stream),
    stream: (stream) => {
      byId("voice").srcObject = stream;
      meter.watch("agent", stream);
    },
    ended: end,
  });
  const mine = call;
  try {
    if (!(await mine.open()) || call !== mine) return;
    started = Date.now();
    tick();
    ticking = setInterval(tick, 1000);
    show("live");
  } catch (problem) {
    if (call === mine) end(problem);
  }
}

byId("call").addEventListener("click", () => {
  if (!call) return start();
  call.close();
  end(null);
});
byId("mute").addEventListener("click", () => setMuted(byId("mute").ariaPressed !== "true"));
addEventListener("pagehide", () => call?.close());

fetch("/api/about")
  .then((response) => response.json())
  .then(({ title }) => {
    byId("title").textContent = document.title = title;
  })
  .catch(() => showProblem({ message: "The server cannot be reached", help: "Is it still running?" }));
