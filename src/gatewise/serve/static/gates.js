// Gates and states of every direction as heat maps, and their means at the step chosen.

import { el } from "./dom.js";
import { number, t } from "./words.js";

const gates = ["i", "f", "g", "o", "c", "h"];
const shares = "ifo"; // between 0 and 1; the others have a sign
// Viridis; and blue to orange through the paper's grey, for what has a sign.
const warm = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const cold = [[179, 74, 24], [226, 160, 122], [240, 240, 238], [126, 178, 214], [11, 92, 143]];

export function gatesSection(replay, words) {
  const state = { gate: "f", layer: replay.layers.length - 1, step: 0 };
  const slider = el("input", { type: "range", id: "gate-step", min: 0, max: words.length - 1, on: { input: () => move(Number(slider.value)) } });
  slider.value = "0";
  const told = el("output", { for: "gate-step", dir: "auto" });
  const maps = el("div", { class: "maps" }), means = el("tbody"), explained = el("p", { class: "faint" });
  const head = el("tr");

  function move(step) {
    state.step = step;
    slider.value = String(step);
    const sentence = t("try.step_of", { n: number(step + 1), all: number(words.length), word: words[step] });
    told.textContent = sentence;
    slider.setAttribute("aria-valuetext", sentence);
    for (const mark of maps.querySelectorAll(".mark")) mark.style.insetInlineStart = `${(100 * (step + 0.5)) / words.length}%`;
    const directions = Object.entries(replay.layers[state.layer]);
    head.replaceChildren(el("th", { scope: "col", class: "words" }, t("try.quantity")),
      ...directions.map(([name]) => el("th", { scope: "col" }, t(`try.${name}`))));
    means.replaceChildren(...gates.map((gate) => el("tr", {},
      el("th", { scope: "row", class: "words" }, shares.includes(gate) ? t(`try.gate.${gate}`) : t("try.size_of", { gate: t(`try.gate.${gate}`) })),
      ...directions.map(([, arrays]) => meanCell(arrays[gate][step])))));
  }

  function draw() {
    explained.textContent = t(`try.gate_means.${state.gate}`);
    maps.replaceChildren(...Object.entries(replay.layers[state.layer]).map(([name, arrays]) =>
      heatMap(arrays[state.gate], state.gate, name, words, move)));
    move(state.step);
  }

  const section = el("section", { "aria-labelledby": "h-gates" },
    el("h3", { id: "h-gates" }, t("try.gates")),
    el("p", { class: "faint" }, t("try.gates_means")),
    el("div", { class: "row start" }, gateChoice(state, draw), replay.layers.length > 1 ? layerChoice(replay, state, draw) : null),
    explained,
    maps,
    el("p", { class: "row start slide" }, el("label", { for: "gate-step" }, t("try.step")), slider, told),
    el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("try.means") },
      el("table", { class: "means" }, el("caption", {}, t("try.means")), el("thead", {}, head), means)));
  draw();
  return section;
}

function gateChoice(state, draw) {
  return el("fieldset", { class: "segments" }, el("legend", { class: "away" }, t("try.gate")), gates.map((gate) => {
    const input = el("input", { type: "radio", name: "gate", value: gate, on: { change: () => {
      state.gate = gate;
      draw();
    } } });
    input.checked = gate === state.gate;
    return el("label", {}, input, el("span", {}, t(`try.gate.${gate}`)));
  }));
}

function layerChoice(replay, state, draw) {
  const choice = el("select", { on: { change: () => {
    state.layer = Number(choice.value);
    draw();
  } } }, replay.layers.map((_, place) => el("option", { value: place }, t("try.layer", { n: place + 1 }))));
  choice.value = String(state.layer);
  return el("label", {}, t("try.layer_choice"), " ", choice);
}

function meanCell(values) {
  const mean = values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;
  return el("td", {}, el("span", { class: "small-bar", "aria-hidden": "true" }, el("i", { style: { width: `${100 * Math.min(1, mean)}%` } })), number(mean, 2));
}

function heatMap(rows, gate, direction, words, move) {
  const nSteps = rows.length, nUnits = rows[0].length;
  const isShare = shares.includes(gate);
  const largest = isShare ? 1 : Math.max(...rows.map((row) => row.reduce((most, value) => Math.max(most, Math.abs(value)), 0)), 1e-9);
  const picture = el("canvas", { role: "img", width: nSteps, height: nUnits,
    "aria-label": t("try.heat_label", { gate: t(`try.gate.${gate}`), direction: t(`try.${direction}`), steps: number(nSteps), units: number(nUnits) }) });
  paint(picture, (step, unit) => (isShare ? rows[step][unit] : 0.5 + rows[step][unit] / largest / 2), isShare ? warm : cold);
  picture.addEventListener("pointerdown", (event) => {
    const frame = picture.getBoundingClientRect();
    move(Math.min(nSteps - 1, Math.max(0, Math.floor((nSteps * (event.clientX - frame.left)) / frame.width))));
  });
  const scale = el("canvas", { width: 100, height: 1, "aria-hidden": "true", class: "scale" });
  paint(scale, (step) => step / 99, isShare ? warm : cold);
  return el("figure", {},
    el("figcaption", {}, t(`try.${direction}`)),
    el("div", { class: "map", dir: "ltr" }, picture, el("i", { class: "mark", "aria-hidden": "true" })),
    nSteps <= 24 ? el("ol", { class: "ticks", "aria-hidden": "true", dir: "ltr" }, words.map((word) => el("li", { dir: "auto" }, word))) : null,
    el("p", { class: "scale-line faint", dir: "ltr" }, number(isShare ? 0 : -largest, isShare ? 0 : 2), scale, number(largest, isShare ? 0 : 2)));
}

function paint(canvas, shareAt, colours) {
  const { width, height } = canvas, context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const place = Math.min(1, Math.max(0, shareAt(x, y))) * (colours.length - 1);
      const below = Math.min(colours.length - 2, Math.floor(place)), rest = place - below;
      for (let part = 0; part < 3; part += 1) {
        image.data[4 * (y * width + x) + part] = colours[below][part] + rest * (colours[below + 1][part] - colours[below][part]);
      }
      image.data[4 * (y * width + x) + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}
