// The page: what is shown beside the photo, and what its buttons and keys do.

import { Net } from "./net.js";
import { Store } from "./store.js";
import { NO_LABEL, Tools } from "./tools.js";
import { View } from "./view.js";

const $ = (id) => document.getElementById(id);
const store = new Store();
const net = new Net();
const view = new View($("stage"));
const tools = new Tools(view, store, net);
globalThis.editor = { store, net, view, tools }; // for the browser's console

let model = null;
let photo = null; // what the server said of the photo
let photoName = "photo";
let seed = 0; // of the colourings that are suggested next

const TOOLS = [
  { name: "brush", key: "b", title: "Brush", map: true, icon: "M4 16c2 .5 4-.2 4.4-2.4L15 5.4a1.6 1.6 0 0 0-2.3-2.2L6.2 11C4.6 11.3 4.8 14 4 16z" },
  { name: "eraser", key: "e", title: "Eraser: back to what the network saw", map: true, icon: "M7.5 16.5 3.5 12.5l8.5-8.5 4.5 4.5-8 8zM8 8l4.5 4.5M7.5 16.5H16" },
  { name: "fill", key: "f", title: "Fill a region of one label", map: true, icon: "M8.5 3.5l6.5 6.5-5.5 5.5a1 1 0 0 1-1.4 0L3.5 11a1 1 0 0 1 0-1.4L9 4M4 10h10.5M16.8 13c.8 1.2 1.2 2 1.2 2.6a1.2 1.2 0 0 1-2.4 0c0-.6.4-1.4 1.2-2.6z" },
  { name: "polygon", key: "p", title: "Polygon", map: true, icon: "M4 7.5 11 3.5l5.5 5-2.5 7.5-8-1z" },
  { name: "alike", key: "w", title: "Region that looks alike", map: true, icon: "M4 16l7.5-7.5M13 3v3M13 9.5v3M9.2 7h2M14.8 7h2M10.5 4.5l.8.8M15.5 4.5l-.8.8M15.5 9.5l-.8-.8" },
  { name: "pick", key: "i", title: "Pick a label; with Alt its colour", icon: "M11.5 5.5l3 3M4 16l.5-3 6.5-6.5 2.5 2.5L7 15.5 4 16zM12 4.5l1.3-1.3a1.7 1.7 0 0 1 2.4 0l1.1 1.1a1.7 1.7 0 0 1 0 2.4L15.5 8z" },
  { name: "hint", key: "h", title: "Colour hint", icon: "M10 3c3.3 4 5 6.3 5 8.5a5 5 0 0 1-10 0C5 9.3 6.7 7 10 3z" },
  { name: "hand", key: "v", title: "Move the photo (or hold Space)", icon: "M10 3v14M3 10h14M10 3 8 5M10 3l2 2M10 17l-2-2M10 17l2-2M3 10l2-2M3 10l2 2M17 10l-2-2M17 10l-2 2" },
];
const SWATCHES = {
  skin: "#d9a184", "dark skin": "#8a5a3c", hair: "#5b3a24", "blond hair": "#d8b46a", sky: "#7fb2e5", sea: "#3f7f93",
  grass: "#6f9c3c", leaves: "#3f6b34", wood: "#8f6239", brick: "#a5482f", sand: "#d6bb85", stone: "#9a958c",
  "red cloth": "#b3262e", "blue cloth": "#2f4f96", denim: "#4b6286", gold: "#c99a2e",
};
const KEYS = [
  ...TOOLS.map(({ key, title, map }) => [key.toUpperCase(), title, map]),
  ["[  ]", "Smaller, larger: brush, or reach of a hint"],
  ["Ctrl Z", "Undo"],
  ["Ctrl Shift Z", "Redo"],
  ["Ctrl S", "Save the project"],
  ["Ctrl O", "Open a photo"],
  ["+  -  0", "Larger, smaller, the whole photo"],
  ["X", "Before and after"],
  ["M", "Label map on and off", true],
  ["/", "Search labels", true],
  ["Delete", "Remove the chosen hint"],
  ["Arrows, Enter", "On the photo: move the cross, use the tool there"],
  ["Escape", "Take back what has begun"],
  ["?", "These keys"],
];

