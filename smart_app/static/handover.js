"use strict";
// Copying alone: without it the text is marked and copied as any other.
(() => {
  const [text, button, told] = ["handover-text", "copy", "copied"].map((id) => document.getElementById(id));
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      told.textContent = "Copied.";
    } catch {
      // A frame may not be allowed to: the text is marked, and the keyboard copies it.
      getSelection().selectAllChildren(text);
      told.textContent = "The text is marked: press Ctrl+C, or ⌘C, to copy it.";
    }
  });
})();
