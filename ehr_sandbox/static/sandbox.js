"use strict";
// While an app is open in its frame, the chart beside it is renewed in place: reloading the page would end what
// is being entered there. Without this script every button still works, by a new page.

let underWay = Promise.resolve();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-in-place") || !document.querySelector("iframe")) return;
  event.preventDefault();
  const sent = new URLSearchParams(new FormData(form, event.submitter));
  sent.delete("app");
  const request = form.method === "post" ? { method: "POST", body: sent } : {};
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  // One after the other: an earlier answer must not cover a later one.
  underWay = underWay.then(() => renew(form.action, request));
});

async function renew(address, request) {
  try {
    const answer = await fetch(address, request);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const chart = page.getElementById("chart");
    if (!chart) throw new Error("no chart");
    document.getElementById("chart").replaceWith(document.adoptNode(chart));
    chart.tabIndex = -1;
    chart.focus({ preventScroll: true });
  } catch {
    // Never sent a second time: what was written is seen on the renewed page.
    window.location.reload();
  }
}
