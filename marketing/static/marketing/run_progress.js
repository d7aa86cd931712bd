// Keeps what is shown of open runs current: asks for a run's regions every second, changes only what changed.
(() => {
  "use strict";
  const PERIOD = 1000; // ms between answers; longer where the server takes long

  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  function follow(page) {
    const shown = {};
    let failures = 0;

    function draw(regions) {
      for (const [name, html] of Object.entries(regions)) {
        const comparable = html.replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, ""); // new each time
        if (shown[name] === comparable) continue;
        shown[name] = comparable;
        page.querySelector(`[data-region="${name}"]`).innerHTML = html;
      }
    }

    async function look() {
      const started = performance.now();
      let isOpen = true;
      try {
        const response = await fetch(page.dataset.runProgress, { headers: { Accept: "application/json" } });
        if (!response.ok) throw new Error(response.status);
        const answer = await response.json();
        draw(answer.regions);
        isOpen = answer.is_open;
        failures = 0;
      } catch {
        failures += 1;
      }
      page.classList.toggle("c-stale", failures > 2);
      if (isOpen) setTimeout(look, Math.max(PERIOD, 4 * (performance.now() - started)) * Math.min(1 + failures, 10));
    }

    look();
  }

  document.querySelectorAll('[data-run-progress][data-is-open="yes"]').forEach(follow);
})();
