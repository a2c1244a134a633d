"use strict";
// Elements from values. Text only ever becomes text: nothing here parses markup.

function made(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}

/** An HTML element: h("p", {class: "hint", onclick: f}, "text", child). */
function h(tag, properties, ...children) {
  return made(document.createElement(tag), properties, children);
}

/** An SVG element. */
function s(tag, properties, ...children) {
  return made(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

const by = (id) => document.getElementById(id);

/** What stands in a small box beside the pointer; `lines` are texts. */
const tip = {
  show(event, ...lines) {
    const box = by("tip");
    box.replaceChildren(...lines.map((line) => h("div", {}, line)));
    box.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8);
    const top = event.clientY + 18 + box.offsetHeight > innerHeight ? event.clientY - box.offsetHeight - 10 : event.clientY + 18;
    box.style.left = `${Math.max(8, left)}px`;
    box.style.top = `${top}px`;
  },
  hide() {
    by("tip").hidden = true;
  },
};

/** Properties that show a tip while the pointer is on an element. */
function tipped(...lines) {
  return { onpointermove: (event) => tip.show(event, ...lines), onpointerleave: tip.hide };
}

/** A choice between buttons: [[value, label, count]]. `chosen` is told of the value. */
function chips(place, rows, value, chosen) {
  const pick = (next) => {
    for (const each of place.children) each.setAttribute("aria-pressed", String(each.dataset.value === next));
    chosen(next);
  };
  place.replaceChildren(
    ...rows.map(([each, label, count]) =>
      h("button", { type: "button", class: "chip", "data-value": each, "aria-pressed": String(each === value), onclick: () => pick(each) },
        label, count === undefined ? null : h("b", {}, count)),
    ),
  );
  return pick;
}
