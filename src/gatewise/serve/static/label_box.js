// One of many labels, chosen by typing a part of it.

import { data, el } from "./dom.js";
import { number, t } from "./words.js";

const mostListed = 8;

export class LabelBox {
  constructor(labels, take) {
    this.labels = labels;
    this.take = take;
    this.matches = [];
    this.active = -1;
    this.list = el("ul", { role: "listbox", id: "label-list", "aria-label": t("correct.other"), hidden: true });
    this.told = el("span", { class: "away", role: "status" });
    this.input = el("input", {
      type: "text", id: "label-input", dir: "auto", role: "combobox", autocomplete: "off", spellcheck: "false", "aria-autocomplete": "list",
      "aria-expanded": "false", "aria-controls": "label-list", "aria-describedby": "label-hint",
      on: { input: () => this.#search(), keydown: (event) => this.#key(event), blur: () => this.#close() },
    });
    this.element = el("div", { class: "label-box" },
      el("label", { for: "label-input" }, t("correct.other"), el("kbd", { "aria-hidden": "true" }, "/")),
      this.input, this.list, this.told,
      el("span", { id: "label-hint", class: "faint" }, t("correct.other_hint")));
  }

  #search() {
    const part = this.input.value.trim().toLocaleLowerCase();
    const found = this.labels.filter((label) => label.toLocaleLowerCase().includes(part));
    const rank = (label) => (label.toLocaleLowerCase() === part ? 0 : label.toLocaleLowerCase().startsWith(part) ? 1 : 2);
    this.matches = found.sort((one, other) => rank(one) - rank(other)).slice(0, mostListed);
    this.active = this.matches.length ? 0 : -1;
    this.told.textContent = found.length ? t("correct.matches", { n: number(found.length) }) : t("correct.no_match");
    this.#draw();
  }

  #draw() {
    const rows = this.matches.map((label, place) => data(label, "li", {
      role: "option", id: `label-option-${place}`, "aria-selected": String(place === this.active),
      on: { pointerdown: (event) => {
        event.preventDefault(); // or the input would lose the focus, and the list close first
        this.take(label);
      } },
    }));
    this.list.replaceChildren(...(rows.length ? rows : [el("li", { class: "faint", role: "option", "aria-disabled": "true", "aria-selected": "false" }, t("correct.no_match"))]));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    if (this.active >= 0) this.input.setAttribute("aria-activedescendant", `label-option-${this.active}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    if (event.isComposing) return; // Enter ends a word of an input method then
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves) {
      event.preventDefault();
      if (this.list.hidden) this.#search();
      else if (this.matches.length) {
        this.active = (this.active + moves[event.key] + this.matches.length) % this.matches.length;
        this.#draw();
      }
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!this.list.hidden && this.active >= 0) this.take(this.matches[this.active]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.input.value = "";
      this.#close();
      document.getElementById("desk-text").focus();
    }
  }
}