function text(tag, textContent) {
  return Object.assign(document.createElement(tag), { textContent });
}

// Messages ------------------------------------------------------------------------------------------------------------

function say(text) {
  $("status").textContent = text;
}

function complain(error) {
  const [line] = $("alert").children;
  const said = error.message || String(error);
  const sentence = said.charAt(0).toUpperCase() + said.slice(1) + (/[.?!]$/.test(said) ? "" : ".");
  const parts = sentence.split(/(--[a-z-]+)/).map((part, i) => (i % 2 ? text("code", part) : part));
  line.replaceChildren(...parts);
  $("alert").hidden = false;
  if (!error.wrong) console.error(error);
}

$("alert").querySelector("button").onclick = () => ($("alert").hidden = true);

const SLOW = 500; // milliseconds; a bar that moves takes time from what it waits for

let waiting = 0;

/** Runs what takes a while: shows that it runs, and what went wrong. */
async function during(what, work) {
  waiting++;
  if (what) say(what);
  const slow = setTimeout(() => ($("progress").hidden = false), SLOW);
  try {
    return await work();
  } catch (error) {
    complain(error);
    if (what) say("");
    return undefined;
  } finally {
    waiting--;
    clearTimeout(slow);
    if (!waiting) $("progress").hidden = true;
  }
}

// Opening -------------------------------------------------------------------------------------------------------------

async function openPhoto(file) {
  if (!store.saved && !confirm("This photo's edits are not saved. Open another one?")) return false;
  return during(`Reading ${file.name}…`, async () => {
    $("alert").hidden = true;
    const touch = matchMedia("(pointer: coarse)").matches;
    const opened = await net.open(file, model.limits, touch ? 1024 : 1600);
    if (!opened) return false;
    const { labels } = opened;
    photo = opened;
    photoName = file.name.replace(/\.[^.]*$/, "") || "photo";
    store.clear();
    tools.clear();
    store.knobs = defaults();
    if (labels.length) {
      store.labels = labels;
      store.predicted = labels.slice();
    }
    view.hasLabels = labels.length > 0;
    view.split = 0;
    $("split").value = 0;
    seed = 0;
    document.title = `${file.name} · tfcolor`;
    document.body.classList.remove("empty");
    view.resize();
    view.setPhoto(opened.view, opened.small, palette());
    refreshLooks([]);
    store.touch();
    say(`${file.name}, ${opened.width} × ${opened.height} pixels`);
    $("stage").focus({ preventScroll: true });
    return true;
  });
}

async function openProject(file) {
  if (!photo) return complain(new Error("Open the project's photo first, then the project"));
  return during("Opening the project…", async () => {
    const { labels, hints, knobs, sample, note } = await net.openProject(file);
    store.change("project", () => {
      if (labels.length) store.labels.set(labels);
      store.hints = hints;
      store.knobs = Object.fromEntries(model.knobs.map(({ name, value }) => [name, knobs[name] ?? value]));
      store.sample = model.distribution ? sample : null;
    });
    tools.select(-1);
    refreshLooks([]);
    store.kept = store.done.at(-1);
    say(`${file.name} is open`);
    if (note) complain(new Error(note));
  });
}

function choose(accept, then) {
  const input = $("file");
  Object.assign(input, { accept, value: "" });
  input.onchange = () => input.files[0] && then(input.files[0]);
  input.click();
}

const choosePhoto = () => choose("image/*,.heic,.jp2,.pgm,.ppm,.tif,.tiff", (file) => openAll([file]));
$("open").onclick = $("choose").onclick = choosePhoto;
$("load").onclick = () => choose(".json,application/json", openProject);
$("import").onclick = () =>
  choose("image/png", (file) =>
    during("Importing the label map…", async () => {
      const labels = await net.importLabels(file);
      const count = store.change("import", () => store.labels.set(labels));
      say(`${count.toLocaleString("en")} pixels have another label`);
    }),
  );

