// The rule builder's inputs: which panel shows, comparisons and inputs that fit the type of the field, and values that
// occur. The server's plain inputs stay and are what is posted; what is made here stands beside them as [data-made].
(() => {
  "use strict";
  const made = (tag, properties = {}) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.dataset.made = "";
    return element;
  };
  const DAYS = ["before", "on", "after"];
  const isDay = (text) => /^\d{4}-\d{2}-\d{2}$/.test(text);

  // -- lists as text: `Leeds, York, "a, b"` ----------------------------------------------------------------------
  const quoted = (text) => (/[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const joined = (parts) => parts.map(quoted).join(", ");
  function split(text) {
    const found = [...text.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(?:,|$)/g)];
    return found.map((match) => (match[1] === undefined ? match[2] : match[1].replaceAll('""', '"')).trim()).filter(Boolean);
  }

  function start(box) {
    const offered = JSON.parse(document.getElementById(box.dataset.rule).textContent);

    // Panels of other kinds are switched off: what they hold is neither shown nor sent.
    function choosePanel(row) {
      const kind = row.querySelector("[data-kind]");
      if (!kind) return;
      row.querySelectorAll(":scope > [data-panel]").forEach((panel) => { panel.disabled = panel.dataset.panel !== kind.value; });
    }

    const propertiesOf = (row) => offered.events[row.querySelector("[data-event]").value.trim()] || {};

    function subjectOf(comparison) {
      const row = comparison.closest("[data-row]");
      const where = comparison.closest("[data-where]");
      if (where) return propertiesOf(row)[where.querySelector("[data-property]").value.trim()];
      const field = row.querySelector("[data-field]").value.trim();
      return offered.fields[field] || offered.fields[field.replace(/^attributes\./, "")];
    }

    function listOf(input, options) {
      const id = `${box.dataset.rule}-offered`;
      const list = document.getElementById(id) || box.appendChild(Object.assign(document.createElement("datalist"), { id }));
      list.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
      list.querySelectorAll("option").forEach((option) => { option.label = option.text; });
      input.setAttribute("list", id);
    }

    // -- one comparison ------------------------------------------------------------------------------------------
    function draw(comparison, { isChosen = false } = {}) {
      const subject = subjectOf(comparison);
      const as = comparison.querySelector("[data-as]");
      if (isChosen) as.value = subject && subject.type !== "date" ? subject.type : "";
      const type = as.value || (subject && subject.type) || "";
      const op = comparison.querySelector("[data-op]");
      for (const option of op.options) {
        const fits = !type || option.dataset.types.split(" ").includes(type);
        option.hidden = option.disabled = !fits && !(option.selected && !isChosen);
      }
      if (!op.selectedOptions[0] || op.selectedOptions[0].disabled) op.value = type === "date" ? "on" : "eq";
      comparison.querySelectorAll("[data-value]").forEach((input, index) => drawInput(input, type, index ? "between" : op.value));
    }

    function drawInput(input, type, op) {
      const holder = input.parentElement;
      const shape = op === "in" || op === "not_in" ? "list" : type === "boolean" ? "choice" : type === "date" && op === "between" ? "day" : "line";
      input.inputMode = type === "number" ? "decimal" : "text";
      input.placeholder = DAYS.includes(op) ? "today, 30d ago, 2026-11-26" : "Value";
      if (holder.dataset.shape === shape && shape !== "choice" && shape !== "list") return;
      if (holder.dataset.shape === shape && holder.querySelector("[data-made]")) return;
      holder.querySelectorAll("[data-made]").forEach((element) => element.remove());
      if (holder.dataset.shape === "list" && shape !== "list") input.value = split(input.value)[0] || "";
      holder.dataset.shape = shape;
      input.hidden = shape === "choice" || shape === "list";
      input.type = shape === "day" && (!input.value || isDay(input.value)) ? "date" : "text";
      if (shape === "choice") holder.append(choice(input));
      if (shape === "list") holder.append(chips(input));
    }

    function write(input, value) {
      input.value = value;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }

    function choice(input) {
      const select = made("select", { className: "c-input", ariaLabel: "Value" });
      select.append(new Option("choose", ""), new Option("yes", "true"), new Option("no", "false"));
      select.value = ["true", "false"].includes(input.value) ? input.value : "";
      if (input.value && !select.value) select.append(new Option(input.value, input.value, true, true));
      select.addEventListener("change", () => write(input, select.value));
      return select;
    }

    function chips(input) {
      const frame = made("span", { className: "c-chips" });
      const entry = Object.assign(document.createElement("input"), { className: "c-chips-entry", ariaLabel: "Add a value", placeholder: "Add a value", autocomplete: "off" });
      entry.dataset.entry = "";
      const values = split(input.value);

      function show() {
        frame.querySelectorAll(".c-chips-value").forEach((chip) => chip.remove());
        for (const value of values) {
          const chip = Object.assign(document.createElement("span"), { className: "c-chips-value", textContent: value });
          const remove = Object.assign(document.createElement("button"), { type: "button", ariaLabel: `Remove ${value}`, textContent: "×" });
          remove.addEventListener("click", () => { values.splice(values.indexOf(value), 1); keep(); entry.focus(); });
          chip.append(remove);
          entry.before(chip);
        }
        entry.placeholder = values.length ? "" : "Add a value";
      }
      function keep() { show(); write(input, joined(values)); }
      function take() {
        const added = split(entry.value.replaceAll(/[\n\t;]/g, ",")).filter((value) => !values.includes(value));
        entry.value = "";
        if (added.length) { values.push(...added); keep(); }
      }
      entry.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === ",") {
          if (event.key === "Enter" || entry.value.trim()) event.preventDefault();
          take();
        } else if (event.key === "Backspace" && !entry.value && values.length) { values.pop(); keep(); }
      });
      entry.addEventListener("input", (event) => {
        event.stopPropagation(); // half a value is none yet
        if (event.inputType === "insertReplacementText" || !event.inputType || /[,;\n]/.test(entry.value)) take();
      });
      entry.addEventListener("change", (event) => { event.stopPropagation(); take(); });
      entry.addEventListener("blur", take);
      frame.append(entry);
      show();
      return frame;
    }

    // -- listening -----------------------------------------------------------------------------------------------
    function drawAll(part) {
      const rows = part.matches?.("[data-row]") ? [part] : part.querySelectorAll("[data-row]");
      rows.forEach(choosePanel);
      part.querySelectorAll("[data-value]").forEach((input) => {
        if (!input.parentElement.querySelector("[data-made]")) delete input.parentElement.dataset.shape;
      });
      part.querySelectorAll("[data-comparison]").forEach((comparison) => draw(comparison));
    }

    box.addEventListener("rule:changed", (event) => { if (event.detail) drawAll(event.detail); });
    box.addEventListener("change", (event) => {
      const field = event.target;
      const row = field.closest("[data-row]");
      if (!row) return;
      if ("kind" in field.dataset) choosePanel(row);
      else if ("op" in field.dataset) draw(field.closest("[data-comparison]"));
      else if ("event" in field.dataset) row.querySelectorAll("[data-where] [data-comparison]").forEach((each) => draw(each));
    });
    box.addEventListener("input", (event) => {
      const field = event.target;
      if ("field" in field.dataset) draw(field.closest("[data-panel]").querySelector("[data-comparison]"), { isChosen: true });
      else if ("property" in field.dataset && field.closest("[data-where]")) draw(field.closest("[data-where]").querySelector("[data-comparison]"), { isChosen: true });
    });

    box.addEventListener("focusin", (event) => {
      const input = event.target;
      const row = input.closest("[data-row]");
      if (!row) return;
      if ("property" in input.dataset) {
        const known = Object.entries(propertiesOf(row));
        listOf(input, known.filter(([, each]) => input.closest("[data-where]") || each.type === "number").map(([key, each]) => [key, each.type]));
      } else if ("entry" in input.dataset || ("value" in input.dataset && input.type === "text")) {
        const comparison = input.closest("[data-comparison]");
        const subject = subjectOf(comparison);
        if (DAYS.includes(comparison.querySelector("[data-op]").value)) input.setAttribute("list", `${box.dataset.rule}-days`);
        else listOf(input, subject ? subject.values : []);
      }
    });

    drawAll(box.querySelector("[data-group]"));
  }

  document.querySelectorAll("[data-rule]").forEach(start);
})();
