// What the page says, in the language chosen: one JSON file for each.

const languages = ["en", "zh"];
const kept = "gatewise.language";
let strings = {};
let language = "en";

export const currentLanguage = () => language;

function wanted() {
  let chosen = null;
  try {
    chosen = localStorage.getItem(kept);
  } catch { /* a browser may forbid it */ }
  const wishes = [chosen, ...navigator.languages].filter(Boolean).map((wish) => wish.slice(0, 2).toLowerCase());
  return wishes.find((wish) => languages.includes(wish)) || "en";
}

export async function loadWords(choice) {
  const name = choice || wanted();
  const answer = await fetch(`/static/${name}.json`);
  if (!answer.ok) throw new TypeError(`no words in ${name}`);
  strings = await answer.json();
  language = name;
  if (choice) {
    try {
      localStorage.setItem(kept, choice);
    } catch { /* then it is asked for again next time */ }
  }
  document.documentElement.lang = name === "zh" ? "zh-Hans" : name;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
}

export function t(key, values = {}) {
  const text = strings[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
export const percent = (value, digits = 1) =>
  new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
// A share that is not quite all is not written as all.
export const chance = (value) => percent(value > 0.999 && value < 1 ? 0.999 : value);
export const signed = (value) =>
  new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero" }).format(value);
export const time = (seconds) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(seconds * 1000);
export function duration(seconds) {
  const unit = (value, name) => new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "long", maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
  return seconds < 90 ? unit(Math.max(seconds, 0.1), "second") : unit(seconds / 60, "minute");
}
export function size(bytes) {
  const names = ["byte", "kilobyte", "megabyte", "gigabyte"];
  let value = bytes, place = 0;
  while (value >= 1000 && place < names.length - 1) {
    value /= 1000;
    place += 1;
  }
  return new Intl.NumberFormat(language, { style: "unit", unit: names[place], unitDisplay: "short", maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}
