// What the hand does on the stage: pointer, fingers and keys become changes of the store.

import { connected, polygon, stroke } from "./shapes.js";

export const NO_LABEL = 255;
const NEAR = 14; // CSS pixels at which a hint or a polygon's start is met
const STEP = 1 / 50; // of the photo, for an arrow key; with Shift a fifth of it
const MAP_TOOLS = ["brush", "eraser", "fill", "polygon", "alike"];

export class Tools extends EventTarget {
  constructor(view, store, net) {
    super();
    Object.assign(this, { view, store, net });
    this.tool = "hint";
    this.label = 0;
    this.size = 14; // brush, in pixels of the map
    this.contrast = 0.12;
    this.color = "#a0522d";
    this.picksColor = false; // the eyedropper: not the label
    this.reach = 0.25;
    this.selected = -1; // which hint
    this.pointers = new Map();
    this.clear();
    const { canvas } = view;
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel", "pointerleave"]) {
      canvas.addEventListener(kind, (event) => view.photo && this[kind](event));
    }
    canvas.addEventListener("dblclick", () => this.closePolygon());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => view.photo && this.keydown(event));
    canvas.addEventListener("blur", () => this.showCross(false));
    view.overlays.push((context) => this.paint(context));
  }

  clear() {
    this.corners = []; // of the polygon that is being drawn, in shares
    this.selected = -1;
    this.hover = null; // CSS pixels
    this.cross = [0.5, 0.5]; // of the keyboard, in shares
    this.crossShown = false;
    this.gesture = null; // "draw", "pan", "pinch" or null
  }

  choose(tool) {
    this.store.cancel();
    this.corners = [];
    this.tool = tool;
    this.tell("tool");
  }

  tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
    this.view.draw();
  }

  say(text) {
    this.tell("say", text);
  }

  // Pointers --------------------------------------------------------------------------------------------------------

  pointerdown(event) {
    const at = this.place(event);
    this.pointers.set(event.pointerId, at);
    this.view.canvas.setPointerCapture(event.pointerId);
    this.showCross(false);
    if (this.pointers.size === 2) {
      this.store.cancel(); // what the first finger began
      this.gesture = "pinch";
    } else if (this.pointers.size === 1) {
      const pans = this.tool === "hand" || this.spaceHeld || event.button === 1;
      if (!pans && event.button !== 0) return;
      this.gesture = pans ? "pan" : "draw";
      if (!pans) this.press(...this.view.toShares(...at), event);
    }
  }

  pointermove(event) {
    const at = this.place(event);
    const before = this.pointers.get(event.pointerId);
    if (before) this.pointers.set(event.pointerId, at);
    if (before && this.gesture === "pan") this.view.move(at[0] - before[0], at[1] - before[1]);
    else if (before && this.gesture === "pinch") this.pinch(event.pointerId, before, at);
    else if (before && this.gesture === "draw") {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) this.drag(...this.view.toShares(...this.place(one)));
      this.store.touch();
    }
    this.hover = event.pointerType === "touch" ? null : at;
    this.tell("hover", this.view.toShares(...at));
  }

  pointerup(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.gesture === "draw") this.release();
    if (!this.pointers.size || this.gesture === "draw") this.gesture = null;
  }

  pointercancel(event) {
    this.pointers.delete(event.pointerId);
    if (this.gesture === "draw") this.store.cancel();
    this.gesture = null;
  }

  pointerleave() {
    this.hover = null;
    this.tell("hover", null);
  }

  pinch(id, before, at) {
    const other = [...this.pointers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const distance = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
    this.view.move((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
    this.view.zoom(distance(at) / distance(before), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
  }

  wheel(event) {
    if (!this.view.photo) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode ? 16 : 1);
    this.view.zoom(Math.exp(-Math.min(Math.max(pixels, -200), 200) / 400), ...this.place(event));
  }

  place(event) {
    const { left, top } = this.view.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  // Tools: places are shares of the photo, [column, row] ---------------------------------------------------------------

  press(column, row, { altKey = false } = {}) {
    const inside = column >= 0 && column < 1 && row >= 0 && row < 1;
    this.last = [column, row];
    if (this.tool === "pick" || altKey) {
      if (inside) this.pick(column, row, altKey || this.picksColor);
    } else if (this.tool === "hint") this.pressHint(column, row, inside);
    else if (!this.store.labels) return;
    else if (this.tool === "brush" || this.tool === "eraser") {
      this.store.begin();
      this.drag(column, row);
      this.store.touch();
    } else if (this.tool === "polygon") this.corner(column, row);
    else if (!inside) return;
    else if (this.tool === "fill") {
      this.put("fill", connected(this.store.labels, this.view.small[1], this.index(column, row)));
    } else if (this.tool === "alike") this.alike(column, row);
  }

  drag(column, row) {
    if (!this.store.before) return;
    if (this.tool === "brush" || this.tool === "eraser") {
      const [height, width] = this.view.small;
      const [from, to] = [this.last, [column, row]].map(([x, y]) => [x * width, y * height]);
      this.write(stroke(width, height, from, to, Math.max(0.71, this.size / 2)));
    } else if (this.tool === "hint" && this.selected >= 0) {
      this.setHint({ column: share(column), row: share(row) });
    }
    this.last = [column, row];
  }

  release() {
    const count = this.store.commit(this.tool);
    if (count) this.sayLabels(count);
  }

  /** The map's pixels get the label that is chosen, or with the eraser what the network saw. */
  write(indices) {
    const { labels, predicted } = this.store;
    for (const i of indices) labels[i] = this.tool === "eraser" ? predicted[i] : this.label;
  }

  put(what, indices) {
    this.sayLabels(this.store.change(what, () => this.write(indices)));
  }

  sayLabels(count) {
    const pixels = `${count.toLocaleString("en")} ${count === 1 ? "pixel" : "pixels"}`;
    this.say(this.tool === "eraser" ? `${pixels} as the network saw them` : `${pixels}: ${this.nameOf(this.label)}`);
  }

  corner(column, row) {
    const [first] = this.corners;
    if (first && this.corners.length > 2) {
      const [x, y] = this.view.toStage(...first);
      const [ax, ay] = this.view.toStage(column, row);
      if (Math.hypot(ax - x, ay - y) < NEAR) return this.closePolygon();
    }
    this.corners.push([column, row]);
    this.say(`${this.corners.length} corners; Enter, or the first corner again, closes it`);
  }

  closePolygon() {
    const corners = this.corners;
    this.corners = [];
    if (corners.length > 2) {
      const [height, width] = this.view.small;
      this.put(
        "polygon",
        polygon(width, height, corners.map(([x, y]) => [x * width, y * height])),
      );
    }
    this.view.draw();
  }

  async alike(column, row) {
    const { label } = this;
    const { labels } = this.store;
    try {
      const region = await this.net.alike(row, column, this.contrast);
      if (label === this.label && labels === this.store.labels) {
        this.put("region", Array.from(region.keys()).filter((i) => region[i]));
      }
    } catch (error) {
      this.tell("error", error);
    }
  }

  pick(column, row, asColor) {
    if (this.store.labels && !asColor) {
      this.label = this.store.labels[this.index(column, row)];
      this.say(`label: ${this.nameOf(this.label)}`);
      this.tell("label");
    } else {
      this.color = this.view.colorAt(column, row);
      this.say(`colour: ${this.color}`);
      this.tell("hints");
    }
  }

  pressHint(column, row, inside) {
    this.store.begin();
    const [x, y] = this.view.toStage(column, row);
    const distances = this.store.hints.map((hint) => {
      const [hx, hy] = this.view.toStage(hint.column, hint.row);
      return Math.hypot(hx - x, hy - y);
    });
    const nearest = distances.indexOf(Math.min(...distances));
    if (nearest >= 0 && distances[nearest] < NEAR) {
      this.select(nearest);
    } else if (inside) {
      const hint = { row: share(row), column: share(column), color: this.color, reach: this.reach };
      this.store.hints = [...this.store.hints, hint];
      this.select(this.store.hints.length - 1);
      this.say(`colour hint ${this.store.hints.length}: ${this.color}`);
    } else this.select(-1);
    this.store.touch();
  }

  select(index) {
    this.selected = index;
    const hint = this.store.hints[index];
    if (hint) Object.assign(this, { color: hint.color, reach: hint.reach });
    this.tell("hints");
  }

  /** The selected hint with other values, within a change that has begun. */
  setHint(values) {
    this.store.hints = this.store.hints.map((hint, i) => (i === this.selected ? { ...hint, ...values } : hint));
  }

  removeHint() {
    if (!this.store.hints[this.selected]) return;
    this.store.change("hint", () => {
      this.store.hints = this.store.hints.filter((_, i) => i !== this.selected);
    });
    this.selected = -1;
    this.tell("hints");
    this.say("the colour hint is gone");
  }

  index(column, row) {
    const [height, width] = this.view.small;
    return Math.floor(row * height) * width + Math.floor(column * width);
  }

  nameOf(label) {
    return label === NO_LABEL ? "no label" : this.classes[label].name;
  }

  // Keys, while the stage has the focus --------------------------------------------------------------------------------

  keydown(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (arrows[event.key]) {
      const step = event.shiftKey ? STEP / 5 : STEP;
      this.cross = this.cross.map((at, i) => share(at + step * arrows[event.key][i]));
      this.showCross(true);
      this.tell("hover", this.cross);
      if (this.store.labels) this.say(this.nameOf(this.store.labels[this.index(...this.cross)]));
    } else if (event.key === "Enter") {
      if (this.tool === "polygon" && this.corners.length > 2 && same(this.corners.at(-1), this.cross)) {
        this.closePolygon();
      } else if (this.tool === "polygon" && !this.crossShown) this.closePolygon();
      else {
        this.showCross(true);
        this.press(...this.cross);
        this.release();
      }
    } else if (event.key === "Escape") {
      this.store.cancel();
      this.corners = [];
      this.select(-1);
    } else return;
    event.preventDefault();
  }

  showCross(shown) {
    if (this.crossShown === shown) return;
    this.crossShown = shown;
    this.view.draw();
  }

  // What is drawn over the photo --------------------------------------------------------------------------------------

  paint(context) {
    const { view } = this;
    this.store.hints.forEach((hint, i) => {
      const [x, y] = view.toStage(hint.column, hint.row);
      ring(context, x, y, i === this.selected ? 9 : 7, hint.color);
      if (i === this.selected && this.tool === "hint") {
        const { width, height } = view.photo;
        outline(context, () => context.arc(x, y, hint.reach * Math.sqrt(width * height) * view.scale, 0, 7), [4, 4]);
      }
    });
    if (this.corners.length) {
      const points = this.corners.map((corner) => view.toStage(...corner));
      const end = this.crossShown ? view.toStage(...this.cross) : this.hover;
      if (end) points.push(end);
      outline(context, () => points.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](x, y)));
      ring(context, ...points[0], 4, "#fff");
    }
    const at = this.crossShown ? view.toStage(...this.cross) : this.hover;
    if (at && this.store.labels && (this.tool === "brush" || this.tool === "eraser")) {
      outline(context, () => context.arc(...at, Math.max(2, (this.size / 2) * view.cell), 0, 7));
    }
    if (this.crossShown) {
      const [x, y] = at;
      outline(context, () => {
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          context.moveTo(x + 4 * dx, y + 4 * dy);
          context.lineTo(x + 14 * dx, y + 14 * dy);
        }
      });
    }
  }

  get usesMap() {
    return MAP_TOOLS.includes(this.tool);
  }
}

function outline(context, path, dashes = []) {
  context.setLineDash(dashes);
  for (const [width, style] of [[3.5, "rgba(0,0,0,.55)"], [1.5, "#fff"]]) {
    context.beginPath();
    path();
    Object.assign(context, { lineWidth: width, strokeStyle: style });
    context.stroke();
  }
  context.setLineDash([]);
}

function ring(context, x, y, radius, color) {
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
  context.fillStyle = color;
  context.fill();
  outline(context, () => context.arc(x, y, radius, 0, 7));
}

/** A place within the photo, five digits of it. */
function share(place) {
  return Math.min(Math.max(Math.round(place * 1e5) / 1e5, 0), 0.99999);
}

function same(a, b) {
  return a[0] === b[0] && a[1] === b[1];
}
