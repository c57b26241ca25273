// Sets of pixels of a map of width * height, as lists of indices.

/** All pixels within `radius` of the way from one point to another (in pixels, centres at .5). */
export function stroke(width, height, from, to, radius) {
  const found = [];
  const [x0, y0] = from;
  const [dx, dy] = [to[0] - x0, to[1] - y0];
  const length = dx * dx + dy * dy;
  const left = Math.max(0, Math.floor(Math.min(x0, to[0]) - radius));
  const right = Math.min(width - 1, Math.ceil(Math.max(x0, to[0]) + radius));
  const top = Math.max(0, Math.floor(Math.min(y0, to[1]) - radius));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(y0, to[1]) + radius));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
      const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      if ((px - along * dx) ** 2 + (py - along * dy) ** 2 <= radius * radius) found.push(y * width + x);
    }
  }
  return found;
}

/** The connected pixels that have the same label as pixel `start`. */
export function connected(labels, width, start) {
  const wanted = labels[start];
  const seen = new Uint8Array(labels.length);
  const found = [start];
  seen[start] = 1;
  for (let i = 0; i < found.length; i++) {
    const at = found[i];
    const x = at % width;
    for (const next of [x ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width]) {
      if (next < 0 || next >= labels.length || seen[next] || labels[next] !== wanted) continue;
      seen[next] = 1;
      found.push(next);
    }
  }
  return found;
}

/** The pixels whose centres lie within a polygon (even-odd rule). */
export function polygon(width, height, corners) {
  const found = [];
  for (let y = 0; y < height; y++) {
    const crossings = [];
    for (let i = 0; i < corners.length; i++) {
      const [x0, y0] = corners[i];
      const [x1, y1] = corners[(i + 1) % corners.length];
      if (y0 <= y + 0.5 !== y1 <= y + 0.5) crossings.push(x0 + ((y + 0.5 - y0) / (y1 - y0)) * (x1 - x0));
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const last = Math.min(width - 1, Math.ceil(crossings[i + 1] - 0.5) - 1);
      for (let x = Math.max(0, Math.ceil(crossings[i] - 0.5)); x <= last; x++) found.push(y * width + x);
    }
  }
  return found;
}