let dragging = 0;
addEventListener("dragenter", (event) => {
  dragging++;
  $("drop").hidden = !event.dataTransfer?.types.includes("Files");
});
addEventListener("dragleave", () => ($("drop").hidden = !(dragging = Math.max(0, dragging - 1))));
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  dragging = 0;
  $("drop").hidden = true;
  openAll(event.dataTransfer.files);
});
addEventListener("paste", (event) => openAll(event.clipboardData?.files ?? []));

/** A photo, a project, or both: the photo first. */
async function openAll(files) {
  const isProject = (file) => /\.json$/i.test(file.name);
  const image = [...files].find((file) => !isProject(file));
  const project = [...files].find(isProject);
  if (image && !(await openPhoto(image))) return;
  if (project) await openProject(project);
}

// Keeping -------------------------------------------------------------------------------------------------------------

function hand(blob, name) {
  const link = document.createElement("a");
  Object.assign(link, { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

async function saveProject() {
  if (!photo) return;
  await during("Saving the project…", async () => {
    const step = store.done.at(-1);
    hand(await net.project(store), `${photoName}.tfcolor.json`);
    store.kept = step;
    say("The project is saved");
  });
}

async function download() {
  if (!photo || $("download").disabled) return;
  $("download").disabled = true;
  await during("Colouring the photo at full size…", async () => {
    const { blob, notes } = await net.result(store);
    hand(blob, `${photoName}-colour${photo.ending}`);
    say(["The photo is downloaded", ...notes].join(" · "));
  });
  $("download").disabled = false;
}

$("save").onclick = saveProject;
$("download").onclick = download;
$("export").onclick = () =>
  during("Exporting the label map…", async () => {
    hand(await net.exportLabels(store), `${photoName}-labels.png`);
    say("The label map is downloaded");
  });
addEventListener("beforeunload", (event) => {
  if (!store.saved) event.preventDefault();
});
addEventListener("pagehide", () => net.leave());
for (const menu of document.querySelectorAll(".menu")) {
  menu.addEventListener("click", (event) => event.target.closest("button") && (menu.open = false));
  menu.addEventListener("focusout", (event) => menu.contains(event.relatedTarget) || (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.firstElementChild.focus();
  });
}

// Colour: one request at a time, always of the newest state -----------------------------------------------------------

const AGAIN = 2000; // milliseconds until a server that does not answer is asked once more

let asking = false;
let stale = false;
let lost = 0; // the timer, while the server does not answer
let sequence = Date.now(); // grows over reloads too
let wake = () => {}; // ends a rest

/** As long as the hand draws, the server rests twice as long as it works: when the hand lets go, it is likely to be free. */
function rest(milliseconds) {
  return new Promise((done) => {
    wake = done;
    setTimeout(done, milliseconds);
  });
}

async function recolor() {
  stale = true;
  if (!store.before) wake();
  if (asking) return;
  asking = true;
  while (stale) {
    stale = false;
    const start = performance.now();
    const { revision } = store;
    const asked = photo;
    await during("", async () => {
      try {
        const chroma = await net.color(store, ++sequence);
        if (asked === photo) view.setChroma(chroma, revision);
        if (lost) $("alert").hidden = true;
        lost = 0;
      } catch (error) {
        if (error.status === 409) return;
        const known = lost;
        clearTimeout(lost);
        lost = error.status === 0 ? setTimeout(recolor, AGAIN) : 0;
        if (!known || !lost) throw error;
      }
    });
    if (store.before) await rest(2 * (performance.now() - start));
  }
  asking = false;
}

store.addEventListener("change", () => {
  if (!photo) return;
  if (store.labels) view.setLabels(store.labels);
  else view.draw();
  refreshButtons();
  refreshHints();
  refreshKnobs();
  for (const look of $("look-list").children) look.setAttribute("aria-pressed", String(look.share === store.sample));
  recolor();
});

function goBack(step, word) {
  const what = store[step]();
  if (store.hints.length <= tools.selected) tools.select(-1);
  say(what ? `${word}: ${what}` : `Nothing to ${step}`);
}

$("undo").onclick = () => goBack("undo", "Undone");
$("redo").onclick = () => goBack("redo", "Redone");

function refreshButtons() {
  $("undo").disabled = !store.done.length;
  $("redo").disabled = !store.undone.length;
  for (const id of ["download", "save", "export", "import", "load", "more-looks"]) $(id).disabled = !photo;
}

// Tools ---------------------------------------------------------------------------------------------------------------

for (const { name, key, title, map, icon } of TOOLS) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", title: `${title} (${key.toUpperCase()})`, className: "icon" });
  button.dataset.tool = name;
  button.setAttribute("aria-label", title);
  button.innerHTML = `<svg viewBox="0 0 20 20"><path d="${icon}"/></svg>`;
  if (map) button.classList.add("with-labels");
  button.onclick = () => tools.choose(name);
  $("tools").append(button);
}

$("tools").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const buttons = [...$("tools").children].filter((button) => button.offsetParent);
  buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length].focus();
  event.preventDefault();
});

