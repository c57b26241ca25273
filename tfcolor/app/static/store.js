// What the person has decided, and the way back: every change is between begin() and commit(), and can be undone.

/** Runs of equal bytes: [value, length, value, length, ...], no run longer than 255. */
export function pack(bytes) {
  const runs = [];
  for (let i = 0; i < bytes.length; ) {
    let end = i + 1;
    while (end < bytes.length && end - i < 255 && bytes[end] === bytes[i]) end++;
    runs.push(bytes[i], end - i);
    i = end;
  }
  return Uint8Array.from(runs);
}

export function unpack(runs, length) {
  const bytes = new Uint8Array(length);
  for (let i = 0, at = 0; i < runs.length; i += 2) bytes.fill(runs[i], at, (at += runs[i + 1]));
  return bytes;
}

const DECISIONS = ["hints", "knobs", "sample"]; // small, and replaced as a whole

export class Store extends EventTarget {
  constructor() {
    super();
    this.clear();
  }

  clear() {
    this.labels = null; // Uint8Array, h * w; null where the model takes none
    this.predicted = null; // what the network sees, the same
    this.hints = [];
    this.knobs = {};
    this.sample = null;
    this.revision = 0; // grows with every change, undone ones too
    this.done = [];
    this.undone = [];
    this.before = null;
    this.kept = undefined; // the last step of what a file holds
  }

  /** Whether nothing would be lost with this page. */
  get saved() {
    return !this.before && this.done.at(-1) === this.kept;
  }

  /** A change starts. */
  begin() {
    if (this.before) this.commit();
    this.before = { labels: this.labels?.slice() };
    for (const name of DECISIONS) this.before[name] = this[name];
  }

  /** Something has changed and may be shown; it is not yet decided. */
  touch() {
    this.revision++;
    this.dispatchEvent(new Event("change"));
  }

  /** The change is made. Returns how many labels are others. */
  commit(what = "change") {
    const before = this.before;
    this.before = null;
    if (!before) return 0;
    const step = { what, small: {} };
    for (const name of DECISIONS) {
      if (JSON.stringify(before[name]) !== JSON.stringify(this[name])) step.small[name] = [before[name], this[name]];
    }
    let first = -1;
    let last = -1;
    let count = 0;
    for (let i = 0; this.labels && i < this.labels.length; i++) {
      if (this.labels[i] === before.labels[i]) continue;
      if (first < 0) first = i;
      last = i;
      count++;
    }
    if (count) {
      step.map = { first, length: last + 1 - first };
      step.map.before = pack(before.labels.subarray(first, last + 1));
      step.map.after = pack(this.labels.subarray(first, last + 1));
    }
    if (!count && !Object.keys(step.small).length) return 0;
    this.done.push(step);
    this.undone = [];
    this.touch();
    return count;
  }

  /** The change that has begun is taken back. */
  cancel() {
    if (!this.before) return;
    if (this.labels) this.labels.set(this.before.labels);
    for (const name of DECISIONS) this[name] = this.before[name];
    this.before = null;
    this.touch();
  }

  /** begin, change, commit. */
  change(what, change) {
    this.begin();
    change();
    return this.commit(what);
  }

  /** Returns what was undone, or undefined. */
  undo() {
    return this.step(this.done, this.undone, "before", 0);
  }

  redo() {
    return this.step(this.undone, this.done, "after", 1);
  }

  step(from, to, side, index) {
    if (this.before) this.cancel();
    const step = from.pop();
    if (!step) return undefined;
    to.push(step);
    if (step.map) this.labels.set(unpack(step.map[side], step.map.length), step.map.first);
    for (const [name, values] of Object.entries(step.small)) this[name] = values[index];
    this.touch();
    return step.what;
  }
}
