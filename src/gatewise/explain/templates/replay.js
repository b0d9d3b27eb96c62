"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  // Okabe and Ito's colours, told apart by colour-blind readers; dashes tell them apart in print.
  const lines = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"];
  const dashes = ["solid", "dash", "dot", "dashdot", "longdash"];
  // Plotly takes texts for markup, and a cut must not part the two halves of a letter.
  const plain = (text, most = Infinity) =>
    [...text].slice(0, most).join("").replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const numbered = data.tokens.map((word, step) => `${step + 1} ${word || "0"}`);
  const options = { responsive: true, displayModeBar: false };

  function layout(more) {
    const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true };
    return {
      margin: { l: 50, r: 10, t: 10, b: 60 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--text"), size: 12 },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom" },
      ...more,
      xaxis: { ...axis, ...(more.xaxis || {}) }, yaxis: { ...axis, ...(more.yaxis || {}) },
    };
  }

  function ticks(names) {
    const every = Math.ceil(names.length / 40);
    const shown = names.map((_, place) => place).filter((place) => place % every === 0);
    return { tickvals: shown, ticktext: shown.map((place) => plain(names[place], 18)), tickangle: -45 };
  }

  function unpack(packed) {
    const bytes = Uint8Array.from(atob(packed.base64), (letter) => letter.charCodeAt(0));
    const values = new Float32Array(bytes.buffer);
    const [steps, units] = packed.shape;
    return Array.from({ length: steps }, (_, step) => values.subarray(step * units, (step + 1) * units));
  }

  // What each token adds

  function shade(credit, largest) {
    const strength = largest ? Math.min(1, Math.abs(credit) / largest) : 0;
    const [red, green, blue] = credit >= 0 ? [67, 147, 195] : [214, 96, 77];
    const mix = (value) => Math.round(245 + (value - 245) * strength * 0.8);
    return `rgb(${mix(red)}, ${mix(green)}, ${mix(blue)})`;
  }

  function drawTokens() {
    const row = Number(byId("class-choice").value);
    const credits = data.credits[row], without = data.without[row];
    const largest = Math.max(...credits.map(Math.abs));
    [...byId("tokens").querySelectorAll(".token")].forEach((span, step) => {
      span.style.background = shade(credits[step], largest);
      span.querySelector("small").textContent = (credits[step] >= 0 ? "+" : "") + credits[step].toFixed(2);
      const share = without[step];
      span.title = `${data.labels[row]}: ${credits[step].toFixed(4)}` +
        (share === null ? "" : `; without it ${(100 * share).toFixed(1)} %`);
    });
  }

  // As it reads

  function drawReading() {
    const { tokens, words, probabilities } = data.reading;
    if (!tokens.length) {
      byId("reading").textContent = "There is nothing to read.";
      byId("reading").style.height = "auto";
      return;
    }
    const names = tokens.map((length, place) => `${length} ${words[place]}`);
    const places = names.map((_, place) => place);
    const traces = data.labels.map((label, number) => ({
      x: places, y: probabilities[number], name: plain(label, 40), mode: names.length > 60 ? "lines" : "lines+markers",
      line: { color: lines[number], dash: dashes[number], width: 2 },
      customdata: names.map((name) => plain(name)), hovertemplate: "%{customdata}: %{y:.1%}<extra>%{fullData.name}</extra>",
    }));
    Plotly.newPlot("reading", traces, layout({
      margin: { l: 50, r: 10, t: innerWidth < 600 ? 110 : 40, b: 60 },
      xaxis: ticks(names), yaxis: { range: [0, 1.02], tickformat: ".0%" },
    }), options);
  }

  // Gates and states

  const unpacked = new Map();
  function arrayOf(number, name) {
    const key = `${number} ${name}`;
    if (!unpacked.has(key)) unpacked.set(key, unpack(data.layers[number].arrays[name]));
    return unpacked.get(key);
  }

  function drawHeat() {
    const number = Number(byId("layer-choice").value), name = byId("array-choice").value;
    const layer = data.layers[number], values = arrayOf(number, name);
    const units = layer.contributions.map((_, unit) => unit);
    if (byId("order-choice").value === "contribution") {
      units.sort((one, other) => Math.abs(layer.contributions[other]) - Math.abs(layer.contributions[one]));
    }
    const gate = "ifo".includes(name);
    const largest = gate ? 1 : Math.max(...values.map((row) => row.reduce((most, x) => Math.max(most, Math.abs(x)), 0)), 1e-9);
    const z = units.map((unit) => values.map((row) => row[unit]));
    Plotly.react("heat", [{
      type: "heatmap", z, x: numbered.map((_, place) => place), y: units.map((_, place) => place),
      zmin: gate ? 0 : -largest, zmax: largest,
      colorscale: gate ? "Viridis" : [[0, "#d6604d"], [0.5, "#f7f7f7"], [1, "#4393c3"]],
      customdata: units.map((unit) => values.map((_, step) => [unit, plain(numbered[step]), layer.contributions[unit]])),
      hovertemplate: "unit %{customdata[0]}, token %{customdata[1]}: %{z:.4f}<br>contribution of the unit %{customdata[2]:.4f}<extra></extra>",
      colorbar: { thickness: 12 },
    }], layout({
      xaxis: ticks(numbered),
      yaxis: { autorange: "reversed", title: { text: "unit" }, tickvals: units.map((_, place) => place).filter((place) => place % Math.ceil(units.length / 16) === 0),
        ticktext: units.filter((_, place) => place % Math.ceil(units.length / 16) === 0).map(String) },
    }), options);
  }

  // One unit, step by step

  const signed = (value) => (value < 0 ? "−" : " ") + Math.abs(value).toFixed(4);

  function drawUnit() {
    const unit = data.units[Number(byId("unit-choice").value)];
    const step = Number(byId("step-choice").value);
    const letters = [...numbered[step]];
    byId("step-name").textContent = letters.length > 40 ? `${letters.slice(0, 39).join("")}…` : numbered[step];
    const earlier = unit.backward ? step + 1 : step - 1;
    const cell = earlier >= 0 && earlier < unit.c.length ? unit.c[earlier] : 0;
    const act = data.activation;
    const gates = [["i", "σ"], ["f", "σ"], ["g", act], ["o", "σ"]].map(([gate, activation], row) =>
      `${gate} = ${activation}(W x + U h + b) = ${activation}(${signed(unit.before[step][row])}) = ${signed(unit[gate][step])}`);
    byId("formula").textContent = [
      ...gates,
      `c = f · c before + i · g = ${signed(unit.f[step])} · ${signed(cell)} + ${signed(unit.i[step])} · ${signed(unit.g[step])} = ${signed(unit.c[step])}`,
      `h = o · ${act}(c) = ${signed(unit.o[step])} · ${act}(${signed(unit.c[step])}) = ${signed(unit.h[step])}`,
      `the unit adds ${signed(unit.contribution)} to the score of ${data.labels[0]}`,
    ].join("\n");
    const traces = ["i", "f", "o", "c", "h"].map((name, number) => ({
      x: numbered.map((_, place) => place), y: unit[name], name, mode: "lines",
      line: { color: lines[number], dash: dashes[number] },
    }));
    Plotly.react("unit-chart", traces, layout({
      xaxis: ticks(numbered),
      shapes: [{ type: "line", x0: step, x1: step, yref: "paper", y0: 0, y1: 1, line: { color: colour("--soft"), dash: "dot" } }],
    }), options);
  }

  data.layers.forEach((layer, number) => byId("layer-choice").add(new Option(layer.name, number)));
  byId("layer-choice").value = data.layers.findIndex((layer) => layer.name === (data.units[0] || {}).direction);
  data.units.forEach((unit, number) => byId("unit-choice").add(
    new Option(`${unit.unit}, ${unit.direction} (${unit.contribution >= 0 ? "+" : ""}${unit.contribution.toFixed(3)})`, number)));
  byId("step-choice").max = data.tokens.length - 1;
  byId("class-choice").addEventListener("change", drawTokens);
  ["array-choice", "layer-choice", "order-choice"].forEach((id) => byId(id).addEventListener("change", drawHeat));
  byId("unit-choice").addEventListener("change", drawUnit);
  byId("step-choice").addEventListener("input", drawUnit);
  // Paper is white, whatever the screen is.
  const charts = () => document.querySelectorAll(".js-plotly-plot");
  const ink = (text, line) => charts().forEach((chart) =>
    Plotly.relayout(chart, { "font.color": text, "xaxis.gridcolor": line, "yaxis.gridcolor": line, "xaxis.zerolinecolor": line, "yaxis.zerolinecolor": line }));
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
    ink("#000", "#d1d9e0");
  });
  addEventListener("afterprint", () => ink(colour("--text"), colour("--line")));
  drawTokens();
  drawReading();
  drawHeat();
  drawUnit();
})();