function refreshTool() {
  const { tool } = tools;
  for (const button of $("tools").children) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    button.tabIndex = button.dataset.tool === tool ? 0 : -1;
  }
  $("stage").dataset.tool = tool;
  view.mapInTheWay = tool === "hint";
  view.draw();
  const { title } = TOOLS.find(({ name }) => name === tool);
  const options = $("options");
  options.replaceChildren(text("b", title.split(/[:;(]/)[0].trim()));
  if (tools.usesMap && tool !== "eraser") {
    const chip = document.createElement("span");
    chip.className = "chip";
    chip.append(dot(tools.label), tools.nameOf(tools.label));
    options.append(chip);
  }
  if (tool === "brush" || tool === "eraser") options.append(slider("Size", 1, 80, 1, tools.size, (v) => (tools.size = v)));
  if (tool === "alike") {
    options.append(slider("Tolerance", 0.02, 0.4, 0.01, tools.contrast, (v) => (tools.contrast = v)));
  }
  if (tool === "pick" && model.classes.length) {
    const label = text("label", "Colour instead");
    const input = Object.assign(document.createElement("input"), { type: "checkbox", checked: tools.picksColor });
    input.onchange = () => (tools.picksColor = input.checked);
    label.prepend(input);
    options.append(label);
  }
}

function slider(name, from, to, step, value, set) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "range", min: from, max: to, step, value, id: `option-${name.toLowerCase()}` });
  const output = text("output", value);
  input.oninput = () => {
    output.textContent = input.value;
    set(Number(input.value));
    view.draw();
  };
  label.append(name, input, output);
  return label;
}

tools.addEventListener("tool", () => {
  refreshTool();
  if (tools.usesMap) $("labels").scrollIntoView({ block: "nearest" });
  if (tools.tool === "hint") $("hints").scrollIntoView({ block: "nearest" });
});
tools.addEventListener("say", (event) => say(event.detail));
tools.addEventListener("error", (event) => complain(event.detail));
tools.addEventListener("hover", ({ detail }) => {
  const inside = detail && detail.every((at) => at >= 0 && at < 1);
  $("under").replaceChildren();
  if (inside && store.labels) {
    const label = store.labels[tools.index(...detail)];
    $("under").append(dot(label), tools.nameOf(label));
  }
});

// Labels --------------------------------------------------------------------------------------------------------------

function palette() {
  const colors = new Uint32Array(256);
  model.classes.forEach(({ color }, i) => {
    const [red, green, blue] = [0, 2, 4].map((at) => parseInt(color.slice(at, at + 2), 16));
    colors[i] = (255 << 24) | (blue << 16) | (green << 8) | red;
  });
  return colors; // no label: nothing is drawn
}

function dot(label) {
  const dot = document.createElement("i");
  dot.className = "dot";
  if (label !== NO_LABEL) dot.style.background = `#${model.classes[label].color}`;
  return dot;
}

