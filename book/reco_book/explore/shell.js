// What every explorable uses: elements, controls, the prediction, dragging, pictures. `root` is the explorable's own
// element; nothing outside it is changed.
const own = document.currentScript && document.currentScript.closest(".rx");
const root = own || document.querySelector(`.rx[data-kind="${KIND}"]:not([data-open])`);
if (!root || root.dataset.open) return;
root.dataset.open = "no";
const unique = "rx" + Math.random().toString(36).slice(2, 10);
let made = 0;

// An element, or with the prefix "svg:" one of SVG; attributes that are functions are listeners.
function h(tag, attributes, ...children) {
  const node = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  // JupyterLab's own keys stay out of what can have the focus.
  if (/^(button|input|select)$/.test(tag) || "tabindex" in (attributes || {})) {
    node.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

const newId = () => `${unique}-${++made}`;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const percent = (share, digits = 0) => (Number.isFinite(share) ? `${(100 * share).toFixed(digits)} %` : "none");
const rgb = (colour) => `rgb(${colour.join(",")})`;
const swatch = (colour) => h("span", { class: "rx-swatch", style: `background:${rgb(colour)}` });

// Text as nodes, the index of a delta below the line.
const rich = (text) => String(text).split(/(δ[ws])/).map((part) =>
  (/^δ[ws]$/.test(part) ? h("span", {}, "δ", h("sub", {}, part[1])) : part));

// A native slider with its name and value above it; `show` turns the value into words.
function slider({ name, label, min, max, step, value, show = String, on }) {
  const output = h("output", { "data-name": name });
  const input = h("input", { type: "range", min, max, step, value, "aria-label": label });
  const tell = () => {
    output.textContent = show(Number(input.value));
    input.setAttribute("aria-valuetext", show(Number(input.value)));
  };
  input.addEventListener("input", () => { tell(); on(Number(input.value)); });
  tell();
  const node = h("label", { class: "rx-slider" }, h("span", {}, h("span", {}, rich(label)), output), input);
  node.set = (next) => { input.value = next; tell(); };
  return node;
}

// One of several, as native radio buttons that look like buttons: options are [value, text, colour or nothing].
function chips({ legend, options, value, on, hidden }) {
  const group = newId();
  const inputs = options.map(([key]) => h("input", {
    type: "radio", name: group, value: key, checked: key === value, change: () => on(key),
  }));
  const labels = options.map(([, text, colour], i) =>
    h("label", { class: "rx-chip" }, inputs[i], h("span", {}, colour ? swatch(colour) : null, text)));
  const node = h("fieldset", {}, h("legend", { class: hidden ? "rx-hidden" : null }, legend),
    h("div", { class: "rx-row" }, labels));
  node.set = (next) => inputs.forEach((input, i) => { input.checked = options[i][0] === next; });
  return node;
}

const button = (text, click, attributes) => h("button", { type: "button", click, ...attributes }, text);

function checkbox(text, value, on) {
  const input = h("input", { type: "checkbox", checked: value, change: () => on(input.checked) });
  return h("label", { class: "rx-check" }, input, text);
}

// A line that a screen reader speaks when it changes: parts are text or [name, number as text].
function line(live = true) {
  const node = h("p", live ? { class: "rx-say", role: "status", "aria-live": "polite" } : {});
  node.put = (...parts) => {
    const key = parts.map((part) => (Array.isArray(part) ? part[1] : part)).join("");
    if (key === node.textContent) return;
    node.replaceChildren(...parts.flatMap((part) =>
      (Array.isArray(part) ? h("b", { "data-name": part[0] }, part[1]) : rich(part))));
  };
  return node;
}

// The question before the answer. `options` as for chips, or `number` {min, max, step, value, unit}, or `select`.
// `answer(guess)` returns the text that Show reveals.
function predict({ ask, options, number, select, answer, opened }) {
  let guess = number ? number.value : null;
  const show = button("Show", reveal, { class: "rx-main", disabled: guess === null });
  const choose = (value) => { guess = value; show.disabled = value === null || value === ""; };
  let control;
  if (options) control = chips({ legend: ask, options, value: null, on: choose });
  else if (number) {
    control = slider({ ...number, name: "guess", label: "Your prediction", on: choose,
      show: (value) => `${value}${number.unit}` });
  } else {
    control = h("select", { "aria-label": "Your prediction", change: (event) => choose(event.target.value) },
      h("option", { value: "" }, "choose …"), select.map(([value, text]) => h("option", { value }, text)));
  }
  const told = h("p", { role: "status", "aria-live": "polite", "data-name": "answer", tabindex: -1 });
  const question = options ? null : h("p", { class: "rx-ask" }, ask);
  const row = h("div", { class: "rx-row" }, show);
  const node = h("div", { class: "rx-predict" }, h("p", { class: "rx-head" }, "Predict first"), question, control, row,
    told);
  function reveal() {
    told.replaceChildren(answer(guess));
    root.dataset.open = "yes";
    control.remove();
    row.remove();
    node.firstChild.textContent = "Prediction and answer";
    if (options) node.insertBefore(h("p", { class: "rx-ask" }, ask), told);
    told.focus({ preventScroll: true });
    if (opened) opened();
  }
  return node;
}

// Pointer (mouse, pen, finger) and arrow keys for something that moves: move(x, y) in the units of `frame`, an <svg>
// or an element of `size` units; key(dx, dy, far) for arrows, where far is true with Shift or Page keys.
function draggable(node, frame, size, move, key) {
  let held = false;
  const place = (event) => {
    const box = frame.getBoundingClientRect();
    move(((event.clientX - box.left) / box.width) * size[0], ((event.clientY - box.top) / box.height) * size[1], event);
  };
  node.style.touchAction = "none";
  // SVG has no touch-action: without this line the page would scroll and take the pointer away.
  node.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  node.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    held = true;
    node.setPointerCapture(event.pointerId);
    node.focus({ preventScroll: true });
    place(event);
  });
  node.addEventListener("pointermove", (event) => { if (held) place(event); });
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => { held = false; });
  node.addEventListener("keydown", (event) => {
    const turn = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
      PageUp: [0, -1], PageDown: [0, 1] }[event.key];
    if (!turn) return;
    event.preventDefault();
    key(turn[0], turn[1], event.shiftKey || event.key.startsWith("Page"));
  });
}

