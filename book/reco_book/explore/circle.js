const [R, X, Y] = [95, 190, 160];
const DEGREE = Math.PI / 180;
const wrap = (angle) => ((((angle + 180) % 360) + 360) % 360) - 180;
const signed = (value, digits) => value.toFixed(digits).replace("-", "−");
const degrees = (value) => `${signed(value, Math.abs(value % 1) > 1e-9 ? 1 : 0)}°`;
const at = (angle, radius) => [X + radius * Math.cos(angle * DEGREE), Y - radius * Math.sin(angle * DEGREE)];
let { query, positive, negatives, temperature, copies } = { ...DATA, negatives: [...DATA.negatives] };

// Loss, softmax weights, forces and gradient, as `circle` in circle.py.
function contrast(angle) {
  const turned = [positive, ...negatives].map((other) => (other - angle) * DEGREE);
  const logits = turned.map((turn, i) => Math.cos(turn) / temperature + (i === 1 ? Math.log(copies) : 0));
  const most = Math.max(...logits);
  const total = most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
  const weights = logits.map((logit) => Math.exp(logit - total));
  const forces = turned.map((turn, i) => ((i ? -weights[i] : 1 - weights[0]) * Math.sin(turn)) / temperature);
  return { loss: total - logits[0], weights, forces, gradient: -forces.reduce((sum, force) => sum + force, 0) };
}

function lowest() {
  let best = [-180, Infinity];
  for (let angle = -180; angle < 180; angle += 0.5) {
    const { loss } = contrast(angle);
    if (loss < best[1]) best = [angle, loss];
  }
  return best;
}

const names = () => ["prototype", ...negatives.map((_, i) => `n${i + 1}`)];
const label = (i) => (i === 1 && copies > 1 ? `n1 × ${copies}` : names()[i]);

// An arrow along the circle, `turn` degrees long; a short one has a short head.
function arc(turn, radius, colour) {
  const head = Math.sign(turn) * Math.min(Math.abs(turn), 7);
  const [start, neck, tip] = [at(query, radius), at(query + turn - head, radius), at(query + turn, radius)];
  const half = (5 * Math.abs(head)) / 7;
  const sides = [at(query + turn - head, radius - half), at(query + turn - head, radius + half)];
  const large = Math.abs(turn - head) > 180 ? 1 : 0;
  const way = `M${start}A${radius} ${radius} 0 ${large} ${turn < 0 ? 1 : 0} ${neck}`;
  return h("svg:g", {}, h("svg:path", { d: way, style: `fill:none;stroke:var(--${colour});stroke-width:3` }),
    h("svg:polygon", { points: [tip, ...sides].join(" "), style: `fill:var(--${colour})` }));
}

const text = (x, y, content, anchor, colour, size = 13) => h("svg:text", { x, y, "text-anchor": anchor,
  class: "rx-halo", "font-size": size, style: `fill:var(--${colour})` }, content);

const arrows = h("svg:g", { class: "rx-after", "aria-hidden": "true" });
const points = h("svg:g", {});
const plane = h("svg:svg", { viewBox: "0 0 380 320", role: "group", "aria-label": "Unit circle" },
  h("svg:circle", { cx: X, cy: Y, r: R, style: "fill:none;stroke:var(--edge);stroke-width:1.2" }), arrows, points);

// A point that is dragged along the circle, or turned with the arrow keys.
function point(name, read, write, colour) {
  const dot = h("svg:circle", { r: name === "query" ? 11 : 9, class: "rx-dot", style: `fill:var(--${colour})` });
  const hit = h("svg:circle", { r: 23, class: "rx-hit" });
  const node = h("svg:g", { class: "rx-point", role: "slider", tabindex: 0, "aria-label": name,
    "aria-valuemin": -180, "aria-valuemax": 180, "data-name": name }, hit, dot);
  const word = text(0, 0, "", "middle", colour);
  draggable(node, plane, [380, 320], (x, y) => { write(Math.round(Math.atan2(Y - y, x - X) / DEGREE)); draw(); },
    (dx, dy, far) => { write(wrap(read() + (dx - dy) * (far ? 15 : 1))); draw(); });
  node.update = () => {
    const angle = read();
    const [x, y] = at(angle, R);
    for (const part of [dot, hit]) { part.setAttribute("cx", x); part.setAttribute("cy", y); }
    const [far, high] = at(angle, R + 43);
    word.setAttribute("x", far);
    word.setAttribute("y", high + 4);
    word.setAttribute("text-anchor", far > X + 25 ? "start" : far < X - 25 ? "end" : "middle");
    word.textContent = name === "n1" ? label(1) : name;
    const cosine = signed(Math.cos((angle - query) * DEGREE), 2);
    node.setAttribute("aria-valuenow", Math.round(angle));
    node.setAttribute("aria-valuetext", name === "query" ? degrees(angle) : `${degrees(angle)}, cosine ${cosine}`);
  };
  return [word, node];
}