function listClasses() {
  const wanted = $("search").value.trim().toLowerCase();
  const entries = model.classes.map(({ name, words }, label) => ({ name, words, label }));
  entries.push({ name: "no label", words: ["no label", "unknown", "none"], label: NO_LABEL });
  const found = entries.filter(({ words }) => words.some((word) => word.includes(wanted)));
  $("classes").replaceChildren(
    ...found.map(({ name, words, label }) => {
      const item = document.createElement("li");
      item.id = `class-${label}`;
      item.setAttribute("role", "option");
      item.label = label;
      item.append(dot(label), name);
      const other = wanted && !name.includes(wanted) && words.find((word) => word.includes(wanted));
      if (other) item.append(text("small", other));
      item.onclick = () => setLabel(label);
      return item;
    }),
  );
  $("no-class").hidden = found.length > 0;
  $("classes").hidden = !found.length;
  markClass();
}

function markClass() {
  $("classes").removeAttribute("aria-activedescendant");
  for (const item of $("classes").querySelectorAll("li")) {
    const chosen = item.label === tools.label;
    item.setAttribute("aria-selected", String(chosen));
    if (!chosen) continue;
    item.scrollIntoView({ block: "nearest" });
    $("classes").setAttribute("aria-activedescendant", item.id);
  }
}

function setLabel(label) {
  tools.label = label;
  markClass();
  if (!tools.usesMap || tools.tool === "eraser") tools.choose("brush");
  else refreshTool();
}

function moveClass(step) {
  const items = [...$("classes").querySelectorAll("li")];
  if (!items.length) return;
  const at = items.findIndex((item) => item.label === tools.label);
  setLabel(items[at < 0 ? 0 : Math.min(Math.max(at + step, 0), items.length - 1)].label);
}

for (const id of ["search", "classes"]) {
  $(id).addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") moveClass(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter") {
      if (id === "search") moveClass(0);
      $("stage").focus();
    } else return;
    event.preventDefault();
  });
}
$("search").oninput = listClasses;
tools.addEventListener("label", () => setLabel(tools.label));

// Hints ---------------------------------------------------------------------------------------------------------------

for (const [name, color] of Object.entries(SWATCHES)) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", title: name, className: "swatch" });
  button.setAttribute("aria-label", name);
  button.style.background = color;
  button.onclick = () => setColor(color, true);
  $("swatches").append(button);
}

/** The colour of the chosen hint, and of the next; `done`: the hand has let go. */
function setColor(color, done) {
  tools.color = color;
  changeHint({ color }, done);
}

function changeHint(values, done) {
  if (store.hints[tools.selected]) {
    if (!store.before) store.begin();
    tools.setHint(values);
    if (done) store.commit("hint");
    else store.touch();
  } else {
    if (tools.tool !== "hint") tools.choose("hint");
    refreshHints();
  }
}

$("color").oninput = () => setColor($("color").value, false);
$("color").onchange = () => setColor($("color").value, true);
for (const kind of ["input", "change"]) {
  $("reach").addEventListener(kind, () => {
    tools.reach = Number($("reach").value);
    changeHint({ reach: tools.reach }, kind === "change");
  });
}

function refreshHints() {
  $("color").value = tools.color;
  $("color").parentElement.style.background = tools.color;
  $("reach").value = tools.reach;
  $("reach").previousElementSibling.textContent = `${Math.round(100 * tools.reach)} %`;
  for (const swatch of $("swatches").children) {
    swatch.setAttribute("aria-pressed", String(SWATCHES[swatch.title] === tools.color));
  }
  $("no-hints").hidden = store.hints.length > 0;
  const list = $("hint-list");
  while (list.children.length > store.hints.length) list.lastChild.remove();
  while (list.children.length < store.hints.length) {
    const number = list.children.length;
    const item = document.createElement("li");
    const [button, remove] = [document.createElement("button"), document.createElement("button")];
    Object.assign(button, { type: "button", className: "pick" });
    Object.assign(remove, { type: "button", className: "text", textContent: "✕", title: "Remove (Delete)" });
    remove.setAttribute("aria-label", `Remove hint ${number + 1}`);
    button.append(document.createElement("i"), `Hint ${number + 1}`);
    button.onclick = () => {
      tools.choose("hint");
      tools.select(number);
    };
    remove.onclick = () => {
      tools.select(number);
      tools.removeHint();
    };
    item.append(button, remove);
    list.append(item);
  }
  store.hints.forEach((hint, i) => {
    const [button] = list.children[i].children;
    button.firstChild.style.background = hint.color;
    button.setAttribute("aria-pressed", String(i === tools.selected));
  });
}

