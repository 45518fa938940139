const { size: [height, width], classes, palette, tables, box } = DATA;
const area = height * width;
const METHODS = { classmix: "ClassMix", cutmix: "CutMix", cutout: "CutOut" };
const WHITE = [255, 255, 255];
let method = "classmix";
const chosen = new Set(DATA.chosen);

const boxWidth = () => Math.round(area / 2 / box.height);

unpack(DATA.packed).then((bytes) => {
  const part = (i) => bytes.subarray(i * area, (i + 1) * area);
  const [colours, labels, confidence] = [[part(0), part(1)], [part(2), part(3)], [part(4), part(5)]];
  const present = classes.map((_, i) => i).filter((i) => labels[0].includes(i));

  const inBox = (i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return y >= box.top && y < box.top + box.height && x >= box.left && x < box.left + boxWidth();
  };
  const mask = (way) => Array.from({ length: area }, (_, i) =>
    (way === "classmix" ? chosen.has(labels[0][i]) : inBox(i)));

  // Pixel edges where the source changes, as `seam` in mixing.py; each edge as [x, y, is horizontal].
  function seam(under) {
    const edges = [];
    let along = 0;
    for (let i = 0; i < area; i++) {
      for (const [other, level, inside] of [[i + 1, false, (i + 1) % width], [i + width, true, i + width < area]]) {
        if (!inside || under[i] === under[other]) continue;
        edges.push([i % width, Math.floor(i / width), level]);
        if (labels[0][i] !== labels[0][other]) along++;
      }
    }
    return { edges, along: along / edges.length };
  }

  const scenes = [0, 1].map((k) => picture(width, height, `Scene ${"AB"[k]}`));
  const results = ["Mixed image", "Mixed labels", "Mixed confidence"].map((name) => picture(width, height, name));
  scenes.forEach((scene, k) => scene.paint((i) => tables[k][colours[k][i]]));
  const thread = h("svg:path", { style: "fill:none;stroke:#fff;stroke-width:.55;stroke-linecap:square" });
  const under = h("svg:path", { style: "fill:none;stroke:#111;stroke-width:.95;stroke-linecap:square" });
  const overlay = h("svg:svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none",
    "aria-hidden": "true" }, under, thread);
  let sewn = false;
  const handle = h("div", { class: "rx-box", role: "slider", tabindex: 0, "aria-label": "Rectangle in scene A",
    "aria-valuemin": 0, "aria-valuemax": width, "data-name": "box" });
  const first = h("div", { class: "rx-stack" }, scenes[0], handle);
  const say = line();

  function put(left, top) {
    box.left = clamp(Math.round(left), 0, width - boxWidth());
    box.top = clamp(Math.round(top), 0, height - box.height);
    draw();
  }
  let grip = [0, 0];
  draggable(handle, scenes[0], [width, height], (x, y, event) => {
    if (event.type === "pointerdown") grip = [x - box.left, y - box.top];
    else put(x - grip[0], y - grip[1]);
  }, (dx, dy, far) => put(box.left + dx * (far ? 8 : 1), box.top + dy * (far ? 8 : 1)));
  scenes[0].addEventListener("click", (event) => {
    if (method !== "classmix") return;
    const place = scenes[0].getBoundingClientRect();
    const [x, y] = [(event.clientX - place.left) / place.width, (event.clientY - place.top) / place.height];
    toggle(labels[0][Math.floor(y * height) * width + Math.floor(x * width)]);
  });

  function toggle(number) {
    if (chosen.has(number)) chosen.delete(number);
    else chosen.add(number);
    draw();
  }

  const toggles = present.map((number) => [number, button([swatch(palette[number]), " ", classes[number]],
    () => toggle(number))]);
  const classRow = h("fieldset", {}, h("legend", {}, "Classes to paste, here or by a click in scene A"),
    h("div", { class: "rx-row" }, toggles.map(([, node]) => node)));
  const tall = slider({ name: "height", label: "Height of the rectangle", min: height / 2, max: height, step: 1,
    value: box.height, show: (value) => `${value} pixels`,
    on: (value) => { box.height = value; put(box.left, box.top); } });
  const boxRow = h("div", {}, tall,
    h("p", { class: "rx-note" }, "Drag the rectangle in scene A, or move it with the arrow keys. " +
      "It covers half the area."));
  const drawn = button("Random, as in training", () => {
    if (method === "classmix") {
      const mixed = present.map((number) => [Math.random(), number]).sort((a, b) => a[0] - b[0]);
      chosen.clear();
      mixed.slice(0, Math.floor(present.length / 2)).forEach(([, number]) => chosen.add(number));
      draw();
    } else {
      box.height = Math.round((0.5 + 0.5 * Math.random()) * height);
      tall.set(box.height);
      put(Math.random() * (width - boxWidth() + 1) - 0.5, Math.random() * (height - box.height + 1) - 0.5);
    }
  });

  function draw() {
    const taken = mask(method);
    const out = method === "cutout";
    const source = (i) => (out ? (taken[i] ? -1 : 0) : taken[i] ? 0 : 1);
    results[0].paint((i) => (source(i) < 0 ? [0, 0, 0] : tables[source(i)][colours[source(i)][i]]));
    results[1].paint((i) => (source(i) < 0 ? WHITE : palette[labels[source(i)][i]] || WHITE));
    results[2].paint((i) => cividis(source(i) < 0 ? 0 : confidence[source(i)][i] / 255));
    const { edges, along } = seam(taken);
    const way = edges.map(([x, y, level]) => (level ? `M${x} ${y + 1}h1` : `M${x + 1} ${y}v1`)).join("");
    for (const path of [thread, under]) path.setAttribute("d", sewn ? way : "");
    const inside = taken.filter(Boolean).length;
    let total = 0;
    for (let i = 0; i < area; i++) total += source(i) < 0 ? 0 : confidence[source(i)][i] / 255;
    say.put(`${METHODS[method]}: `, ["share", percent(inside / area, 1)], out ? " of scene A is erased" :
      " of the mixed image come from scene A", ". The seam has ", ["seam", String(edges.length)], " pixel edges, ",
      ["along", percent(along)], " of them along class boundaries of scene A. Mean confidence: ",
      ["confidence", (total / area).toFixed(3)], ".");
    scenes[1].classList.toggle("rx-faded", out);
    scenes[0].classList.toggle("rx-pick", method === "classmix");
    classRow.hidden = method !== "classmix";
    boxRow.hidden = handle.hidden = method === "classmix";
    toggles.forEach(([number, node]) => node.setAttribute("aria-pressed", chosen.has(number)));
    const share = (value, all) => `${(100 * value) / all}%`;
    handle.style.cssText += `;left:${share(box.left, width)};top:${share(box.top, height)};` +
      `width:${share(boxWidth(), width)};height:${share(box.height, height)}`;
    handle.setAttribute("aria-valuenow", box.left);
    handle.setAttribute("aria-valuetext",
      `${box.left} from the left, ${box.top} from the top, ${boxWidth()} wide, ${box.height} high`);
  }

  const before = { classmix: seam(mask("classmix")), cutmix: seam(mask("cutmix")) };
  const question = predict({
    ask: "ClassMix pastes whole classes, CutMix a rectangle. Whose seam between the two scenes is longer?",
    options: [["classmix", "ClassMix"], ["cutmix", "CutMix"]],
    answer: (guess) => {
      const [mine, other] = [before.classmix, before.cutmix];
      const truth = mine.edges.length > other.edges.length ? "classmix" : "cutmix";
      return `${guess === truth ? "Correct." : "The other one."} ClassMix has a seam of ${mine.edges.length} pixel ` +
        `edges, all along class boundaries of scene A: objects stay whole. CutMix has ${other.edges.length}, only ` +
        `${percent(other.along)} along class boundaries: it cuts through objects.`;
    },
  });
  draw();
  mount(question,
    chips({ legend: "Method", value: method, options: Object.entries(METHODS),
      on: (value) => { method = value; draw(); } }),
    h("div", { class: "rx-bench" }, titled("Scene A, the source", first), titled("Scene B, the target", scenes[1]),
      h("div", { class: "rx-choose" }, classRow, boxRow, drawn)),
    h("span", { class: "rx-after" },
      checkbox("Show the seam in the mixed image", sewn, (value) => { sewn = value; draw(); })),
    h("div", { class: "rx-bench" }, titled("Mixed image", h("div", { class: "rx-stack" }, results[0], overlay)),
      titled("Mixed labels", results[1]),
      titled("Mixed confidence", results[2], h("div", { class: "rx-note", style: "margin-top:6px" },
        h("div", { class: "rx-scale",
          style: `background:linear-gradient(90deg,${[0, 0.25, 0.5, 0.75, 1].map((at) => rgb(cividis(at)))})` }),
        h("div", { class: "rx-ends" }, h("span", {}, "0"), h("span", {}, "1"))))),
    h("div", { class: "rx-after" }, say));
});
