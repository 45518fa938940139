const { critical, look } = DATA;
let { gain, spread, seeds } = DATA;
let stop = false;
const ROWS = 12;
const worlds = [{ title: "The gain is real" }, { title: "There is no gain" }];
let [total, shownGain] = [0, 0];

let state = DATA.seed;
function uniform() {  // mulberry32, as `uniforms` in seeds.py
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}
function normal() {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
  return radius * Math.cos(2 * Math.PI * uniform());
}

// The interval of paired differences, as `experiment` in seeds.py.
function experiment(values) {
  for (let used = stop ? Math.min(look, values.length) : values.length; ; used++) {
    const some = values.slice(0, used);
    const mean = some.reduce((sum, value) => sum + value, 0) / used;
    const variance = some.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (used - 1);
    const half = critical[used - 2] * Math.sqrt(variance / used);
    const verdict = mean - half > 0 ? 1 : mean + half < 0 ? -1 : 0;
    if (verdict || used === values.length) return { some, mean, half, verdict };
  }
}

function bell(z) {  // the normal distribution function, to 1.5e-7 (Abramowitz and Stegun 7.1.26)
  const t = 1 / (1 + (0.3275911 * Math.abs(z)) / Math.SQRT2);
  const rest = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const upper = 0.5 * rest * Math.exp((-z * z) / 2);
  return z > 0 ? 1 - upper : upper;
}

// Share of intervals above zero: the mean of P(Z + d > c s) over the sample's relative spread s.
function power(count) {
  const [v, away, c] = [count - 1, (gain / spread) * Math.sqrt(count), critical[count - 2]];
  const [parts, most] = [400, 1 + 8 / Math.sqrt(v)];
  let [sum, weights] = [0, 0];
  for (let i = 0; i <= parts; i++) {
    const s = (most * (i + 1e-9)) / parts;
    const weight = (i % parts ? (i % 2 ? 4 : 2) : 1) * Math.exp((v - 1) * Math.log(s) - (v * (s * s - 1)) / 2);
    sum += weight * bell(away - c * s);
    weights += weight;
  }
  return sum / weights;
}

function needed() {
  if (!gain) return null;
  let [low, high] = [1, critical.length + 1];
  if (power(high) < 0.8) return null;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (power(middle) < 0.8) low = middle;
    else high = middle;
  }
  return high;
}

for (const [i, world] of worlds.entries()) {
  world.svg = h("svg:svg", { viewBox: "0 0 340 250", role: "img", "aria-label": "", style: "overflow:hidden" });
  world.bar = h("i", { style: `background:var(--${i ? "bad" : "accent"});width:0` });
  world.mark = h("s", {});
  world.figure = h("span", { class: "rx-figure" });
  world.note = h("p", { class: "rx-note" });
}
const say = line();

function clear() {
  [total, shownGain] = [0, 0];
  for (const world of worlds) Object.assign(world, { last: [], count: 0 });
  draw();
}

function run() {
  const draws = Array.from({ length: seeds }, normal);
  worlds.forEach((world, i) => {
    const found = experiment(draws.map((value) => (i ? 0 : gain) + spread * value));
    const counts = i ? found.verdict !== 0 : found.verdict === 1;
    if (counts) world.count++;
    if (counts && !i) shownGain += found.mean;
    world.last = [found, ...world.last].slice(0, ROWS);
  });
  total++;
}

function drawWorld(world, i, falls) {
  const reach = gain / 2 + 3.2 * spread;
  const across = (value) => 170 + ((value - gain / 2) / reach) * 165;
  const parts = [
    h("svg:path", { d: `M${across(0)} 0V226`, style: "stroke:var(--ink);stroke-width:1.5" }),
    h("svg:text", { x: across(0), y: 243, "text-anchor": i || across(gain) - across(0) < 60 ? "middle" : "end",
      "font-size": 13 }, "0")];
  if (!i && gain) {
    parts.push(h("svg:path", { d: `M${across(gain)} 0V226`,
      style: "stroke:var(--accent);stroke-width:1.5;stroke-dasharray:5 4" }), h("svg:text", { x: across(gain), y: 243,
      "text-anchor": "start", "font-size": 13, style: "fill:var(--accent)" }, `true gain ${gain.toFixed(1)}`));
  }
  world.last.forEach((found, row) => {
    const colour = found.verdict === 0 ? "edge" : !i && found.verdict > 0 ? "accent" : "bad";
    const y = 216 - 18 * (Math.min(world.last.length, ROWS) - 1 - row);
    const [left, right] = [-1, 1].map((side) => clamp(across(found.mean + side * found.half), -5, 345));
    parts.push(h("svg:g", { class: falls && row === 0 ? "rx-falls" : null },
      h("svg:path", { d: `M${left} ${y}H${right}`, style: `stroke:var(--${colour});stroke-width:4;opacity:.75` }),
      h("svg:path", { d: `M${across(found.mean)} ${y - 6}V${y + 6}`, style: `stroke:var(--${colour});stroke-width:3` }),
      found.some.map((value) => h("svg:circle", { cx: across(value), cy: y, r: 2.4,
        style: "fill:var(--ink);opacity:.75" }))));
  });
  world.svg.replaceChildren(...parts);
  world.svg.setAttribute("aria-label", `${world.title}: the last ${world.last.length} experiments, ` +
    `${world.last.filter((found) => found.verdict).length} of them exclude zero`);
}