// A picture of width x height pixels, each `scale` pixels of the canvas wide.
function picture(width, height, label, scale = 1) {
  const node = h("canvas", { width: width * scale, height: height * scale, role: "img", "aria-label": label });
  const pen = node.getContext("2d");
  node.paint = (colour) => {
    const made = pen.createImageData(width * scale, height * scale);
    for (let y = 0; y < height * scale; y++) {
      for (let x = 0; x < width * scale; x++) {
        const at = Math.floor(y / scale) * width + Math.floor(x / scale);
        const [red, green, blue] = colour(at, x % scale, y % scale);
        const place = 4 * (y * width * scale + x);
        made.data[place] = red;
        made.data[place + 1] = green;
        made.data[place + 2] = blue;
        made.data[place + 3] = 255;
      }
    }
    pen.putImageData(made, 0, 0);
  };
  return node;
}

const titled = (title, ...children) => h("div", {}, h("p", { class: "rx-head" }, title), children);

// Bytes that Python packed with zlib and base64.
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const CIVIDIS = [[0, 32, 81], [17, 54, 108], [60, 77, 110], [98, 100, 111], [127, 124, 117], [154, 148, 120],
  [187, 175, 113], [226, 203, 92], [253, 234, 69]];

// Colour of a share from 0 to 1, readable by colour-blind readers.
function cividis(share) {
  const at = clamp(share, 0, 1) * (CIVIDIS.length - 1);
  const low = Math.min(Math.floor(at), CIVIDIS.length - 2);
  return CIVIDIS[low].map((value, i) => Math.round(value + (at - low) * (CIVIDIS[low + 1][i] - value)));
}

// Light or dark as the page around it: the book's theme, or else the colour of the page's own text.
function theme() {
  const chosen = document.documentElement.dataset.theme;
  const ink = getComputedStyle(root.parentElement).color.match(/[\d.]+/g).map(Number);
  const dark = chosen ? chosen === "dark" : 0.3 * ink[0] + 0.6 * ink[1] + 0.1 * ink[2] > 128;
  root.classList.toggle("rx-dark", dark);
  root.classList.toggle("rx-light", !dark);
}

// Puts the live part in the place of the static picture.
function mount(...children) {
  root.querySelector(".rx-static").replaceWith(h("div", { class: "rx-live" }, children));
  theme();
  const watch = new MutationObserver(theme);
  for (const node of [document.documentElement, document.body]) {
    watch.observe(node, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "theme", "class"] });
  }
}
