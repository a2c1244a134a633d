// htm bound to preact, and what all views use.

import htm from "../vendor/htm.js";
import { h, render } from "../vendor/preact.js";
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "../vendor/preact-hooks.js";

export const html = htm.bind(h);
export { render, useEffect, useLayoutEffect, useRef, useState };

/** Draw again when the observable changes, at most every `least` ms, and every `ms` anyhow if that is given. */
export function useWatched(observable, ms = 0, least = 0) {
  const [, again] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    let due = 0;
    const later = () => {
      due ||= setTimeout(() => {
        due = 0;
        again();
      }, least);
    };
    const end = observable.watch(least ? later : again);
    return () => {
      clearTimeout(due);
      end();
    };
  }, [observable, least]);
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

const NEAR_END = 80;

/** Keeps a list at its end while it grows, unless somebody has scrolled back; gives what to call on scrolling. */
export function useEnd(list) {
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (atEnd.current) list.current.scrollTop = list.current.scrollHeight;
  });
  return () => {
    if (!list.current) return; // a scroll that was still on its way when the list went
    const { scrollHeight, scrollTop, clientHeight } = list.current;
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
  };
}

/** A canvas made as sharp as the screen is; gives its pen, scaled to CSS pixels, and its size. */
export function surface(canvas) {
  const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio || 1];
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

export const clockTime = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export const milliseconds = (ms) => (ms === null || ms === undefined ? "–" : `${Math.round(ms).toLocaleString("en")} ms`);
