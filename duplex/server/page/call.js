// One call: microphone, peer connection and data channel. Knows nothing of the page; tells it through `on`.

const GATHER_MS = 1500;
const OFFER_MS = 15000;
const READY_MS = 20000;

/** What went wrong, in words a person can act on. */
export class Problem extends Error {
  constructor(title, help) {
    super(title);
    this.help = help;
  }
}

function microphoneProblem(error) {
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return new Problem("The microphone is blocked", "Allow it for this page in the address bar, then call again.");
    case "NotFoundError":
    case "OverconstrainedError":
      return new Problem("No microphone was found", "Plug one in or switch it on, then call again.");
    case "NotReadableError":
      return new Problem("The microphone is in use", "Close the program that holds it, then call again.");
    default:
      return new Problem("The microphone cannot be opened", error.message);
  }
}

async function openMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Problem("No microphone here", "Browsers give one only to https pages and to localhost.");
  }
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw microphoneProblem(error);
  }
}

function gathered(pc) {
  return new Promise((resolve) => {
    const done = () => pc.iceGatheringState === "complete" && resolve();
    pc.addEventListener("icegatheringstatechange", done);
    setTimeout(resolve, GATHER_MS);
    done();
  });
}

async function postOffer(description) {
  const unreachable = new Problem("The server cannot be reached", "Is it still running? Then call again.");
  let response;
  try {
    response = await fetch("/api/offer", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sdp: description.sdp, type: description.type }),
      signal: AbortSignal.timeout(OFFER_MS),
    });
  } catch {
    throw unreachable;
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const reason = body.error ?? `status ${response.status}`;
  if (response.status === 503) throw new Problem("The agent takes no call right now", `The server says: ${reason}.`);
  throw new Problem("The server refused the call", `It says: ${reason}.`);
}

export class Call {
  /** `on`: {message(object), stream(MediaStream), microphone(MediaStream), ended(Problem | null)} */
  constructor(on) {
    this.on = on;
    this.over = false;
  }

  /** Resolves when the agent is ready; rejects with a Problem. `close()` meanwhile makes it resolve to false. */
  async open() {
    try {
      return await this.#connect();
    } catch (error) {
      if (this.over) return false;
      this.close();
      throw error instanceof Problem ? error : new Problem("The call failed", error.message);
    }
  }

  async #connect() {
    this.microphone = await openMicrophone();
    if (this.over) return this.#release();
    this.on.microphone(this.microphone);
    const pc = (this.pc = new RTCPeerConnection());
    for (const track of this.microphone.getAudioTracks()) {
      pc.addTrack(track, this.microphone);
      track.addEventListener("ended", () => this.#end(new Problem("The microphone is gone", "Plug it in and call again.")));
    }
    pc.addEventListener("track", (event) => this.on.stream(event.streams[0] ?? new MediaStream([event.track])));
    pc.addEventListener("connectionstatechange", () => {
      if (pc.connectionState === "failed") this.#lost();
    });
    const ready = this.#openChannel(pc.createDataChannel("chat", { ordered: true }));
    ready.catch(() => {}); // seen below, unless an earlier step fails first
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    const answer = await postOffer(pc.localDescription);
    if (this.over) return this.#release();
    await pc.setRemoteDescription({ type: answer.type, sdp: answer.sdp });
    await ready;
    return true;
  }

  #openChannel(channel) {
    this.channel = channel;
    return new Promise((resolve, reject) => {
      const late = new Problem("No connection to the agent", "UDP may be blocked between here and the server.");
      const timer = setTimeout(() => reject(late), READY_MS);
      channel.addEventListener("open", () => {
        const about = { library: "duplex-page", library_version: "1" };
        this.send("client-ready", { version: "2.1.0", about });
        this.pinging = setInterval(() => channel.readyState === "open" && channel.send(`ping: ${Date.now()}`), 1000);
      });
      channel.addEventListener("close", () => this.#lost());
      channel.addEventListener("message", ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "bot-ready") {
          clearTimeout(timer);
          resolve();
        }
        if (message.type === "signalling" && message.message?.type === "peerLeft") {
          this.#end(null);
        } else if (message.label === "rtvi-ai") {
          this.on.message(message);
        }
      });
    });
  }

  send(type, data) {
    const id = Math.random().toString(16).slice(2, 10);
    this.channel.send(JSON.stringify({ label: "rtvi-ai", type, id, data }));
  }

  mute(muted) {
    for (const track of this.microphone?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  close() {
    this.over = true;
    this.#release();
  }

  #lost() {
    this.#end(new Problem("The connection was lost", "Call again to go on."));
  }

  #end(problem) {
    if (this.over) return;
    this.close();
    this.on.ended(problem);
  }

  #release() {
    clearInterval(this.pinging);
    this.channel?.close();
    this.pc?.close();
    for (const track of this.microphone?.getTracks() ?? []) track.stop();
    return false;
  }
}
