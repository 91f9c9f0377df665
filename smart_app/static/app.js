"use strict";
// Comfort alone: every page works without it. The age of what is shown, and a word before entries are lost.
(() => {
  const opened = Date.now();
  const place = document.querySelector("[data-age-of-data]");
  if (place) {
    const age = document.createElement("strong");
    age.className = "age";
    place.append(age);
    const tell = () => {
      const minutes = Math.floor((Date.now() - opened) / 60000);
      age.textContent = minutes < 1 ? "" : `, ${minutes} min ago`;
      age.classList.toggle("age--old", minutes >= 10);
    };
    setInterval(tell, 15000);
    document.addEventListener("visibilitychange", tell);
  }
  // A form with data-warn-unsaved: leaving it with entries that were not sent asks first.
  const forms = [...document.querySelectorAll("form[data-warn-unsaved]")];
  const changed = new Set(forms.filter((form) => form.dataset.warnUnsaved === "now"));
  for (const form of forms) {
    form.addEventListener("input", () => changed.add(form));
    form.addEventListener("submit", () => changed.delete(form));
  }
  // Without a network a press would leave the page for one of the browser's own, and the entries with it.
  addEventListener("submit", (event) => {
    if (navigator.onLine || event.target.method !== "post") return;
    event.preventDefault();
    event.stopPropagation();
    document.getElementById("no-network")?.remove();
    const told = document.createElement("p");
    told.id = "no-network";
    told.className = "notice problem";
    told.setAttribute("role", "alert");
    told.textContent = "No network: nothing was sent, and nothing you entered is lost. Press again when it is back.";
    event.submitter?.before(told);
  }, true);
  addEventListener("beforeunload", (event) => {
    if (changed.size) event.preventDefault();
  });
  // A page that the browser kept and shows again is older than it says: read it anew.
  addEventListener("pageshow", (event) => {
    if (event.persisted && !changed.size) location.reload();
  });
})();
