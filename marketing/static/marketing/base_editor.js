// A base's page: slots are added and removed, and what is written is shown as the server renders it.
(() => {
  "use strict";
  const form = document.getElementById("base_form");
  const panel = document.querySelector("[data-preview]");
  if (!form || !panel) return;
  const WAIT = 500; // ms of quiet before rendering
  const part = (name) => panel.querySelector(`[data-preview-${name}]`);
  const frame = part("frame");
  let timer = 0;
  let asked = 0;
  let next = 1000;

  function show(answer) {
    part("problems").replaceChildren(...answer.problems.map(({ field, message }) =>
      Object.assign(document.createElement("li"), { textContent: field ? `${field}: ${message}` : message })));
    panel.classList.toggle("c-stale", answer.problems.length > 0);
    if (answer.problems.length) return; // the last good preview stays, greyed
    part("subject").textContent = answer.subject;
    part("text").textContent = answer.text;
    frame.querySelector("iframe").srcdoc = answer.html;
  }

  async function render() {
    const ticket = (asked += 1);
    const body = new URLSearchParams(new FormData(form));
    body.append("retailer", part("retailer").value);
    const failed = { problems: [{ field: "", message: "The preview failed. Sign in again if this goes on." }] };
    const response = await fetch(panel.dataset.url, { method: "POST", body }).catch(() => null);
    const answer = response?.ok && !response.redirected ? await response.json() : failed;
    if (ticket === asked) show(answer);
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(render, WAIT);
  }

  form.addEventListener("input", soon);
  part("retailer").addEventListener("change", render);
  panel.querySelectorAll("[data-width]").forEach((button) => button.addEventListener("click", () => {
    frame.dataset.previewFrame = button.dataset.width;
    panel.querySelectorAll("[data-width]").forEach((other) => other.setAttribute("aria-pressed", other === button));
  }));

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("addSlot" in button.dataset) {
      const holder = document.createElement("div");
      holder.innerHTML = form.querySelector("template[data-blank-slot]").innerHTML.replaceAll("-NUMBER-", `-${(next += 1)}-`);
      const slot = form.querySelector("[data-slots]").appendChild(holder.firstElementChild);
      slot.querySelector("[name$=-name]").focus();
    }
    if ("removeSlot" in button.dataset) {
      button.closest("[data-slot]").remove();
      soon();
    }
  });
})();
