"use strict";
// While an app is open in its frame, the chart beside it is renewed in place: reloading the page would end what
// is being entered there. Without this script every button still works, by a new page.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.hasAttribute("data-in-place") || !document.querySelector("iframe")) return;
  event.preventDefault();
  const sent = new URLSearchParams(new FormData(form, event.submitter));
  sent.delete("app");
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  const posts = form.method === "post";
  try {
    const answer = posts
      ? await fetch(form.action, { method: "POST", body: sent })
      : await fetch(form.action);
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
});
