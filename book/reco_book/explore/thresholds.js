const { size: [height, width], steps, classes, palette, table, roles } = DATA;
const NAMES = ["Ignored", "Key only", "Hard query"];
const MEANINGS = ["teacher below δw", "student at δs or above", "student below δs"];
const area = height * width;
let [moment, weak, strong, marked] = [DATA.start, DATA.weak, DATA.strong, false];

unpack(DATA.packed).then((bytes) => {
  const part = (i) => bytes.subarray(i * area, (i + 1) * area);
  const [colours, truth] = [part(0), part(1)];
  const at = (kind, i) => part(2 + kind * steps.length + i);

  // Role of pixel i at a moment, as `pixel_roles` in thresholds.py.
  const role = (i, teacher, student) => (teacher[i] / 255 < weak ? 0 : student[i] / 255 < strong ? 2 : 1);

  function count(when) {
    const [labels, teacher, student] = [0, 1, 2].map((kind) => at(kind, when));
    const number = [0, 0, 0];
    const known = [0, 0];
    const correct = [0, 0];
    let confident = 0;
    for (let i = 0; i < area; i++) {
      const mine = role(i, teacher, student);
      number[mine]++;
      if (teacher[i] / 255 >= strong) confident++;
      if (truth[i] === 255) continue;
      known[mine ? 1 : 0]++;
      if (labels[i] === truth[i]) correct[mine ? 1 : 0]++;
    }
    return { number, eta: confident / area, trusted: correct[1] / known[1], doubtful: correct[0] / known[0] };
  }

  const image = picture(width, height, "Image of the scene");
  image.paint((i) => table[colours[i]]);
  const pseudo = picture(width, height, "Pseudo-labels of the teacher", 4);
  const sorted = picture(width, height, "Role of each pixel");
  const bars = h("svg:svg", { viewBox: "0 0 340 190", role: "img", "aria-label": "" });
  const tiles = NAMES.map((name, i) => {
    const words = line(false);
    return { words, node: h("div", { class: "rx-tile", style: `border-color:${rgb(roles[i])}` }, words,
      h("p", { class: "rx-note" }, rich(MEANINGS[i]))) };
  });
  const say = line();

  function drawBars() {
    const step = 330 / steps.length;
    const parts = [];
    const shares = steps.map((_, i) => count(i).number.map((number) => number / area));
    shares.forEach((share, i) => {
      let top = 10;
      const column = h("svg:g", { class: "rx-bar", click: () => { moment = i; time.set(i); draw(); } });
      [0, 1, 2].forEach((kind) => {
        column.append(h("svg:rect", { x: 6 + i * step, y: top, width: step - 8, height: 140 * share[kind],
          style: `fill:${rgb(roles[kind])}` }));
        top += 140 * share[kind];
      });
      if (i === moment) {
        column.append(h("svg:rect", { x: 3 + i * step, y: 7, width: step - 2, height: 146, rx: 4,
          style: "fill:none;stroke:var(--ink);stroke-width:2.5" }));
      }
      column.append(h("svg:text", { x: 2 + (i + 0.5) * step, y: 170, "text-anchor": "middle", "font-size": 13,
        "font-weight": i === moment ? 700 : 400 }, String(steps[i])));
      parts.push(column);
    });
    parts.push(h("svg:text", { x: 170, y: 187, "text-anchor": "middle", "font-size": 12, style: "fill:var(--soft)" },
      "training step"));
    bars.replaceChildren(...parts);
    bars.setAttribute("aria-label", "Share of ignored, key and hard pixels at each step: " + shares.map((share, i) =>
      `${steps[i]}: ${share.map((value) => percent(value)).join(", ")}`).join("; "));
  }

  function draw() {
    const [labels, teacher, student] = [0, 1, 2].map((kind) => at(kind, moment));
    pseudo.paint((i, x, y) => {
      const dot = marked && labels[i] !== truth[i] && truth[i] !== 255 && (x + 1) & 2 && (y + 1) & 2;
      return dot ? [255, 255, 255] : palette[labels[i]];
    });
    sorted.paint((i) => roles[role(i, teacher, student)]);
    const { number, eta, trusted, doubtful } = count(moment);
    tiles.forEach(({ words }, i) => words.put(`${NAMES[i]}: `, [["ignored", "key", "hard"][i], String(number[i])],
      ` pixels, ${percent(number[i] / area)}`));
    drawBars();
    say.put(`Step ${steps[moment]}: of the pseudo-labels at δw or above `, ["trusted", percent(trusted, 1)],
      " are correct, of the ignored ones ", ["doubtful", percent(doubtful, 1)], ". The weight η is ",
      ["eta", eta.toFixed(3)], ", the share of pixels with a teacher confidence of at least δs.");
  }

  const threshold = (name, label, value, on) => slider({ name, label, min: 0.3, max: 1, step: 0.01, value,
    show: (now) => now.toFixed(2), on: (now) => { on(now); draw(); } });
  const time = slider({ name: "step", label: "Training step", min: 0, max: steps.length - 1, step: 1, value: moment,
    show: (value) => String(steps[value]), on: (value) => { moment = value; draw(); } });
  const shown = classes.map((name, i) => [name, i]).filter(([, i]) => truth.includes(i));
  const key = h("div", { class: "rx-classes rx-note" },
    shown.map(([name, i]) => h("span", {}, swatch(palette[i]), name)));
  const began = count(moment);
  const question = predict({
    ask: `At step ${steps[moment]} the teacher gives ${percent(1 - began.number[0] / area)} of the pixels a ` +
      `confidence of ${weak} or more. How many of these have the correct pseudo-label?`,
    number: { min: 0, max: 100, step: 1, value: 50, unit: " %" },
    answer: (guess) => `You said ${guess} %. It is ${percent(began.trusted)}; of the pixels below ${DATA.weak} it is ` +
      `${percent(began.doubtful)}. This is why ReCo ignores the doubtful pixels.`,
  });
  draw();
  mount(question,
    h("div", { class: "rx-pictures" }, titled("Image", image), titled("Teacher's pseudo-labels", pseudo),
      h("div", { class: "rx-after" }, titled("What each pixel does", sorted))),
    key,
    h("div", { class: "rx-cols rx-after" },
      h("div", { class: "rx-sliders" },
        threshold("weak", "δw: trust the teacher from", weak, (value) => { weak = value; }),
        threshold("strong", "δs: too easy to query from", strong, (value) => { strong = value; }), time,
        checkbox("Mark wrong pseudo-labels with dots", marked, (value) => { marked = value; draw(); })),
      h("div", { class: "rx-tiles" }, tiles.map(({ node }) => node), titled("Shares along training", bars))),
    h("div", { class: "rx-after" }, say));
});
