// A campaign's variants: adds and removes them, and asks for the texts that the chosen template leaves open.
(() => {
  "use strict";
  const box = document.querySelector("[data-variants]");
  if (!box) return;
  const name = box.dataset.variants;
  const byTemplate = JSON.parse(document.getElementById("texts-by-template").textContent);
  const list = box.querySelector("[data-variant-list]");
  const blank = box.querySelector("template[data-blank-variant]").innerHTML;
  const template = document.querySelector("select[name=template]");
  let next = 1000;

  function askForTexts(variant) {
    const number = variant.querySelector("[name$=-key]").name.split("-")[1];
    const holder = variant.querySelector("[data-texts]");
    const wanted = byTemplate[template.value] || [];
    for (const line of holder.querySelectorAll("[data-text]")) {
      if (!wanted.includes(line.dataset.text) && !line.querySelector("input").value) line.remove();
    }
    for (const text of wanted) {
      if (holder.querySelector(`[data-text="${text}"]`)) continue;
      const line = Object.assign(document.createElement("label"), { className: "c-line" });
      line.dataset.text = text;
      const input = Object.assign(document.createElement("input"), { className: "c-input", name: `${name}-${number}-text-${text}` });
      const label = text.replaceAll("_", " ");
      line.append(Object.assign(document.createElement("span"), { textContent: label[0].toUpperCase() + label.slice(1) }), input);
      holder.append(line);
    }
  }

  function add() {
    const holder = document.createElement("div");
    holder.innerHTML = blank.replaceAll("-NUMBER-", `-${(next += 1)}-`);
    const variant = holder.firstElementChild;
    const taken = [...list.querySelectorAll("[name$=-key]")].map((input) => input.value);
    variant.querySelector("[name$=-key]").value = [..."abcdefghijklmnopqrstuvwxyz"].find((letter) => !taken.includes(letter)) || "";
    const first = list.querySelector("[data-variant]");
    list.append(variant);
    askForTexts(variant);
    for (const line of first ? first.querySelectorAll("[data-text] input") : []) { // mostly one thing is to differ
      const same = variant.querySelector(`[data-text="${line.parentElement.dataset.text}"] input`);
      if (same) same.value = line.value;
    }
    variant.querySelector("[name$=-subject]").focus();
  }

  box.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("addVariant" in button.dataset) add();
    if ("removeVariant" in button.dataset) button.closest("[data-variant]").remove();
  });
  template.addEventListener("change", () => list.querySelectorAll("[data-variant]").forEach(askForTexts));
})();
