// The photo on the screen: gray, colour and label map over each other, enlarged and moved by hand.

import { colorize } from "./color.js";

const MOST_ZOOM = 32;
const MARGIN = 24; // CSS pixels round a photo that fits

export class View {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.photo = null;
    this.opacity = 0.35; // of the label map
    this.mapInTheWay = false; // who places colours wants to see them alone
    this.split = 0; // of the stage's width: left of it the photo is gray
    this.overlays = []; // functions (context, view), which draw in CSS pixels
    this.shown = 0; // revision of the colours that are on the screen
    this.fitted = true;
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  /** @param {ImageBitmap} bitmap the gray photo. @param {number[]} small height and width of its label map. */
  setPhoto(bitmap, small, palette) {
    const { width, height } = bitmap;
    this.photo = { width, height };
    this.small = small;
    this.palette = palette;
    this.gray = canvasOf(width, height);
    this.gray.context.drawImage(bitmap, 0, 0);
    const pixels = this.gray.context.getImageData(0, 0, width, height).data;
    this.luma = new Uint8Array(width * height);
    for (let i = 0; i < this.luma.length; i++) this.luma[i] = pixels[4 * i];
    this.color = canvasOf(width, height);
    this.color.pixels = this.color.context.createImageData(width, height);
    this.color.there = false;
    this.map = canvasOf(small[1], small[0]);
    this.map.pixels = this.map.context.createImageData(small[1], small[0]);
    this.answered = this.shown = -1;
    this.fit();
  }

  setChroma(chroma, revision) {
    colorize(this.luma, this.photo.width, this.photo.height, chroma, this.color.pixels.data);
    this.color.context.putImageData(this.color.pixels, 0, 0);
    this.color.there = true;
    this.answered = revision;
    this.draw();
  }

  setLabels(labels) {
    const pixels = new Uint32Array(this.map.pixels.data.buffer);
    for (let i = 0; i < labels.length; i++) pixels[i] = this.palette[labels[i]];
    this.map.context.putImageData(this.map.pixels, 0, 0);
    this.draw();
  }

  /** What is on the screen is drawn anew with the next frame. */
  draw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.paint();
      if (this.photo && this.answered !== this.shown) {
        this.shown = this.answered;
        this.canvas.dispatchEvent(new CustomEvent("shown", { detail: this.shown }));
      }
    });
  }

  paint() {
    const { context, canvas } = this;
    const ratio = devicePixelRatio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.photo) return;
    const { width, height } = this.photo;
    const photo = () => {
      context.setTransform(this.scale * ratio, 0, 0, this.scale * ratio, this.left * ratio, this.top * ratio);
      context.imageSmoothingEnabled = this.scale * ratio < 4;
      context.imageSmoothingQuality = "high";
    };
    photo();
    context.drawImage(this.color.there ? this.color : this.gray, 0, 0);
    if (this.opacity && this.hasLabels && !this.mapInTheWay) {
      context.imageSmoothingEnabled = false;
      context.globalAlpha = this.opacity;
      context.drawImage(this.map, 0, 0, width, height);
      context.globalAlpha = 1;
    }
    if (this.split) {
      context.save();
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.beginPath();
      context.rect(0, 0, this.split * canvas.clientWidth, canvas.clientHeight);
      context.clip();
      photo();
      context.drawImage(this.gray, 0, 0);
      context.restore();
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const overlay of this.overlays) {
      context.save();
      overlay(context, this);
      context.restore();
    }
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    this.canvas.width = Math.round(clientWidth * devicePixelRatio);
    this.canvas.height = Math.round(clientHeight * devicePixelRatio);
    if (this.photo && this.fitted) this.fit();
    else if (this.photo) this.paint(); // at once: a canvas that changes its size is empty
  }

  fit() {
    const { clientWidth, clientHeight } = this.canvas;
    const { width, height } = this.photo;
    const margin = Math.min(MARGIN, clientWidth * 0.03);
    this.least = Math.min((clientWidth - 2 * margin) / width, (clientHeight - 2 * margin) / height);
    this.scale = this.least;
    this.left = (clientWidth - width * this.scale) / 2;
    this.top = (clientHeight - height * this.scale) / 2;
    this.fitted = true;
    this.paint();
    this.moved();
  }

  /** Enlarges by a factor round a point of the stage (CSS pixels), by default its middle. */
  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const scale = Math.min(Math.max(this.scale * factor, this.least * 0.5), this.least * MOST_ZOOM);
    const [px, py] = [(x - this.left) / this.scale, (y - this.top) / this.scale];
    this.scale = scale;
    this.left = x - px * scale;
    this.top = y - py * scale;
    this.fitted = false;
    this.move(0, 0);
  }

  /** Moves the photo, in CSS pixels; some of it stays on the stage. */
  move(dx, dy) {
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [this.photo.width * this.scale, this.photo.height * this.scale];
    const keep = 60;
    this.left = Math.min(Math.max(this.left + dx, keep - width), clientWidth - keep);
    this.top = Math.min(Math.max(this.top + dy, keep - height), clientHeight - keep);
    if (dx || dy) this.fitted = false;
    this.draw();
    this.moved();
  }

  moved() {
    this.canvas.dispatchEvent(new Event("moved"));
  }

  /** A place on the stage (CSS pixels) -> shares of the photo, [column, row]; beyond [0, 1) it is beside it. */
  toShares(x, y) {
    return [(x - this.left) / (this.photo.width * this.scale), (y - this.top) / (this.photo.height * this.scale)];
  }

  toStage(column, row) {
    return [this.left + column * this.photo.width * this.scale, this.top + row * this.photo.height * this.scale];
  }

  /** CSS pixels of one pixel of the label map. */
  get cell() {
    return (this.photo.width * this.scale) / this.small[1];
  }

  /** The colour at shares of the photo, as "#rrggbb". */
  colorAt(column, row) {
    const { width, height } = this.photo;
    const at = [Math.floor(column * width), Math.floor(row * height)];
    const source = this.color.there ? this.color : this.gray;
    const [red, green, blue] = source.context.getImageData(...at, 1, 1).data;
    return `#${((1 << 24) | (red << 16) | (green << 8) | blue).toString(16).slice(1)}`;
  }
}

function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.context = canvas.getContext("2d", { willReadFrequently: true });
  return canvas;
}
