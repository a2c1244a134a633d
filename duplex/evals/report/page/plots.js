// Plots as SVG: a frame with two axes, and what is drawn in it.

class Frame {
  /** `x` and `y`: {least, most, unit, label}; drawn in a box of width x height that scales with its card. */
  constructor(x, y, width = 440, height = 268) {
    this.box = { left: 50, right: width - 16, top: 14, bottom: height - 42 };
    this.svg = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img" });
    this.x = this.scale(x, this.box.left, this.box.right);
    this.y = this.scale(y, this.box.bottom, this.box.top);
    this.taken = [];
    this.most = { x: x.marks.at(-1), y: y.marks.at(-1) };
    this.axes(x, y);
  }

  scale(axis, from, to) {
    const marks = ticks(axis.least, axis.most, axis.ticks || 5);
    axis.marks = axis.tight ? marks.filter((each) => each <= axis.most + 1e-9) : marks;
    const [least, most] = [marks[0], axis.tight ? axis.most : marks.at(-1)];
    return (value) => from + ((Math.min(most, Math.max(least, value)) - least) / (most - least || 1)) * (to - from);
  }

  axes(x, y) {
    const { left, right, top, bottom } = this.box;
    for (const mark of x.marks) {
      const at = this.x(mark);
      this.svg.append(s("line", { class: "grid", x1: at, x2: at, y1: top, y2: bottom }));
      this.svg.append(s("text", { class: "tick", x: at, y: bottom + 15, "text-anchor": "middle" }, this.name(mark, x)));
    }
    for (const mark of y.marks) {
      const at = this.y(mark);
      this.svg.append(s("line", { class: "grid", x1: left, x2: right, y1: at, y2: at }));
      this.svg.append(s("text", { class: "tick", x: left - 7, y: at + 3.5, "text-anchor": "end" }, this.name(mark, y)));
    }
    this.svg.append(s("text", { class: "axis", x: (left + right) / 2, y: bottom + 33, "text-anchor": "middle" }, x.label));
    if (y.label) this.svg.append(s("text", { class: "axis", x: -(top + bottom) / 2, y: 12, "text-anchor": "middle", transform: "rotate(-90)" }, y.label));
  }

  name(mark, axis) {
    return axis.unit === "share" ? `${Number((100 * mark).toFixed(1))}%` : String(mark);
  }

  add(...nodes) {
    this.svg.append(...nodes);
  }

  /** A path through [x, y] pairs; as steps where wanted. */
  line(points, className, steps = false) {
    let path = "";
    points.forEach(([x, y], place) => {
      const [left, top] = [this.x(x).toFixed(1), this.y(y).toFixed(1)];
      path += place === 0 ? `M${left} ${top}` : steps ? `H${left}V${top}` : `L${left} ${top}`;
    });
    this.add(s("path", { class: className, d: path }));
  }

  /** A cross of two intervals with a dot. */
  cross(x, y, className) {
    const [left, top] = [this.x(x.value), this.y(y.value)];
    if (x.low !== null) this.add(s("line", { class: `error ${className}`, x1: this.x(x.low), x2: this.x(x.high), y1: top, y2: top }));
    if (y.low !== null) this.add(s("line", { class: `error ${className}`, x1: left, x2: left, y1: this.y(y.low), y2: this.y(y.high) }));
    this.add(s("circle", { class: `dot ${className}`, cx: left, cy: top, r: 6 }));
  }

  /** A named point; the name stands where it is not cut off. */
  named(x, y, name, className, radius = 4) {
    const [left, top] = [this.x(x), this.y(y)];
    this.add(s("circle", { class: `dot ${className}`, cx: left, cy: top, r: radius }));
    const length = name.length * 5.4;
    const places = [[8, 3.5, 0], [-8, 3.5, 1], [0, -8, 0.5], [0, 16, 0.5], [6, -20, 0], [6, 28, 0], [-6, -20, 1], [0, -32, 0.5], [0, 40, 0.5]];
    const boxes = places.map(([x, y, back]) => ({ x: left + x - back * length, y: top + y - 9, width: length, height: 12 }));
    const box = boxes.find((each) => this.free(each)) || boxes[0];
    this.taken.push(box);
    this.add(s("text", { class: `name ${className}`, x: box.x, y: box.y + 9 }, name));
  }

  /** Whether nothing else stands in a box within the axes. */
  free({ x, y, width, height }) {
    const within = x > this.box.left && x + width < this.box.right + 8 && y > this.box.top - 10 && y + height < this.box.bottom;
    return within && !this.taken.some((each) => x < each.x + each.width && each.x < x + width && y < each.y + each.height && each.y < y + height);
  }

  /** Keep names away from a line or a dot. */
  keep(x, y, radius = 6) {
    this.taken.push({ x: this.x(x) - radius, y: this.y(y) - radius, width: 2 * radius, height: 2 * radius });
  }

  /** The corner that everybody wants to be in. */
  goal(corner) {
    const { left, right, top, bottom } = this.box;
    const [x, y] = [corner.includes("left") ? left + 6 : right - 6, corner.includes("top") ? top + 14 : bottom - 8];
    this.taken.push({ x: corner.includes("left") ? x : x - 46, y: y - 10, width: 46, height: 13 });
    this.add(s("text", { class: "goal", x, y, "text-anchor": corner.includes("left") ? "start" : "end" }, corner.includes("left") ? "◂ better" : "better ▸"));
  }
}

function card(title, hint, ...content) {
  return h("figure", { class: "card" }, h("figcaption", {}, h("h3", {}, title), hint ? h("p", { class: "hint" }, hint) : null), ...content);
}

function quantile(sorted, q) {
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}

/** The distribution of a metric over scenarios: rows of {value, id, task}. */
function ecdf(title, unit, rows, open) {
  const sorted = [...rows].sort((a, b) => a.value - b.value);
  const values = sorted.map((row) => row.value);
  const [p50, p90] = [quantile(values, 0.5), quantile(values, 0.9)];
  const frame = new Frame(
    { least: Math.min(0, values[0]), most: values.at(-1), unit, label: unit === "ms" ? "milliseconds" : "seconds" },
    { least: 0, most: 1, unit: "share", ticks: 4, tight: true }, 330, 206,
  );
  const { left, right, top, bottom } = frame.box;
  for (const [q, value] of [["P50", p50], ["P90", p90]]) {
    const x = frame.x(value);
    frame.add(s("line", { class: `quantile ${q}`, x1: x, x2: x, y1: top, y2: bottom }));
  }
  const steps = [[values[0], 0], ...sorted.map((row, place) => [row.value, (place + 1) / sorted.length])];
  frame.line(steps, "curve agent", true);
  sorted.forEach((row, place) => {
    const show = tipped(row.id, figure(row.value, unit));
    frame.add(s("circle", { class: "dot own sample", cx: frame.x(row.value), cy: frame.y((place + 1) / sorted.length), r: 3.2, ...show, onclick: () => open(row.id) }));
  });
  frame.svg.setAttribute("aria-label", `${title}: P50 ${figure(p50, unit)}, P90 ${figure(p90, unit)}, n ${rows.length}`);
  const few = rows.length < 10 ? h("span", { class: "few" }, "n<10") : null;
  const facts = h("p", { class: "facts" }, h("span", { class: "P50" }, "P50 ", h("b", {}, figure(p50, unit))), h("span", { class: "P90" }, "P90 ", h("b", {}, figure(p90, unit))), h("span", {}, `n ${rows.length}`), few);
  return card(title, "", facts, frame.svg);
}
