"use strict";
// Comfort alone: the running total while the form is filled in. The grade is made on the server.
(() => {
  const live = document.querySelector("[data-running]");
  if (!live) return;
  const form = live.closest("form");
  const items = [...form.querySelectorAll("fieldset[data-highest]")];
  const bands = JSON.parse(live.dataset.running);
  const levels = (points) =>
    bands.filter(([low, high]) => low <= points && points <= high).map(([, , level]) => level);
  const tell = () => {
    let least = 0, most = 0, open = 0;
    for (const item of items) {
      const chosen = item.querySelector("input[type=radio]:checked");
      const points = chosen?.dataset.points;
      if (!chosen) open += 1;
      least += Number(points ?? 0);
      most += Number(points ?? item.dataset.highest);
    }
    live.hidden = open === items.length;
    const total = least === most ? `${least}` : `${least}–${most}`;
    if (open) {
      live.textContent = `${least} points so far; ${open} ${open === 1 ? "item" : "items"} open`;
      return;
    }
    if (!bands.length) {
      live.textContent = `ICE ${total} of ${live.dataset.most}`;
      return;
    }
    const found = [...levels(least), ...levels(most), ...(levels(most).length ? [] : [0])];
    const low = Math.min(...found), high = Math.max(...found);
    const grade = low === high ? `${low}` : `${low}–${high}`;
    live.textContent = `ICE ${total} of ${live.dataset.most}; by ICE alone ICANS ${grade}`;
  };
  form.addEventListener("change", tell);
  form.addEventListener("reset", () => setTimeout(tell));
  tell();
})();
