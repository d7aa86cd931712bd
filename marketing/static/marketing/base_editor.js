// A base's page: slots are added and removed, and what is written is shown as the server renders it.
(() => {
  "use strict";
  const form = document.getElementById("base_form");
  const panel = document.querySelector("[data-base-preview]");
  if (!form || !panel) return;
  const WAIT = 500; // ms of quiet before rendering
  const pane = panel.querySelector("[data-pane]");
  const retailer = panel.querySelector("[data-base-retailer]");
  let timer = 0;
  let asked = 0;
  let next = 1000;

  async function render() {
    const ticket = (asked += 1);
    const body = new URLSearchParams(new FormData(form));
    body.append("retailer", retailer.value);
    const failed = { problems: [{ field: "", message: "The preview failed. Sign in again if this goes on." }] };
    const response = await fetch(panel.dataset.url, { method: "POST", body }).catch(() => null);
    const answer = response?.ok && !response.redirected ? await response.json() : failed;
    if (ticket === asked) pane.show(answer);
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(render, WAIT);
  }

  form.addEventListener("input", soon);
  retailer.addEventListener("change", render);

  function addLanguage() {
    const input = form.querySelector("[data-new-language]");
    const locale = input.value.trim();
    if (!locale || !input.checkValidity()) return input.focus();
    const list = form.querySelector("[data-languages]");
    let section = [...list.children].find((each) => each.dataset.language.toLowerCase() === locale.toLowerCase());
    if (!section) {
      const option = [...form.querySelectorAll("#base-languages option")].find((each) => each.value === locale);
      const holder = document.createElement("div");
      holder.innerHTML = form.querySelector("template[data-blank-language]").innerHTML.replaceAll("xx-new", locale);
      holder.querySelector("summary strong").textContent = option ? `${option.textContent} (${locale})` : locale;
      section = list.appendChild(holder.firstElementChild);
    }
    section.open = true;
    input.value = "";
    section.querySelector("input").focus();
  }

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("addSlot" in button.dataset) {
      const holder = document.createElement("div");
      holder.innerHTML = form.querySelector("template[data-blank-slot]").innerHTML.replaceAll("-NUMBER-", `-${(next += 1)}-`);
      const slot = form.querySelector("[data-slots]").appendChild(holder.firstElementChild);
      slot.querySelector("[name$=-name]").focus();
    }
    if ("addLanguage" in button.dataset) addLanguage();
    if ("removeSlot" in button.dataset) {
      button.closest("[data-slot]").remove();
      soon();
    }
  });
})();
