// Filling a base: counts, pictures, colours, a small toolbar, and the way back to what lies beneath.
(() => {
  "use strict";
  const fill = document.querySelector("[data-fill]");
  if (!fill) return;
  const MERGED = "xxxxxxxx"; // what a value counts as, where the length of a text is bounded

  const length = (text) => [...text.replace(/\{\{.*?\}\}/gs, MERGED).replace(/\{%.*?%\}|\{#.*?#\}/gs, "")].length;
  const tell = (input) => input.dispatchEvent(new Event("input", { bubbles: true }));

  function follow(holder) {
    const inputs = [...holder.querySelectorAll("[data-fill-input]")];
    const says = inputs.some((input) => input.value.trim());
    const from = holder.querySelector("[data-fill-from]");
    if (from) {
      from.textContent = says ? "yours" : from.dataset.below;
      from.classList.toggle("c-from", says);
    }
    const reset = holder.querySelector("[data-fill-reset]");
    if (reset) reset.hidden = !says;
    const count = holder.querySelector("[data-fill-count]");
    if (count) {
      const counted = holder.querySelector("[data-fill-counted]").value;
      const isRich = holder.dataset.fillSlot === "rich_text";
      const used = isRich ? [...counted].length : length(counted);
      count.textContent = counted ? `${used} of ${count.dataset.fillCount}` : "";
      count.classList.toggle("c-error", used > Number(count.dataset.fillCount));
    }
    const picture = holder.querySelector("[data-fill-picture]");
    if (picture) {
      const url = holder.querySelector("[data-fill-url]");
      const shown = url.value || url.placeholder;
      picture.hidden = !/^https:\/\/[^{]+$/.test(shown) || shown.endsWith("…") || picture.dataset.gone === shown;
      if (!picture.hidden && picture.getAttribute("src") !== shown) picture.src = shown;
    }
    const colour = holder.querySelector("[data-fill-colour]");
    if (colour) {
      const shown = colour.value || colour.dataset.fillColour;
      if (/^#[0-9a-f]{6}$/i.test(shown)) {
        holder.querySelector("[data-fill-swatch] rect").setAttribute("fill", shown);
        const picker = holder.querySelector("[data-fill-picker]");
        if (picker) picker.value = shown;
      }
    }
  }

  function setUp(root) {
    root.querySelectorAll("[data-fill-toolbar], [data-fill-picker]").forEach((each) => { each.hidden = false; });
    root.querySelectorAll("[data-fill-picker]").forEach((picker) => {
      picker.parentElement.parentElement.querySelector("[data-fill-swatch]").hidden = true;
    });
    root.querySelectorAll("[data-fill-slot], .c-lay-block").forEach(follow);
    root.querySelectorAll("[data-fill-picture][src]").forEach((each) => { if (each.complete && !each.naturalWidth) gone(each); });
  }

  const holderOf = (element) => element.closest("[data-fill-slot], .c-lay-block");

  fill.addEventListener("input", (event) => {
    if ("fillPicker" in event.target.dataset) {
      const input = event.target.parentElement.querySelector("[data-fill-input]");
      input.value = event.target.value;
      tell(input);
    }
    const holder = holderOf(event.target);
    if (holder) follow(holder);
  });

  function gone(picture) { // a picture that is not there
    picture.dataset.gone = picture.getAttribute("src");
    picture.hidden = true;
  }

  fill.addEventListener("error", (event) => gone(event.target), true);

  fill.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const holder = button && holderOf(button);
    if (!holder) return;
    if ("fillReset" in button.dataset) {
      holder.querySelectorAll("[data-fill-input]").forEach((input) => { input.value = ""; });
      tell(holder.querySelector("[data-fill-input]"));
    } else if ("fillTake" in button.dataset) {
      const area = holder.querySelector("textarea");
      area.value = area.value || button.dataset.fillTake;
      area.focus();
      tell(area);
    } else if (button.dataset.mark) {
      mark(holder.querySelector("textarea"), button.dataset.mark);
    }
  });

  function mark(area, name) {
    if (!area.value && area.placeholder) area.value = area.placeholder;
    const { selectionStart: start, selectionEnd: end } = area;
    const chosen = area.value.slice(start, end);
    let made = `<${name}>${chosen}</${name}>`;
    if (name === "a") {
      const url = window.prompt("Where does it lead?", "https://");
      if (!url) return;
      made = `<a href="${url.replaceAll('"', "&quot;")}">${chosen || url}</a>`;
    } else if (name === "ul") {
      const items = (chosen || "…").split("\n").filter((line) => line.trim());
      made = `<ul>\n${items.map((line) => `  <li>${line.trim()}</li>`).join("\n")}\n</ul>`;
    }
    area.setRangeText(made, start, end, "select");
    area.focus();
    tell(area);
  }

  // -- languages ---------------------------------------------------------------------------------------------------
  const languages = fill.querySelector("[data-fill-languages]");
  const choice = languages.querySelector("[data-fill-language]");
  const blank = languages.querySelector("template");
  choice.addEventListener("change", () => {
    const locale = choice.value;
    if (!locale) return;
    const title = choice.selectedOptions[0].textContent;
    const holder = document.createElement("div");
    holder.innerHTML = blank.innerHTML.replaceAll(blank.dataset.fillBlank, locale).replace("LANGUAGE", title);
    const section = holder.firstElementChild;
    choice.parentElement.parentElement.before(section);
    const seen = document.querySelector("[data-pane-languages] select");
    if (seen) {
      seen.append(new Option(title, locale));
      seen.closest("label").hidden = false;
    }
    choice.selectedOptions[0].remove();
    choice.value = "";
    setUp(section);
    section.querySelector("input, textarea").focus();
  });
  languages.addEventListener("change", (event) => {
    if ("fillDrop" in event.target.dataset) event.target.closest("details").classList.toggle("c-stale", event.target.checked);
  });

  setUp(fill);
})();
