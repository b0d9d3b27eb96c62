// What a replay found: what each word adds, the answer as it reads, and the gates.

import { data, el } from "./dom.js";
import { gatesSection } from "./gates.js";
import { chance, number, signed, t } from "./words.js";
import { wordCredits } from "./word_credits.js";

const nClasses = 5;
const nLines = 3;
const strongest = 0.5; // opacity of the largest credit
const slant = (40 * Math.PI) / 180; // of the words under the chart

export function drawWorking(box, replay) {
  const ranked = Object.entries(replay.probabilities).sort((one, other) => other[1] - one[1]).slice(0, nClasses);
  const labels = ranked.map(([label]) => label);
  const words = replay.tokens.map((token) => token.surface || t("try.padding"));
  box.append(creditsSection(replay, ranked));
  if (replay.as_it_reads.length) box.append(readingSection(replay, labels.slice(0, nLines), words, box.clientWidth));
  box.append(gatesSection(replay, words));
}

// What each word adds

function creditsSection(replay, ranked) {
  const words = el("p", { class: "credits", dir: "auto" });
  const read = readWords(replay).length;
  const sums = el("p", { class: "faint" });
  const choice = el("select", { id: "credit-label", on: { change: draw } },
    ranked.map(([label, probability], place) => el("option", { value: place, dir: "auto" }, `${label} (${chance(probability)})`)));

  function draw() {
    const label = ranked[Number(choice.value)][0];
    words.replaceChildren(...creditWords(replay, wordCredits(replay.tokens, replay.credits[label])));
    const { bias } = replay.credits[label], score = replay.logits[label];
    sums.textContent = t("try.credits_sum", { words: signed(score - bias), bias: signed(bias), score: signed(score) });
  }

  draw();
  return el("section", { "aria-labelledby": "h-credits" },
    el("h3", { id: "h-credits" }, t("try.credits")),
    el("p", { class: "row start" }, el("label", { for: "credit-label" }, t("try.credits_for")), choice),
    words,
    el("p", { class: "legend faint" },
      el("span", { class: "for" }, t("try.credits_legend")), " ", el("span", { class: "against" }, t("try.credits_legend_against"))),
    el("p", { class: "faint" }, t("try.credits_means")),
    replay.unread ? el("p", { id: "credits-unread" }, t("try.unread", { n: number(read), all: number(read + replay.unread) })) : null,
    sums);
}

// The text itself, its words shaded; places are counted in whole characters, not in UTF-16.
function creditWords(replay, credits) {
  const letters = [...replay.text], parts = [];
  const largest = Math.max(...credits.map(Math.abs), 1e-9);
  const read = replay.tokens.map((token, step) => ({ ...token, credit: credits[step] })).filter((token) => token.kind !== "padding");
  read.sort((one, other) => one.start - other.start);
  let place = 0;
  for (const token of read) {
    if (token.start > place) parts.push(letters.slice(place, token.start).join(""));
    parts.push(creditWord(token, largest));
    place = token.end;
  }
  parts.push(letters.slice(place).join(""));
  return parts;
}

function creditWord({ surface, kind, credit }, largest) {
  const isFor = credit >= 0;
  const share = (strongest * Math.abs(credit)) / largest;
  const value = signed(credit);
  return el("span", { class: `word ${kind}`, title: t(isFor ? "try.credit_for" : "try.credit_against", { word: surface, value }),
    style: { "background-color": isFor ? `rgb(47 129 189 / ${share})` : `rgb(222 96 50 / ${share})` } },
  el("span", { class: "surface" }, surface), el("small", { dir: "ltr" }, value),
  el("span", { class: "away" }, t(isFor ? "try.credits_legend" : "try.credits_legend_against")));
}

// As it reads

function readingSection(replay, labels, words, width) {
  const steps = replay.as_it_reads, last = steps.at(-1);
  const label = t("try.reads_label", { n: number(last.tokens), label: labels[0], chance: chance(last.probabilities[labels[0]]) });
  const named = readWords(replay);
  return el("section", { "aria-labelledby": "h-reads" },
    el("h3", { id: "h-reads" }, t("try.reads")),
    el("p", { class: "faint" }, t("try.reads_means"), " ",
      decidedAt(replay.decided_at, steps, named)),
    el("ul", { class: "keys" }, labels.map((name, place) => el("li", {}, el("i", { class: `line-${place}` }), data(name)))),
    inItsWidth((room) => readingChart(steps, labels, named, Math.max(280, room - 4), label), width),
    readingTable(steps, labels, named));
}

