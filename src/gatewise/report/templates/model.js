"use strict";
// The page is whole without this: it sorts tables, makes a picture larger, and prints all.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const isDown = head.getAttribute("aria-sort") === "descending";
      const sign = isDown ? 1 : -1;
      const key = (row) => {
        const cell = row.cells[column];
        return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent.trim();
      };
      const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
      const rows = [...table.tBodies[0].rows].sort((a, b) => sign * compare(key(a), key(b)));
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", isDown ? "ascending" : "descending");
      table.tBodies[0].append(...rows);
    });
  });
}
for (const box of document.querySelectorAll("[data-zoom]")) {
  const picture = document.getElementById(box.dataset.zoom);
  const [width, height] = [picture.width.baseVal.value, picture.height.baseVal.value];
  let scale = 1;
  const show = (wanted) => {
    scale = Math.min(4, Math.max(0.25, wanted));
    picture.setAttribute("width", width * scale);
    picture.setAttribute("height", height * scale);
  };
  const wholly = () => Math.min(1, picture.parentElement.clientWidth / width);
  for (const [name, wanted] of [["−", () => scale / 1.4], ["+", () => scale * 1.4], ["all of it", wholly]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    if (name.length === 1) button.setAttribute("aria-label", name === "+" ? "larger" : "smaller");
    button.addEventListener("click", () => show(wanted()));
    box.append(button);
  }
}
