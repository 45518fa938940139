/* The interactive relation graph: works from static files, by mouse, touch and keyboard. Data: relations_data.js. */
(function () {
  const STOPS = [[0, 32, 81], [17, 54, 108], [60, 77, 110], [98, 100, 111], [127, 124, 117], [154, 148, 120],
    [187, 175, 113], [226, 203, 92], [253, 234, 69]];  // cividis

  function colour(share) {
    const place = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
    const low = Math.min(Math.floor(place), STOPS.length - 2);
    const mix = STOPS[low].map((value, i) => Math.round(value + (place - low) * (STOPS[low + 1][i] - value)));
    return `rgb(${mix.join(",")})`;
  }

  function select(label, choices, onchange) {
    const wrapper = document.createElement("label");
    const box = document.createElement("select");
    wrapper.append(label + " ", box);
    box.onchange = onchange;
    wrapper.fill = function (values) {
      const before = box.value;
      box.replaceChildren(...values.map((value) => new Option(value, value)));
      if (values.includes(before)) box.value = before;
    };
    wrapper.fill(choices);
    Object.defineProperty(wrapper, "value", { get: () => box.value });
    return wrapper;
  }

  function start() {
    const root = document.getElementById("relations");
    const all = window.RELATIONS;
    if (!root || !all) return;
    const datasets = Object.keys(all);
    const data = select("Data set", datasets, () => { refill(); draw(); });
    const network = select("Network and place", [], () => { refill(); draw(); });
    const seed = select("Seed", [], draw);
    const shown = select("Show", ["similarity", "confusion"], draw);
    const controls = document.createElement("p");
    controls.className = "relations-controls";
    controls.append(data, network, seed, shown);
    const readout = document.createElement("p");
    readout.className = "relations-readout";
    readout.setAttribute("aria-live", "polite");
    const table = document.createElement("table");
    table.className = "relations-table";
    root.replaceChildren(controls, readout, table);
    let at = [0, 1];

    function refill() {
      network.fill(Object.keys(all[data.value].networks));
      seed.fill(Object.keys(all[data.value].networks[network.value]));
    }

    function tell(row, column) {
      const { classes } = all[data.value];
      const run = all[data.value].networks[network.value][seed.value];
      const similar = run.similarity[row][column].toFixed(3);
      const text = row === column
        ? `${classes[row]}: ${run.confusion[row][row].toFixed(1)} % of its pixels are right`
        : `${classes[row]} and ${classes[column]}: similarity ${similar}; ` +
          `${run.confusion[row][column].toFixed(1)} % of ${classes[row]} is taken for ${classes[column]}, ` +
          `${run.confusion[column][row].toFixed(1)} % the other way`;
      readout.textContent = text;
      table.querySelectorAll(".here").forEach((cell) => cell.classList.remove("here"));
      table.rows[row + 1].cells[column + 1].classList.add("here");
      at = [row, column];
    }

    function draw() {
      const { classes, lowest } = all[data.value];
      const run = all[data.value].networks[network.value][seed.value];
      const head = table.createTHead();
      const body = table.tBodies[0] || table.createTBody();
      head.replaceChildren();
      body.replaceChildren();
      const names = head.insertRow();
      names.append(document.createElement("td"));
      classes.forEach((name) => {
        const cell = document.createElement("th");
        const inner = document.createElement("span");
        cell.scope = "col";
        inner.textContent = name;
        cell.append(inner);
        names.append(cell);
      });
      classes.forEach((name, row) => {
        const line = body.insertRow();
        const header = document.createElement("th");
        header.scope = "row";
        header.textContent = name;
        line.append(header);
        classes.forEach((other, column) => {
          const cell = line.insertCell();
          const value = shown.value === "similarity"
            ? (run.similarity[row][column] - lowest) / (1 - lowest)
            : Math.sqrt(run.confusion[row][column] / 100);
          cell.style.backgroundColor = colour(value);
          cell.onmouseenter = cell.onclick = () => tell(row, column);
        });
      });
      tell(Math.min(at[0], classes.length - 1), Math.min(at[1], classes.length - 1));
    }

    table.tabIndex = 0;
    table.setAttribute("aria-label", "Relation graph; arrow keys move from pair to pair");
    table.onkeydown = (event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      const count = all[data.value].classes.length;
      tell((at[0] + move[0] + count) % count, (at[1] + move[1] + count) % count);
    };
    refill();
    draw();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
