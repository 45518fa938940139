const { truth, classes, palette, presets, challenge } = DATA;
const [height, width] = [truth.length, truth[0].length];
const flat = truth.flat();
const prediction = [...presets[0][1]];
let brush = presets[0][1][0] === 0 ? 1 : 0;

// Confusion matrix (row: truth), IoU by class, mIoU over the classes that occur, accuracy.
function score(guess) {
  const confusion = classes.map(() => classes.map(() => 0));
  guess.forEach((found, i) => { confusion[flat[i]][found]++; });
  const iou = classes.map((_, c) => {
    const union = confusion[c].reduce((sum, n) => sum + n, 0) + confusion.reduce((sum, row) => sum + row[c], 0) -
      confusion[c][c];
    return confusion[c][c] / union;
  });
  const occur = iou.filter((value) => !Number.isNaN(value));
  const correct = confusion.reduce((sum, row, c) => sum + row[c], 0);
  return { confusion, iou, miou: occur.reduce((sum, value) => sum + value, 0) / occur.length, occur: occur.length,
    accuracy: correct / flat.length };
}

function board(name, className, cell) {
  const rows = truth.map((_, y) => h("div", { role: "row", style: `grid-template-columns:repeat(${width},1fr)` },
    Array.from({ length: width }, (_, x) => cell(y * width + x))));
  return h("div", { role: "grid", "aria-label": name, class: `rx-grid ${className}` }, rows);
}

const cells = flat.map((_, i) => h("div", { role: "gridcell", class: "rx-cell", tabindex: i ? -1 : 0 }));
const canvas = board("Prediction: arrow keys move, space paints", "rx-canvas", (i) => cells[i]);
const shown = picture(width, height, "Truth");
shown.paint((i) => palette[flat[i]]);

let [down, last] = [false, null];
function cellAt(event) {
  const box = canvas.getBoundingClientRect();
  const x = Math.floor(((event.clientX - box.left) / box.width) * width);
  const y = Math.floor(((event.clientY - box.top) / box.height) * height);
  return x >= 0 && x < width && y >= 0 && y < height ? [x, y] : null;
}
function stroke(event) {
  const end = cellAt(event);
  if (!end) return;
  const [x, y] = last || end;
  const steps = Math.max(Math.abs(end[0] - x), Math.abs(end[1] - y), 1);
  for (let i = 0; i <= steps; i++) {
    const [across, high] = [Math.round(x + ((end[0] - x) * i) / steps), Math.round(y + ((end[1] - y) * i) / steps)];
    prediction[high * width + across] = brush;
  }
  last = end;
  draw();
}
canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  [down, last] = [true, null];
  stroke(event);
});
canvas.addEventListener("pointermove", (event) => { if (down) stroke(event); });
for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { down = false; });
canvas.addEventListener("keydown", (event) => {
  const here = cells.indexOf(event.target);
  const [x, y] = [here % width, Math.floor(here / width)];
  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.key === " " || event.key === "Enter") {
    prediction[here] = brush;
    draw();
  } else if (move) {
    const next = clamp(y + move[1], 0, height - 1) * width + clamp(x + move[0], 0, width - 1);
    cells[here].tabIndex = -1;
    cells[next].tabIndex = 0;
    cells[next].focus();
    if (event.shiftKey) {
      prediction[next] = brush;
      draw();
    }
  } else return;
  event.preventDefault();
});

const [right, mean] = [line(false), line(false)];
const bars = h("div", { class: "rx-bars" });
const head = h("tr", {}, h("th", { scope: "col" }, "truth"), classes.map((name, c) =>
  h("th", { scope: "col" }, swatch(palette[c]), h("span", { class: "rx-hidden" }, name))));
const body = h("tbody", {});
const table = h("table", { class: "rx-table", "aria-label": "Confusion matrix: rows truth, columns prediction" },
  h("thead", {}, head), body);
const goal = h("p", { class: "rx-goal", role: "status", "aria-live": "polite", "data-name": "challenge" });
const say = line();

function draw() {
  cells.forEach((cell, i) => {
    cell.style.background = rgb(palette[prediction[i]]);
    cell.classList.toggle("rx-wrong", prediction[i] !== flat[i]);
    cell.setAttribute("aria-label", `row ${Math.floor(i / width) + 1}, column ${(i % width) + 1}: ` +
      `${classes[prediction[i]]}${prediction[i] === flat[i] ? "" : `, truth ${classes[flat[i]]}`}`);
  });
  const { confusion, iou, miou, occur, accuracy } = score(prediction);
  right.put("Accuracy ", ["accuracy", percent(accuracy, 1)]);
  mean.put("mIoU ", ["miou", percent(miou, 1)]);
  bars.replaceChildren(...classes.flatMap((name, c) => [
    h("span", { class: "rx-name" }, swatch(palette[c]), ` ${name}`),
    h("div", {}, h("i", { style: `width:${100 * (iou[c] || 0)}%;background:var(--accent)` })),
    h("span", { "data-name": `iou-${name}` }, percent(iou[c], 1))]));
  body.replaceChildren(...classes.map((name, r) => h("tr", {},
    h("th", { scope: "row" }, swatch(palette[r]), name),
    classes.map((_, c) => h("td", { class: r === c ? "rx-diagonal" : null, "data-name": `cell-${r}-${c}` },
      String(confusion[r][c]))))));
  const wrong = prediction.filter((found, i) => found !== flat[i]).length;
  say.put(["wrong", String(wrong)], ` of ${flat.length} pixels are wrong. Accuracy: `, percent(accuracy, 1),
    ". mIoU: ", percent(miou, 1), ", the mean over the ", ["occur", String(occur)],
    " classes that truth or prediction shows.");
  const met = accuracy > challenge[0] && miou < challenge[1];
  const text = `Challenge: an accuracy above ${percent(challenge[0])} with an mIoU below ${percent(challenge[1])}. ` +
    (met ? "Done: common classes hide the rare ones from the accuracy." : "Not yet.");
  if (goal.textContent !== text) goal.textContent = text;
  goal.classList.toggle("rx-met", met);
}

const start = score(presets[0][1]);
const question = predict({
  ask: `The prediction is “${presets[0][0]}”. ${percent(start.accuracy)} of its pixels are correct. ` +
    `How large is its mIoU, the mean over ${start.occur} classes?`,
  number: { min: 0, max: 100, step: 1, value: 50, unit: " %" },
  answer: (guess) => {
    const iou = start.iou.filter((value) => value > 0).map((value) => percent(value));
    return `You said ${guess} %. It is ${percent(start.miou)}: one class has an IoU of ${iou.join(", ")}, ` +
      "the others of 0.";
  },
});

draw();
mount(question,
  h("div", { class: "rx-boards" },
    chips({ legend: "Paint with", value: brush, options: classes.map((name, c) => [c, name, palette[c]]),
      on: (value) => { brush = value; } }),
    titled("Truth", shown),
    titled("Your prediction (dots: wrong pixels)", canvas)),
  h("fieldset", {}, h("legend", {}, "Start from"), h("div", { class: "rx-row" }, presets.map(([name, labels]) =>
    button(name, () => { prediction.splice(0, prediction.length, ...labels); draw(); })))),
  h("div", { class: "rx-after rx-live", style: "margin:0" }, h("div", { class: "rx-big" }, right, mean),
    h("div", { class: "rx-cols" }, titled("IoU by class", bars),
      titled("Confusion matrix: rows truth, columns prediction", table)),
    goal, say));