// Drawn anew when the room for it changes, as on a phone that is turned: its letters keep their size.
function inItsWidth(draw, width) {
  const box = el("div", {}, draw(width));
  let drawn = width;
  new ResizeObserver(() => {
    const room = box.clientWidth;
    if (!room || room === drawn) return;
    drawn = room;
    box.replaceChildren(draw(room));
  }).observe(box);
  return box;
}

// Of a long text not every beginning was looked at, so it may have been one of several words.
function decidedAt(decided, steps, named) {
  if (!decided) return "";
  const place = steps.findIndex((step) => step.tokens === decided);
  const first = (steps[place - 1]?.tokens ?? 0) + 1;
  const word = named[decided - 1] ?? "";
  if (first === decided) return t("try.decided", { n: number(decided), word });
  return t("try.decided_between", { first: number(first), n: number(decided), word });
}

// The words in the order of the text; those that lie beyond the longest text are not named.
const readWords = (replay) => replay.tokens.filter((token) => token.kind !== "padding").map((token) => token.surface);

function readingChart(steps, labels, words, width, label) {
  const height = 220, left = 44, right = 16, top = 10, bottom = 72;
  const across = (place) => left + ((width - left - right) * (steps.length === 1 ? 0.5 : place / (steps.length - 1)));
  const up = (share) => top + (height - top - bottom) * (1 - share);
  const parts = [0, 0.5, 1].flatMap((share) => [
    el("svg:line", { class: "rule", x1: left, x2: width - right, y1: up(share), y2: up(share) }),
    el("svg:text", { class: "end", x: left - 8, y: up(share) + 4 }, `${100 * share}%`)]);
  const every = Math.ceil(steps.length / Math.max(2, Math.floor(width / 38)));
  steps.forEach(({ tokens }, place) => {
    if (place % every && place !== steps.length - 1) return;
    const room = Math.min((bottom - 28) / Math.sin(slant), (across(place) - 4) / Math.cos(slant));
    const cut = fitting(words[tokens - 1] ?? "", room);
    parts.push(el("svg:text", { class: "end", transform: `translate(${across(place) + 4} ${height - bottom + 18}) rotate(-40)` }, cut));
  });
  labels.forEach((name, order) => {
    const points = steps.map(({ probabilities }, place) => [across(place), up(probabilities[name])]);
    parts.push(el("svg:polyline", { class: `line line-${order}`, points: points.map((point) => point.join(",")).join(" ") }));
    if (steps.length > 60) return;
    points.forEach(([x, y], place) => parts.push(el("svg:circle", { class: `dot line-${order}`, cx: x, cy: y, r: 3.5 },
      el("svg:title", {}, `${words[steps[place].tokens - 1] ?? steps[place].tokens}: ${name} ${chance(steps[place].probabilities[name])}`))));
  });
  return el("svg:svg", { class: "chart", role: "img", "aria-label": label, viewBox: `0 0 ${width} ${height}`, width, height }, parts);
}

// Letters are as wide as they are: a long word is cut where the room ends.
function fitting(word, room) {
  const pen = document.createElement("canvas").getContext("2d"), letters = [...word].slice(0, 10);
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`; // as .chart
  let cut = [...word].length > 10 ? `${letters.slice(0, 9).join("")}…` : word;
  while (letters.length > 1 && pen.measureText(cut).width > room) {
    letters.pop();
    cut = `${letters.join("")}…`;
  }
  return cut;
}

function readingTable(steps, labels, words) {
  const head = el("tr", {}, el("th", { scope: "col" }, "#"), el("th", { scope: "col", class: "words" }, t("file.text")),
    labels.map((label) => data(label, "th", { scope: "col" })));
  const rows = steps.map(({ tokens, probabilities }) => el("tr", {}, el("td", {}, number(tokens)),
    data(words[tokens - 1] ?? "", "th", { scope: "row", class: "words" }), labels.map((label) => el("td", {}, chance(probabilities[label])))));
  return el("details", {}, el("summary", {}, t("try.reads_table")),
    el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": t("try.reads") }, el("table", {}, el("thead", {}, head), el("tbody", {}, rows))));
}