// Where the name of a force stands: behind the tail of its arrow.
function tail(force, radius) {
  const [x, y] = at(query - (Math.sign(force) * 560) / radius, radius);
  return [x, y + 4];
}

let movable = [];
function place() {
  movable = [point("prototype", () => positive, (angle) => { positive = angle; }, "pull"),
    ...negatives.map((_, i) => point(`n${i + 1}`, () => negatives[i], (angle) => { negatives[i] = angle; }, "push")),
    point("query", () => query, (angle) => { query = angle; }, "ink")].flat();
  points.replaceChildren(...movable);
}

const curve = h("svg:svg", { viewBox: "0 0 380 220", role: "img", "aria-label": "" });
const bars = h("div", { class: "rx-bars" });
const scale = h("p", { class: "rx-note rx-after" });
const say = line();
const BOX = { left: 34, right: 370, top: 30, bottom: 180 };

function drawCurve(here, best) {
  const losses = Array.from({ length: 181 }, (_, i) => contrast(2 * i - 180).loss);
  const most = Math.max(...losses) * 1.05;
  const across = (angle) => BOX.left + ((angle + 180) / 360) * (BOX.right - BOX.left);
  const up = (loss) => BOX.bottom - (loss / most) * (BOX.bottom - BOX.top);
  const tick = [0.5, 1, 2, 5, 10, 20].find((size) => most / size <= 5) || 50;
  const parts = [];
  for (let loss = 0; loss <= most; loss += tick) {
    parts.push(h("svg:path", { d: `M${BOX.left} ${up(loss)}H${BOX.right}`, style: "stroke:var(--line)" }),
      text(BOX.left - 6, up(loss) + 4, String(loss), "end", "soft", 12));
  }
  for (const angle of [-180, -90, 0, 90, 180]) {
    parts.push(text(across(angle), 196, degrees(angle), "middle", "soft", 12));
  }
  parts.push(text((BOX.left + BOX.right) / 2, 215, "angle of the query", "middle", "soft", 12));
  const upright = (angle, name, colour, top, dashes) => parts.push(
    h("svg:path", { d: `M${across(wrap(angle))} ${BOX.bottom}V${BOX.top}`,
      style: `stroke:var(--${colour});stroke-width:1.5;stroke-dasharray:${dashes}` }),
    text(across(wrap(angle)), top, name, "middle", colour, 12));
  negatives.forEach((angle, i) => upright(angle, `n${i + 1}`, "push", 25, "2 4"));
  upright(positive, "prototype", "pull", 11, "7 4");
  parts.push(h("svg:polyline", { points: losses.map((loss, i) => `${across(2 * i - 180)},${up(loss)}`).join(" "),
    style: "fill:none;stroke:var(--accent);stroke-width:2.5" }));
  const [low, high] = [across(best[0]), up(best[1])];
  const room = clamp(low, BOX.left + 50, BOX.right - 50);
  parts.push(h("svg:polygon", { points: `${low},${high - 3} ${low - 7},${high - 15} ${low + 7},${high - 15}`,
    style: "fill:var(--accent)" }), text(room, high - 20, `lowest at ${degrees(best[0])}`, "middle", "accent"));
  parts.push(h("svg:circle", { cx: across(wrap(query)), cy: up(here.loss), r: 7, style: "fill:var(--ink)" }));
  curve.replaceChildren(...parts);
  curve.setAttribute("aria-label",
    `Loss over the query's angle; lowest, ${best[1].toFixed(2)}, at ${degrees(best[0])}`);
}