tools.addEventListener("hints", refreshHints);

// Colourings and knobs ------------------------------------------------------------------------------------------------

function refreshLooks(looks) {
  const own = { share: null, name: "As predicted" };
  $("look-list").replaceChildren(
    ...(looks.length ? [own, ...looks] : []).map(({ share, jpeg, name }, i) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", share });
      button.setAttribute("aria-pressed", String(share === store.sample));
      button.setAttribute("aria-label", name ?? `Colouring ${i}`);
      if (jpeg) button.append(Object.assign(new Image(), { src: `data:image/jpeg;base64,${jpeg}`, alt: "" }));
      else button.textContent = name;
      button.onclick = () => store.change("colouring", () => (store.sample = share));
      return button;
    }),
  );
  $("more-looks").textContent = looks.length ? "Six others" : "Suggest six";
}

$("more-looks").onclick = async () => {
  $("more-looks").disabled = true;
  await during("Looking for other colourings…", async () => {
    refreshLooks(await net.looks(store, seed++));
    say("Six other colourings");
  });
  $("more-looks").disabled = false;
};

function defaults() {
  return Object.fromEntries(model.knobs.map(({ name, value }) => [name, value]));
}

function listKnobs() {
  for (const { name, from, to } of model.knobs) {
    const label = document.createElement("label");
    label.className = "slider";
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: from, max: to, step: 0.01, id: `knob-${name}` });
    label.append(name[0].toUpperCase() + name.slice(1), document.createElement("output"), input);
    for (const kind of ["input", "change"]) {
      input.addEventListener(kind, () => {
        if (!photo) return;
        if (!store.before) store.begin();
        store.knobs = { ...store.knobs, [name]: Number(input.value) };
        if (kind === "change") store.commit(name);
        else store.touch();
      });
    }
    $("knob-list").append(label);
  }
  $("reset").onclick = () => photo && store.change("reset", () => (store.knobs = defaults()));
}

function refreshKnobs() {
  for (const [name, value] of Object.entries(store.knobs)) {
    const input = $(`knob-${name}`);
    input.value = value;
    input.previousElementSibling.textContent = Number(value).toFixed(2);
  }
}

// View ----------------------------------------------------------------------------------------------------------------

$("zoom-in").onclick = () => photo && view.zoom(1.25);
$("zoom-out").onclick = () => photo && view.zoom(0.8);
$("fit").onclick = () => photo && view.fit();
$("opacity").oninput = () => showMap($("opacity").value / 100);
$("split").oninput = () => setSplit($("split").value / 100);

/** Who asks for the map gets it, with the hint tool as well. */
function showMap(opacity) {
  Object.assign(view, { opacity, mapInTheWay: false });
  $("opacity").value = 100 * opacity;
  view.draw();
}

let lastOpacity = view.opacity;

function toggleMap() {
  if (view.opacity) lastOpacity = view.opacity;
  showMap(view.opacity && !view.mapInTheWay ? 0 : lastOpacity);
}

/** `share` is of the photo's width, as the slider's: nobody wants to look for the photo's edge. */
let splitShare = 0;

function setSplit(share) {
  splitShare = share;
  $("split").value = 100 * share;
  placeHandle();
}

function placeHandle() {
  if (!view.photo) return;
  const [x] = view.toStage(splitShare, 0);
  const { clientWidth } = view.canvas;
  view.split = splitShare ? Math.min(Math.max(x / clientWidth, 0), 1) : 0;
  $("handle").hidden = !splitShare || x < 0 || x > clientWidth;
  $("handle").style.left = `${x}px`;
  view.draw();
}

