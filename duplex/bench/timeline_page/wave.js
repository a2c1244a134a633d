"use strict";
// Both voices on one time axis. Sound is drawn on a canvas that covers only what is in view; spans, captions and
// marks are elements whose place is a time, so that a zoom changes one number and the browser does the rest.

const BAR = 3; // CSS pixels from one bar of the waves to the next
const CLOSE = 90; // pixels a second from which words stand one by one
const ZOOM = { least: 4, most: 800, first: 34 };

function bytes(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function milliseconds(seconds) {
  return `${Math.round(seconds * 1000).toLocaleString("en")} ms`;
}

class Wave {
  constructor(data, audio) {
    this.data = data;
    this.audio = audio;
    this.peaks = { user: bytes(data.peaks.user), agent: bytes(data.peaks.agent) };
    this.stage = document.getElementById("stage");
    this.canvas = document.getElementById("waves");
    this.overview = document.getElementById("overview");
    this.playhead = document.getElementById("playhead");
    this.follow = document.getElementById("follow");
    this.lanes = document.getElementById("lanes");
    this.stage.style.setProperty("--duration", data.duration);
    this.stage.setAttribute("aria-valuemax", data.duration.toFixed(1));
    this.fill();
    this.zoom(Math.max(ZOOM.first, this.fitting()), 0);
    this.listen();
    this.move();
  }

  // What stands on the axis

  put(className, start, length, text, title) {
    const made = element("div", className, text);
    made.style.setProperty("--t", start);
    made.style.setProperty("--d", Math.max(0, length));
    if (title) made.title = title;
    this.lanes.append(made);
    return made;
  }

  fill() {
    for (const turn of this.data.turns) {
      const length = turn.end - turn.start;
      this.put("span said", turn.start, length);
      this.put("span caption whole user", turn.start, length, turn.heard || "(nothing heard)", `heard: ${turn.heard}\nasked: ${turn.asked}`);
      if (turn.latency !== null) {
        const gap = this.put("gap", turn.end, turn.latency, undefined, "from the last word to the first sound");
        gap.append(element("span", "", milliseconds(turn.latency)));
      }
    }
    for (const [start, end] of this.data.voice) this.put("span voice", start, end - start);
    for (const [start, end, state, soon] of this.data.core) {
      this.put(`span core ${state}`, start, end - start, undefined, `the core: ${state}, end within 640 ms: ${soon.toFixed(2)}`);
    }
    for (const reply of this.data.replies) this.fillReply(reply);
    for (const mark of this.data.marks) {
      const kind = `${mark.kind} ${mark.reason}`;
      if (mark.kind === "Commit" || mark.kind === "Yield") this.put(`line ${kind}`, mark.t, 0);
      this.put(`mark ${kind}`, mark.t, 0, undefined, `${mark.kind}${mark.reason && ` (${mark.reason})`} at ${mark.t.toFixed(3)} s`);
    }
    for (const entry of document.querySelectorAll("#wave-legend i")) {
      entry.parentElement.hidden = !this.lanes.getElementsByClassName(entry.className).length && !entry.matches(".swatch");
    }
  }

  fillReply(reply) {
    this.put(`span reply${reply.cut ? " cut" : ""}`, reply.start, reply.end - reply.start);
    this.put("span caption whole agent", reply.start, reply.end - reply.start, reply.text, reply.text);
    for (const [text, start, end, heard] of reply.words) {
      this.put(`span caption word agent${heard ? "" : " unheard"}`, start, end - start, text, heard ? "" : "not heard: cut off");
    }
  }

  // Zoom and scroll

  fitting() {
    return Math.max(ZOOM.least, this.stage.clientWidth / this.data.duration);
  }

  zoom(scale, x = this.stage.clientWidth / 2) {
    const at = (this.stage.scrollLeft + x) / (this.scale || scale);
    this.scale = Math.min(ZOOM.most, Math.max(Math.min(this.fitting(), ZOOM.first), scale));
    this.stage.style.setProperty("--pps", this.scale);
    this.stage.classList.toggle("close", this.scale >= CLOSE);
    for (const gap of this.lanes.querySelectorAll(".gap")) {
      gap.classList.toggle("narrow", gap.style.getPropertyValue("--d") * this.scale < 60);
    }
    this.stage.scrollLeft = at * this.scale - x;
    this.draw();
  }

  reveal(seconds) {
    const x = seconds * this.scale - this.stage.scrollLeft;
    const width = this.stage.clientWidth;
    if (x < 0 || x > width * 0.9) this.stage.scrollLeft = seconds * this.scale - width * 0.2;
  }

  seek(seconds) {
    this.audio.currentTime = Math.min(this.data.duration, Math.max(0, seconds));
    this.move();
    this.reveal(this.audio.currentTime);
  }

  move() {
    const now = this.audio.currentTime;
    this.playhead.style.setProperty("--t", now);
    this.stage.setAttribute("aria-valuenow", now.toFixed(1));
    this.stage.setAttribute("aria-valuetext", `${now.toFixed(1)} of ${this.data.duration.toFixed(1)} seconds`);
    if (!this.audio.paused && this.follow.checked) this.reveal(now);
    this.drawOverview();
  }

  // What the user does

  listen() {
    const play = () => {
      this.move();
      if (!this.audio.paused) requestAnimationFrame(play);
    };
    this.audio.addEventListener("play", play);
    for (const kind of ["pause", "seeked", "timeupdate"]) this.audio.addEventListener(kind, () => this.move());
    this.stage.addEventListener("scroll", () => this.draw());
    this.stage.addEventListener("click", (event) => this.seek(this.timeAt(event)));
    this.stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.stage.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.zoom(this.scale)).observe(this.stage);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    document.getElementById("zoom-in").addEventListener("click", () => this.zoom(this.scale * 1.5));
    document.getElementById("zoom-out").addEventListener("click", () => this.zoom(this.scale / 1.5));
    document.getElementById("zoom-fit").addEventListener("click", () => this.zoom(this.fitting()));
    const pan = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      const share = event.offsetX / this.overview.clientWidth;
      this.stage.scrollLeft = share * this.data.duration * this.scale - this.stage.clientWidth / 2;
    };
    this.overview.addEventListener("pointerdown", pan);
    this.overview.addEventListener("pointermove", pan);
  }

  timeAt(event) {
    return (event.clientX - this.stage.getBoundingClientRect().left + this.stage.scrollLeft) / this.scale;
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) return;
    event.preventDefault();
    const x = event.clientX - this.stage.getBoundingClientRect().left;
    this.zoom(this.scale * Math.exp(-event.deltaY / 300), x);
  }

  key(event) {
    const step = event.shiftKey ? 5 : 1;
    const now = this.audio.currentTime;
    const actions = {
      ArrowLeft: () => this.seek(now - step),
      ArrowRight: () => this.seek(now + step),
      ArrowDown: () => this.seek(now - step),
      ArrowUp: () => this.seek(now + step),
      PageDown: () => this.seek(now - 10),
      PageUp: () => this.seek(now + 10),
      Home: () => this.seek(0),
      End: () => this.seek(this.data.duration),
      "+": () => this.zoom(this.scale * 1.5),
      "=": () => this.zoom(this.scale * 1.5),
      "-": () => this.zoom(this.scale / 1.5),
      0: () => this.zoom(this.fitting()),
      " ": () => (this.audio.paused ? this.audio.play() : this.audio.pause()),
    };
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }

  // Drawing

  style(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
  }

  surface(canvas, width, height) {
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    return pen;
  }

  bars(pen, who, middle, height, first, width, scale) {
    const peaks = this.peaks[who];
    pen.fillStyle = this.style(who);
    for (let bar = Math.floor(first / BAR); bar * BAR < first + width; bar += 1) {
      const from = Math.floor(((bar * BAR) / scale) * this.data.rate);
      const to = Math.max(from + 1, Math.floor((((bar + 1) * BAR) / scale) * this.data.rate));
      let peak = 0;
      for (let place = from; place < to && place < peaks.length; place += 1) peak = Math.max(peak, peaks[place]);
      const tall = Math.max(1, (peak / 255) ** 0.65 * height);
      pen.fillRect(bar * BAR - first, middle - tall / 2, BAR - 1, tall);
    }
  }

  draw() {
    const [ruler, wave, caption, between] = ["ruler", "wave", "caption", "between"].map((lane) => Number.parseFloat(this.style(lane)));
    const width = this.stage.clientWidth;
    const height = ruler + 2 * wave + 2 * caption + between;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const pen = this.surface(this.canvas, width, height);
    const first = this.stage.scrollLeft;
    this.drawRuler(pen, first, width, height);
    this.bars(pen, "user", ruler + wave / 2, wave - 8, first, width, this.scale);
    this.bars(pen, "agent", ruler + wave + caption + between + wave / 2, wave - 8, first, width, this.scale);
    pen.font = "600 12px system-ui, sans-serif";
    this.name(pen, "User", "user", ruler + 14);
    this.name(pen, "Agent", "agent", ruler + wave + caption + between + 14);
    this.drawOverview();
  }

  name(pen, text, colour, y) {
    pen.strokeStyle = this.style("card");
    pen.lineWidth = 4;
    pen.strokeText(text, 8, y);
    pen.fillStyle = this.style(colour);
    pen.fillText(text, 8, y);
  }

  drawRuler(pen, first, width, height) {
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120].find((each) => each * this.scale >= 55) || 300;
    pen.font = "11px system-ui, sans-serif";
    for (let tick = Math.floor(first / this.scale / step); tick * step * this.scale < first + width; tick += 1) {
      const x = Math.round(tick * step * this.scale - first) + 0.5;
      pen.strokeStyle = this.style("line");
      pen.beginPath();
      pen.moveTo(x, 0);
      pen.lineTo(x, height);
      pen.stroke();
      pen.fillStyle = this.style("faint");
      pen.fillText(`${Number((tick * step).toFixed(1))} s`, x + 3, 14);
    }
  }

  drawOverview() {
    const width = this.overview.clientWidth;
    const height = this.overview.clientHeight;
    const pen = this.surface(this.overview, width, height);
    const scale = width / this.data.duration;
    this.bars(pen, "user", height * 0.27, height * 0.5, 0, width, scale);
    this.bars(pen, "agent", height * 0.73, height * 0.5, 0, width, scale);
    pen.fillStyle = this.style("ink");
    pen.fillRect(this.audio.currentTime * scale - 0.5, 0, 1.5, height);
    const share = scale / this.scale;
    pen.globalAlpha = 0.09;
    pen.fillRect(this.stage.scrollLeft * share, 0, this.stage.clientWidth * share, height);
  }
}
