const { steps, graphs, classes, palette, order, lines, counts } = DATA;
let [moment, query, temperature, sampling] = [steps.length - 1, DATA.query, 0.5, "relation"];

const present = (graph, i) => graph[i][i] !== null;

// Share of each class among the negative keys of class `of`, as `key_shares` in keys.py.
function shares(graph, of, way) {
  const taken = classes.map((_, i) => i !== of && present(graph, i) && present(graph, of));
  const scores = classes.map((_, i) =>
    (way === "uniform" ? Math.log(Math.max(counts[i], 1)) : graph[of][i] / temperature));
  const most = Math.max(...scores.filter((_, i) => taken[i]));
  const sizes = scores.map((score, i) => (taken[i] ? Math.exp(score - most) : 0));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return sizes.map((size) => (total ? size / total : 0));
}

const spread = (parts) => Math.exp(-parts.reduce((sum, part) => sum + (part > 0 ? part * Math.log(part) : 0), 0));
const low = Math.min(...graphs.flat(2).filter((value) => value !== null));
const shade = (value) => rgb(cividis((value - low) / Math.max(1 - low, 1e-9)));

const heat = h("svg:svg", { class: "rx-heat", viewBox: "0 0 220 220", role: "img", "aria-label": "" });
const legend = h("div", { class: "rx-legend rx-note" }, low.toFixed(2).replace("-", "−"),
  h("i", { style: `background:linear-gradient(90deg,${[0, 0.25, 0.5, 0.75, 1].map((at) => rgb(cividis(at)))})` }), "1");

function drawHeat(graph) {
  const [start, side] = [24, 196 / classes.length];
  const parts = [];
  let best = [-2];
  order.forEach((row, y) => {
    const look = `fill:${rgb(palette[row])};stroke:var(--edge)`;
    const small = Math.min(14, side - 3);
    const middle = (start + (y + 0.5) * side) - small / 2;
    parts.push(h("svg:rect", { x: 4, y: middle, width: small, height: small, rx: 2, style: look }),
      h("svg:rect", { x: middle, y: 4, width: small, height: small, rx: 2, style: look }));
    order.forEach((column, x) => {
      const value = graph[row][column];
      if (value === null || row === column) return;
      if (value > best[0]) best = [value, row, column];
      parts.push(h("svg:rect", { x: start + x * side, y: start + y * side, width: side - 1, height: side - 1,
        style: `fill:${shade(value)}` }));
    });
    if (row === query) {
      parts.push(h("svg:rect", { x: start - 2, y: start + y * side - 2, width: 196 + 3, height: side + 3, rx: 3,
        style: "fill:none;stroke:var(--bad);stroke-width:2.5" }));
    }
  });
  heat.replaceChildren(...parts);
  heat.setAttribute("aria-label", `Relation graph at step ${steps[moment]}: cosines of class means, the most similar ` +
    `${classes[best[1]]} and ${classes[best[2]]}, ${best[0].toFixed(2)}`);
}

const tree = h("svg:svg", { viewBox: `0 0 100 ${44 * order.length}`, preserveAspectRatio: "none",
  "aria-hidden": "true" });
const rows = order.map((number) => {
  const press = button([swatch(palette[number]), classes[number]], () => { query = number; draw(); });
  return { number, press, bar: h("div", { class: "rx-track rx-after" }),
    figure: h("span", { class: "rx-figure rx-after" }), of: h("span", { class: "rx-of" }, "query class") };
});
const grid = h("div", { class: "rx-grid" });
const say = line();

function draw() {
  const graph = graphs[moment];
  const parts = shares(graph, query, sampling);
  const level = shares(graph, query, "uniform");
  const most = Math.max(...parts, ...level);
  tree.replaceChildren(...lines.map(([[x0, y0, x1, y1], leaves]) => h("svg:path", {
    d: `M${4 + 92 * x0} ${44 * (y0 + 0.5)}L${4 + 92 * x1} ${44 * (y1 + 0.5)}`, "vector-effect": "non-scaling-stroke",
    style: leaves.includes(query) ? "stroke:var(--accent);stroke-width:3" : "stroke:var(--edge);stroke-width:1.5",
  })));
  for (const { number, press, bar, figure, of } of rows) {
    press.setAttribute("aria-pressed", number === query);
    const mine = number === query;
    bar.style.display = figure.style.display = mine ? "none" : "";
    of.style.display = mine ? "" : "none";
    bar.replaceChildren(h("i", { style: `width:${(100 * parts[number]) / most}%` }),
      h("s", { style: `left:${(100 * level[number]) / most}%` }));
    figure.textContent = percent(parts[number]);
    figure.dataset.name = `share-${classes[number]}`;
    figure.dataset.value = parts[number].toFixed(4);
  }
  drawHeat(graph);
  const first = order.reduce((best, number) => (parts[number] > parts[best] ? number : best), order[0]);
  if (!present(graph, query)) say.put(`${classes[query]} is absent at step ${steps[moment]}.`);
  else {
    say.put(`Step ${steps[moment]}: of 512 negative keys of `, ["query", classes[query]], ", ",
      ["keys", (512 * parts[first]).toFixed(0)], " come from ", ["first", classes[first]], " (",
      ["first-share", percent(parts[first], 1)], "; uniform: ", ["uniform-share", percent(level[first], 1)],
      "). The keys are as spread as over ", ["spread", spread(parts).toFixed(1)], " equally likely classes.");
  }
}

const question = predict({
  ask: `At step ${steps[moment]}, which class gives the most negative keys for ${classes[query]}?`,
  select: order.filter((number) => number !== query).map((number) => [number, classes[number]]),
  answer: (guess) => {
    const parts = shares(graphs[graphs.length - 1], DATA.query, "relation");
    const first = parts.indexOf(Math.max(...parts));
    const verdict = Number(guess) === first ? "Correct." : `Not ${classes[guess]} (${percent(parts[guess])}).`;
    return `${verdict} The largest share, ${percent(parts[first])}, comes from ${classes[first]}: its mean ` +
      `representation is the most similar to that of ${classes[DATA.query]}.`;
  },
});

grid.append(h("div", { class: "rx-tree" }, tree));
rows.forEach(({ press, bar, figure, of }, i) => {
  for (const [column, cell] of [[2, press], [3, bar], [4, figure]]) {
    cell.style.gridColumn = column;
    cell.style.gridRow = i + 1;
  }
  of.style.gridRow = i + 1;
  grid.append(press, bar, figure, of);
});
grid.firstChild.style.gridRow = `1 / span ${rows.length}`;

draw();
mount(question,
  h("div", { class: "rx-cols" },
    h("div", { class: "rx-live", style: "margin:0" },
      titled("Relation graph (cosine)", heat, legend),
      slider({ name: "step", label: "Training step", min: 0, max: steps.length - 1, step: 1, value: moment,
        show: (value) => String(steps[value]), on: (value) => { moment = value; draw(); } }),
      slider({ name: "temperature", label: "Temperature", min: 0.05, max: 2, step: 0.05, value: temperature,
        show: (value) => value.toFixed(2), on: (value) => { temperature = value; draw(); } }),
      chips({ legend: "Key sampling", value: sampling, options: [["relation", "relation"], ["uniform", "uniform"]],
        on: (value) => { sampling = value; draw(); } })),
    titled("Planted tree, classes, share of the keys", grid,
      h("p", { class: "rx-note rx-after" }, "The upright line in each bar marks uniform sampling: " +
        `every ${DATA.pixels ? "pixel" : "class"} but the query's own is equally likely.`))),
  h("div", { class: "rx-after" }, say));
