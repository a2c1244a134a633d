// htm bound to preact, and what all views use.

import htm from "../vendor/htm.js";
import { h, render } from "../vendor/preact.js";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "../vendor/preact-hooks.js";

export const html = htm.bind(h);
export { render, useEffect, useLayoutEffect, useRef, useState };

/** Draw again whenever the observable changes, and every `ms` besides if that is given. */
export function useWatched(observable, ms) {
  const [, again] = useReducer((count) => count + 1, 0);
  useEffect(() => observable.watch(again), [observable]);
  useEffect(() => {
    const timer = ms && setInterval(again, ms);
    return () => clearInterval(timer);
  }, [ms]);
}

/** Call `frame(now)` for every picture while `running`. */
export function useFrames(frame, running) {
  const latest = useRef(frame);
  latest.current = frame;
  useEffect(() => {
    if (!running) return;
    let id = 0;
    const step = (now) => {
      latest.current(now);
      id = requestAnimationFrame(step);
    };
    id = requestAnimationFrame(step);
    return () => cancelAnimationFrame(id);
  }, [running]);
}

export const clockTime = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export const milliseconds = (ms) => (ms === null || ms === undefined ? "–" : `${Math.round(ms).toLocaleString("en")} ms`);
