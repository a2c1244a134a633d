// One peer connection with its data channel. A call may outlive it and go on over another.

import * as api from "./api.js";

const GATHER_MS = 300;
const BATCH_MS = 150;

function gathered(pc) {
  return new Promise((resolve) => {
    const look = () => pc.iceGatheringState === "complete" && resolve();
    pc.addEventListener("icegatheringstatechange", look);
    setTimeout(resolve, GATHER_MS);
    look();
  });
}

export class Connection {
  #late = [];
  #batching = 0;

  /**
   * `on`: {open(), message(text), stream(MediaStream), state(text), broken()}.
   * `track` is the microphone's, or null.
   */
  constructor({ track, iceServers, on }) {
    this.id = null;
    this.over = false;
    this.pc = new RTCPeerConnection({ iceServers });
    const { sender } = this.pc.addTransceiver(track ?? "audio", { direction: "sendrecv" });
    this.sender = sender;
    this.channel = this.pc.createDataChannel("chat", { ordered: true });
    const unlessOver = (act) => (event) => this.over || act(event);
    this.channel.addEventListener("open", unlessOver(on.open));
    this.channel.addEventListener("close", unlessOver(on.broken));
    this.channel.addEventListener("message", unlessOver(({ data }) => on.message(data)));
    this.pc.addEventListener("track", unlessOver(({ track: theirs }) => on.stream(new MediaStream([theirs]))));
    this.pc.addEventListener(
      "connectionstatechange",
      unlessOver(() => {
        on.state(this.pc.connectionState);
        if (this.pc.connectionState === "failed") on.broken();
      }),
    );
  }

  /** Offer and answer; `pcId` names the connection whose call is to go on. Rejects with a Problem. */
  async negotiate(path, pcId = null) {
    const pc = this.pc;
    pc.addEventListener("icecandidate", ({ candidate }) => candidate && this.#trickle(path, candidate));
    await pc.setLocalDescription(await pc.createOffer());
    await gathered(pc);
    if (this.over) return;
    this.#late = []; // what was gathered so far stands in the offer
    const { sdp, type, pc_id } = await api.offer(path, pc.localDescription, pcId);
    if (this.over) return;
    this.id = pc_id;
    await pc.setRemoteDescription({ sdp, type });
    if (this.#late.length) this.#flush(path);
  }

  #trickle(path, candidate) {
    this.#late.push({
      candidate: candidate.candidate,
      sdp_mid: candidate.sdpMid,
      sdp_mline_index: candidate.sdpMLineIndex,
    });
    if (this.id) this.#flush(path);
  }

  #flush(path) {
    clearTimeout(this.#batching);
    this.#batching = setTimeout(() => {
      const candidates = this.#late.splice(0);
      // Its failure shows as a connection that does not come up.
      if (!this.over && candidates.length) api.trickle(path, this.id, candidates).catch(() => {});
    }, BATCH_MS);
  }

  get open() {
    return !this.over && this.channel.readyState === "open";
  }

  send(text) {
    if (this.open) this.channel.send(text);
  }

  close() {
    this.over = true;
    clearTimeout(this.#batching);
    this.channel.close();
    this.pc.close();
  }
}
