// Gray and chroma to RGB, as tfcolor/photo/merging.py does it: the photo's own luma stays, chroma beyond the gamut
// is scaled back. Chroma comes in the network's cells and is enlarged bilinearly (the file's is, bicubically).

const RED_FROM_V = 1.13983;
const GREEN_FROM_U = -0.39465;
const GREEN_FROM_V = -0.5806;
const BLUE_FROM_U = 2.03211;
const FROM_INT16 = 255 / 32767;

/**
 * @param {Uint8Array} gray height * width, luma.
 * @param {{values: Int16Array, shape: number[], covered: number[]}} chroma U, V of each cell; `covered`: how many cells,
 *     down and across, lie on the photo.
 * @param {Uint8ClampedArray} out height * width * 4, RGBA; what was there is replaced.
 */
export function colorize(gray, width, height, chroma, out) {
  const [cellRows, cellColumns] = chroma.shape;
  const [lefts, shares] = places(width, cellColumns, chroma.covered[1]);
  const [tops, downs] = places(height, cellRows, chroma.covered[0]);
  const line = new Float32Array(2 * cellColumns + 2);
  let at = 0;
  for (let y = 0; y < height; y++) {
    const upper = tops[y] * cellColumns * 2;
    const lower = Math.min(tops[y] + 1, cellRows - 1) * cellColumns * 2;
    for (let i = 0; i < 2 * cellColumns; i++) {
      const value = chroma.values[upper + i];
      line[i] = (value + (chroma.values[lower + i] - value) * downs[y]) * FROM_INT16;
    }
    line[2 * cellColumns] = line[2 * cellColumns - 2]; // beyond the last cell is the last
    line[2 * cellColumns + 1] = line[2 * cellColumns - 1];
    for (let x = 0; x < width; x++, at++) {
      const cell = 2 * lefts[x];
      const share = shares[x];
      const u = line[cell] + (line[cell + 2] - line[cell]) * share;
      const v = line[cell + 1] + (line[cell + 3] - line[cell + 1]) * share;
      const red = v * RED_FROM_V;
      const green = u * GREEN_FROM_U + v * GREEN_FROM_V;
      const blue = u * BLUE_FROM_U;
      const up = Math.max(red, green, blue, 1e-6);
      const down = Math.min(red, green, blue, -1e-6);
      const luma = gray[at];
      const fits = Math.min(1, (255 - luma) / up, -luma / down);
      out[4 * at] = luma + red * fits;
      out[4 * at + 1] = luma + green * fits;
      out[4 * at + 2] = luma + blue * fits;
      out[4 * at + 3] = 255;
    }
  }
}

/** Of each pixel along a side: the cell before it, and how far it lies towards the next. */
function places(pixels, cells, covered) {
  const before = new Int32Array(pixels);
  const share = new Float32Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const place = Math.min(Math.max(((i + 0.5) * covered) / pixels - 0.5, 0), cells - 1);
    before[i] = Math.floor(place);
    share[i] = place - before[i];
  }
  return [before, share];
}