view.canvas.addEventListener("moved", () => {
  placeHandle();
  $("fit").textContent = view.fitted ? "Fit" : `${Math.round((100 * view.scale) / view.least)} %`;
});
$("handle").addEventListener("pointerdown", (event) => {
  $("handle").setPointerCapture(event.pointerId);
  $("handle").onpointermove = (move) => {
    const [share] = view.toShares(move.clientX - view.canvas.getBoundingClientRect().left, 0);
    setSplit(Math.min(Math.max(share, 0.005), 1));
  };
});
$("handle").addEventListener("pointerup", () => ($("handle").onpointermove = null));

// Keys ----------------------------------------------------------------------------------------------------------------

function resize(factor) {
  if (tools.tool === "hint") {
    tools.reach = Math.min(1, Math.max(0.02, Math.round(tools.reach * factor * 100) / 100));
    changeHint({ reach: tools.reach }, true);
  } else {
    const size = Math.round(tools.size * factor);
    tools.size = Math.min(80, Math.max(1, size === tools.size ? size + Math.sign(factor - 1) : size));
    refreshTool();
  }
  view.draw();
}

const ACTIONS = {
  "[": () => resize(0.8),
  "]": () => resize(1.25),
  "+": () => $("zoom-in").click(),
  "=": () => $("zoom-in").click(),
  "-": () => $("zoom-out").click(),
  0: () => $("fit").click(),
  x: () => setSplit(splitShare ? 0 : 0.5),
  m: () => model.classes.length && toggleMap(),
  "/": () => model.classes.length && $("search").focus(),
  "?": () => $("keys").showModal(),
  delete: () => tools.removeHint(),
  backspace: () => tools.removeHint(),
};
const WITH_CONTROL = { z: () => $("undo").click(), y: () => $("redo").click(), s: saveProject, o: choosePhoto };

addEventListener("keydown", (event) => {
  if ($("keys").open || !model) return;
  const key = event.key.toLowerCase();
  const typing = event.target.matches("input:not([type=range]):not([type=color]):not([type=checkbox])");
  if (event.ctrlKey || event.metaKey) {
    if (typing && "zy".includes(key)) return; // what is typed is undone
    const action = event.shiftKey && key === "z" ? WITH_CONTROL.y : WITH_CONTROL[key];
    if (!action) return;
    event.preventDefault();
    action();
    return;
  }
  if (typing || event.altKey) return;
  const tool = TOOLS.find((one) => one.key === key && (!one.map || model.classes.length));
  if (key === " " && (event.target === view.canvas || event.target === document.body)) {
    tools.spaceHeld = true;
    view.canvas.classList.add("pans");
  } else if (tool) tools.choose(tool.name);
  else if (ACTIONS[key]) ACTIONS[key]();
  else return;
  event.preventDefault();
});
addEventListener("keyup", (event) => {
  if (event.key !== " ") return;
  tools.spaceHeld = false;
  view.canvas.classList.remove("pans");
});
$("help").onclick = ACTIONS["?"];

// Start ---------------------------------------------------------------------------------------------------------------

during("", async () => {
  model = await net.model();
  tools.classes = model.classes;
  document.body.classList.toggle("labels", model.classes.length > 0);
  $("looks").hidden = !model.distribution;
  $("model").textContent = `Model ${model.name} ${model.version}`;
  for (const name of model.examples) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const image = Object.assign(new Image(), { src: `static/examples/${name}.jpg`, alt: "" });
    Object.assign(button, { type: "button", title: `Open the example ${name}` });
    button.setAttribute("aria-label", `Example: ${name}`);
    button.append(image);
    button.onclick = () =>
      during("", async () => openPhoto(new File([await (await fetch(image.src)).blob()], `${name}.jpg`)));
    item.append(button);
    $("examples").append(item);
  }
  for (const [keys, what, map] of KEYS) {
    if (map && !model.classes.length) continue;
    const [term, meaning] = [document.createElement("dt"), document.createElement("dd")];
    term.append(...keys.split(", ").flatMap((part) => part.split(/ +/)).map((key) => text("kbd", key)));
    meaning.textContent = what.split(": back")[0];
    $("keys").querySelector("dl").append(term, meaning);
  }
  listClasses();
  listKnobs();
  tools.choose(model.classes.length ? "brush" : "hint");
  refreshHints();
  refreshButtons();
  document.body.dataset.ready = "true";
});