function draw() {
  const here = contrast(query);
  const best = lowest();
  movable.forEach((node) => node.update && node.update());
  const longest = Math.max(...here.forces.map(Math.abs), Math.abs(here.gradient));
  const size = [60, 40, 20, 10, 5, 2, 1].find((each) => each * longest <= 85) || 1;
  arrows.replaceChildren(
    h("svg:path", { d: `M${at(query, R + 30)}L${at(query, R - 18 - 11 * negatives.length)}`,
      style: "stroke:var(--edge)" }),
    arc(size * here.forces[0], R + 14, "pull"), arc(-size * here.gradient, R + 26, "ink"),
    ...here.forces.slice(1).flatMap((force, i) => [arc(size * force, R - 18 - 11 * i, "push"),
      text(...tail(force, R - 18 - 11 * i), `n${i + 1}`, "middle", "push", 10)]));
  scale.replaceChildren(h("span", { style: "color:var(--pull)" }, "Pull of the prototype outside"), ", ",
    h("span", { style: "color:var(--push)" }, "push of each negative inside"),
    `, their sum outermost. ${size}° of arrow = 1 per radian.`);
  bars.replaceChildren(...here.weights.flatMap((weight, i) => [
    h("span", { class: "rx-name" }, label(i)),
    h("div", {}, h("i", { style: `width:${100 * weight}%;background:var(--${i ? "push" : "pull"})` })),
    h("span", { "data-name": `weight-${names()[i]}` }, percent(weight, 1))]));
  drawCurve(here, best);
  say.put("The loss is ", ["loss", here.loss.toFixed(3)], ". The lowest possible with these keys is ",
    ["least", best[1].toFixed(3)], ", at ", ["best", degrees(best[0])], "; the prototype is at ",
    ["prototype-angle", degrees(positive)], ". The gradient is ", ["gradient", signed(here.gradient, 3)],
    " per radian; a step of size ", String(DATA.step), " turns the query from ", ["query-angle", degrees(query)],
    " to ", ["next", degrees(Number(wrap(query - (DATA.step * here.gradient) / DEGREE).toFixed(1)))], ".");
  fewer.disabled = negatives.length <= 2;
  more.disabled = negatives.length >= 6;
}

const tau = slider({ name: "tau", label: "Temperature τ", min: 0.1, max: 1, step: 0.05, value: temperature,
  show: (value) => value.toFixed(2), on: (value) => { temperature = value; draw(); } });
const times = slider({ name: "copies", label: "Copies of n1", min: 0, max: 8, step: 1, value: 0,
  show: (value) => String(2 ** value), on: (value) => { copies = 2 ** value; draw(); } });
const SPARE = [-40, 130, -150, 10];
const more = button("Add a negative", () => { negatives.push(SPARE[negatives.length % 4]); place(); draw(); });
const fewer = button("Remove one", () => { negatives.pop(); place(); draw(); });
const step = button(`One gradient step (size ${DATA.step})`, () => {
  query = wrap(query - (DATA.step * contrast(query).gradient) / DEGREE);
  draw();
}, { class: "rx-main" });
const reset = button("Reset", () => {
  ({ query, positive, temperature, copies } = DATA);
  negatives = [...DATA.negatives];
  tau.set(temperature);
  times.set(0);
  place();
  draw();
});

const question = predict({
  ask: "Only the query may move. At which place on the circle is its loss lowest?",
  options: [["on", "On the prototype"], ["past", "Past the prototype, away from n1"], ["opposite", "Opposite n1"]],
  answer: (guess) => {
    const [angle] = lowest();
    const [off, across] = [wrap(angle - positive), wrap(negatives[0] + 180 - angle)];
    const truth = Math.abs(across) < 10 ? "opposite" : Math.abs(off) < 3 ? "on" : "past";
    const verdict = guess === truth ? "Correct." : "Not quite.";
    return `${verdict} It is lowest at ${degrees(angle)}, ${degrees(Math.abs(off))} from the prototype: close to the ` +
      "prototype its pull fades, while the pushes go on. A gradient step moves the query there.";
  },
});

place();
draw();
mount(question,
  h("div", { class: "rx-cols rx-lone" }, h("div", {}, plane, scale),
    h("div", { class: "rx-after rx-live", style: "margin:0" }, titled("Loss of the query at every angle", curve),
      titled("Softmax: share of each key", bars))),
  h("div", { class: "rx-sliders" }, tau, times),
  h("div", { class: "rx-row" }, h("span", { class: "rx-after" }, step), more, fewer, reset),
  h("div", { class: "rx-after" }, say));
