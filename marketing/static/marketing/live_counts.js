// Fills in figures that take a moment: each element with data-count-from asks for its own, one after the other.
(async () => {
  "use strict";
  for (const figure of document.querySelectorAll("[data-count-from]")) {
    try {
      const response = await fetch(figure.dataset.countFrom, { headers: { Accept: "application/json" } });
      const answer = await response.json();
      figure.textContent = answer.error ? "cannot be counted" : answer.count.toLocaleString();
      figure.title = answer.error || "";
    } catch {
      figure.textContent = "?";
    }
  }
})();
