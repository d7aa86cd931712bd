// The rule builder: adds and removes rows, offers values that occur, and counts who matches. The server composes
// and judges the rule from the same fields that saving posts; nothing here knows the rule language.
(() => {
  "use strict";
  const WAIT = 350; // ms of quiet before counting
  const noun = (count) => (count === 1 ? "customer" : "customers");

  function start(box) {
    const name = box.dataset.rule;
    const offered = JSON.parse(document.getElementById(name).textContent);
    const blank = (kind) => box.querySelector(`:scope > template[data-blank="${kind}"]`).innerHTML;
    let next = 1000; // above every number the server gave: rows only need to differ

    function fill(html, numbers) {
      const holder = document.createElement("div");
      holder.innerHTML = html.replaceAll("-GROUP-", `-${numbers.group}-`).replaceAll("-ROW-", `-${numbers.row}-`)
        .replaceAll('"GROUP"', `"${numbers.group}"`).replaceAll('"ROW"', `"${numbers.row}"`);
      return holder.firstElementChild;
    }

    function addRow(group) {
      const row = fill(blank("row"), { group: group.dataset.group, row: (next += 1) });
      group.querySelector("[data-rows]").append(row);
      row.querySelector("select").focus();
    }

    function addGroup(before) {
      before.before(fill(blank("group"), { group: (next += 1), row: (next += 1) }));
    }

    box.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if ("addRow" in button.dataset) addRow(button.closest("[data-group]"));
      else if ("addGroup" in button.dataset) addGroup(button.closest(".c-rule-add"));
      else if ("removeRow" in button.dataset) button.closest("[data-row]").remove();
      else if ("removeGroup" in button.dataset) button.closest("[data-group]").remove();
      else return;
      countSoon();
    });

    // -- values that occur -------------------------------------------------------------------------------------
    function suggest(input, values) {
      const id = `${input.name}-values`;
      let list = document.getElementById(id);
      if (!list) {
        list = document.createElement("datalist");
        list.id = id;
        input.after(list);
        input.setAttribute("list", id);
      }
      list.replaceChildren(...(values || []).map((value) => new Option("", value)));
    }

    box.addEventListener("focusin", (event) => {
      const input = event.target;
      const row = input.closest("[data-row]");
      const panel = input.closest("[data-panel]");
      if (!row || !panel) return;
      const properties = offered.events[row.querySelector("[data-event]").value] || {};
      if ("property" in input.dataset) suggest(input, Object.keys(properties));
      if (!("value" in input.dataset)) return;
      const named = panel.dataset.panel === "event"
        ? properties[input.closest(".c-pair").parentElement.querySelector("[name$=where_field]").value]
        : offered.fields[row.querySelector("[data-field]").value.replace(/^attributes\./, "")];
      suggest(input, named);
    });

    // -- who matches now ---------------------------------------------------------------------------------------
    const url = box.dataset.countUrl;
    const result = box.querySelector("[data-rule-result]");
    let timer = 0;
    let asked = 0;

    function show(answer) {
      const errors = answer.errors || [];
      result.hidden = false;
      result.classList.toggle("c-has-error", errors.length > 0);
      const count = result.querySelector("[data-rule-count]");
      count.parentElement.hidden = errors.length > 0;
      count.textContent = (answer.count ?? 0).toLocaleString();
      result.querySelector("[data-rule-noun]").textContent = noun(answer.count);
      result.querySelector("[data-rule-sentence]").textContent = answer.sentence || "";
      const item = (text) => Object.assign(document.createElement("li"), { textContent: text });
      result.querySelector("[data-rule-sample]").replaceChildren(...(answer.sample || []).map(item));
      result.querySelector("[data-rule-errors]").replaceChildren(...errors.map(item));
    }

    async function count() {
      const ticket = (asked += 1);
      const all = new FormData(box.closest("form"));
      const body = new URLSearchParams();
      for (const [key, value] of all) if (key.startsWith(`${name}-`) || key === "csrfmiddlewaretoken") body.append(key, value);
      result.setAttribute("aria-busy", "true");
      try {
        const response = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
        const answer = response.ok && !response.redirected
          ? await response.json() : { errors: ["The count failed. Sign in again if this goes on."] };
        if (ticket === asked) show(answer);
      } catch {
        if (ticket === asked) show({ errors: ["No answer from the server: check your connection."] });
      }
      if (ticket === asked) result.removeAttribute("aria-busy");
    }

    function countSoon() {
      if (!url) return;
      clearTimeout(timer);
      timer = setTimeout(count, WAIT);
    }

    box.addEventListener("input", countSoon);
    box.addEventListener("change", countSoon);
    if (url) count();
  }

  document.querySelectorAll("[data-rule]").forEach(start);
})();