function draw(falls) {
  const [theory, promised] = [power(seeds), 0.05];
  worlds.forEach((world, i) => {
    drawWorld(world, i, falls);
    const share = total ? world.count / total : 0;
    world.bar.style.width = `${100 * share}%`;
    world.mark.style.left = `${100 * (i ? promised : theory)}%`;
    world.mark.style.display = stop && !i ? "none" : "";
    world.figure.textContent = total ? percent(share) : "–";
    world.note.replaceChildren(i ? "False alarms: intervals that exclude zero. Mark: the promised 5 %." :
      `Power: intervals above zero.${stop ? "" : ` Mark: theory, ${percent(theory, 1)}.`}`);
  });
  const enough = needed();
  say.put(["total", String(total)], " experiments. With a gain of ", gain.toFixed(1),
    " the interval lies above zero in ", ["power", String(worlds[0].count)],
    "; without a gain it excludes zero in ", ["alarms", String(worlds[1].count)],
    ". ", worlds[0].count ? "Where it shows the gain, the mean gain reported is " : "",
    ...(worlds[0].count ? [["shown", (shownGain / worlds[0].count).toFixed(2)], ". "] : []),
    "Power in theory, without stopping early: ", ["theory", percent(theory, 1)], "; 80 % needs ",
    ["needed", enough ? String(enough) : gain ? `more than ${critical.length + 1}` : "a gain:"],
    enough || gain ? " seeds." : " zero cannot be shown.");
}

const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
let waiting = 0;
let timer = null;
function many(count) {
  waiting += count;
  if (still) while (waiting) { run(); waiting--; }
  else if (!timer) timer = setInterval(tick, 30);
  draw();
}
function tick() {
  for (let i = 0; i < 4 && waiting; i++, waiting--) run();
  if (!waiting) { clearInterval(timer); timer = null; }
  draw();
}
function change(set) {
  waiting = 0;
  set();
  clear();
}

const chance = power(seeds);
const question = predict({
  ask: `The true gain is ${gain.toFixed(1)} points, the spread of the paired differences ${spread.toFixed(1)}, and ` +
    `each experiment has ${seeds} seeds. In how many of 100 experiments does the 95 % interval lie above zero?`,
  number: { min: 0, max: 100, step: 1, value: 50, unit: "" },
  answer: (guess) => `You said ${guess}. In the long run it is ${(100 * chance).toFixed(0)} of 100` +
    `${chance < 0.5 ? ": most such experiments miss a gain that is there" : ""}. Here are 100 of them.`,
  opened: () => many(100),
});

clear();
mount(question,
  h("div", { class: "rx-sliders" },
    slider({ name: "gain", label: "True gain, points", min: 0, max: 3, step: 0.1, value: gain,
      show: (value) => value.toFixed(1), on: (value) => change(() => { gain = value; }) }),
    slider({ name: "spread", label: "Spread of the differences", min: 0.2, max: 3, step: 0.1, value: spread,
      show: (value) => value.toFixed(1), on: (value) => change(() => { spread = value; }) }),
    slider({ name: "seeds", label: "Seeds", min: 2, max: DATA.most, step: 1, value: seeds,
      on: (value) => change(() => { seeds = value; }) }),
    checkbox("Stop when significant: look after each seed from the third on", stop,
      (value) => change(() => { stop = value; }))),
  h("div", { class: "rx-row rx-after" }, button("Run 1", () => { run(); draw(true); }),
    button("Run 100", () => many(100), { class: "rx-main" }), button("Clear", () => change(() => {}))),
  h("div", { class: "rx-cols rx-after" }, worlds.map(({ title, svg, bar, mark, figure, note }) => titled(title, svg,
    h("div", { class: "rx-count" }, h("div", { class: "rx-track" }, bar, mark), figure), note))),
  h("div", { class: "rx-after" }, say));
