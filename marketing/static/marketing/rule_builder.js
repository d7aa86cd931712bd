// The rule builder's shape: adds, copies, moves, wraps and removes conditions and groups, by mouse and by keyboard.
// The server composes and judges the rule from the same fields that saving posts; nothing here knows the language.
// After every change of shape the builder says `rule:changed`; what was drawn anew is in the event's `detail`.
(() => {
  "use strict";
  const DEEPEST = 12; // as the server has it

  function start(box) {
    const name = box.dataset.rule;
    const blank = (kind) => box.querySelector(`:scope > template[data-blank="${kind}"]`).innerHTML;
    const said = box.querySelector("[data-rule-said]");
    let next = 1000; // above every number the server gave: parts only need to differ

    // -- parts and where they stand ------------------------------------------------------------------------------
    const partOf = (element) => element.closest("[data-part]");
    const groupOf = (part) => part.parentElement.closest("[data-group]");
    const isRow = (part) => "row" in part.dataset;
    const rowsOf = (group) => group.querySelector(":scope > [data-rows]");
    const depthOf = (group) => (group.dataset.group === "0" ? 0 : 1 + depthOf(groupOf(group)));
    const heightOf = (part) => (isRow(part) ? 0 : 1 + Math.max(0, ...[...rowsOf(part).children].map(heightOf)));

    function drawn(html, numbers) {
      const holder = document.createElement("div");
      let filled = html;
      for (const [word, number] of Object.entries(numbers)) {
        filled = filled.replaceAll(`-${word}-`, `-${number}-`).replaceAll(`"${word}"`, `"${number}"`)
          .replaceAll(`-w${word}_`, `-w${number}_`);
      }
      holder.innerHTML = filled;
      return holder.firstElementChild;
    }

    // The names of a part's fields say where it stands: give it numbers of its own, inside that group.
    function renumber(part, group) {
      const number = (next += 1);
      const own = isRow(part) ? part.querySelectorAll("[name]") : part.querySelectorAll(":scope > legend [name]");
      for (const field of own) {
        const pieces = field.name.slice(name.length + 1).split("-");
        field.name = isRow(part)
          ? [name, group.dataset.group, number, ...pieces.slice(2)].join("-")
          : [name, number, ...pieces.slice(1)].join("-");
      }
      if (isRow(part)) { part.dataset.row = number; return; }
      part.dataset.group = number;
      part.querySelector(":scope > legend [data-in]").value = group.dataset.group;
      for (const inner of rowsOf(part).children) renumber(inner, part);
    }

    function changed(part, words) {
      said.textContent = words;
      box.dispatchEvent(new CustomEvent("rule:changed", { detail: part }));
    }

    function focusOn(part) {
      const first = part.querySelector("select:not([type=hidden]), [data-menu] > summary");
      if (first) first.focus();
    }

    // -- what the buttons do -------------------------------------------------------------------------------------
    function put(part, place, words) {
      const group = place.parent.closest("[data-group]");
      if (depthOf(group) + heightOf(part) > DEEPEST) { said.textContent = "Groups cannot stand any deeper."; return; }
      place.parent.insertBefore(part, place.before);
      renumber(part, group);
      if (words) { changed(part, words); focusOn(part); }
    }

    function copyOf(part) {
      const copy = part.cloneNode(true);
      const chosen = copy.querySelectorAll("select");
      part.querySelectorAll("select").forEach((select, index) => { chosen[index].value = select.value; });
      copy.querySelectorAll("[data-made]").forEach((made) => made.remove());
      copy.querySelectorAll("[data-menu]").forEach((menu) => { menu.open = false; });
      return copy;
    }

    function wrap(part) {
      const group = drawn(blank("group"), { GROUP: (next += 1), INSIDE: "0", ROW: (next += 1) });
      if (depthOf(groupOf(part)) + 1 + heightOf(part) > DEEPEST) { said.textContent = "Groups cannot stand any deeper."; return; }
      group.querySelector("[data-match]").value = "any";
      rowsOf(group).replaceChildren();
      part.before(group);
      rowsOf(group).append(part);
      renumber(group, groupOf(group));
      changed(group, "Put into a group of its own.");
      focusOn(group);
    }

    function unwrap(group) {
      const outer = groupOf(group);
      const inner = [...rowsOf(group).children];
      group.replaceWith(...inner);
      for (const part of inner) renumber(part, outer);
      changed(outer, "The group is dissolved; its conditions stand in the one around it.");
      if (inner[0]) focusOn(inner[0]);
    }

    function remove(part) {
      const group = groupOf(part);
      const other = part.nextElementSibling || part.previousElementSibling;
      part.remove();
      changed(null, "Removed.");
      if (other) focusOn(other); else group.querySelector(":scope > .c-rule-add button").focus();
    }

    // One place up or down; conditions go into groups on their way, and out of them at their end.
    function move(part, isDown) {
      const beside = isDown ? part.nextElementSibling : part.previousElementSibling;
      const group = groupOf(part);
      const words = isDown ? "Moved down." : "Moved up.";
      if (beside && isRow(part) && !isRow(beside)) {
        const rows = rowsOf(beside);
        put(part, { parent: rows, before: isDown ? rows.firstElementChild : null }, words);
      } else if (beside) {
        put(part, { parent: part.parentElement, before: isDown ? beside.nextElementSibling : beside }, words);
      } else if (group.dataset.group !== "0") {
        put(part, { parent: group.parentElement, before: isDown ? group.nextElementSibling : group }, words);
      } else {
        said.textContent = isDown ? "It is the last one already." : "It is the first one already.";
      }
    }

    function add(kind, group) {
      const numbers = { GROUP: kind === "row" ? group.dataset.group : (next += 1), INSIDE: group.dataset.group, ROW: (next += 1) };
      const part = drawn(blank(kind), numbers);
      put(part, { parent: rowsOf(group), before: null }, kind === "row" ? "A condition is added." : "A group is added.");
    }

    function addWhere(row) {
      const lines = row.querySelector("[data-wheres]");
      const taken = [...lines.querySelectorAll("[data-property]")].map((field) => Number(field.name.match(/-w(\d+)_/)[1]));
      const group = groupOf(row).dataset.group;
      const line = drawn(blank("where"), { GROUP: group, ROW: row.dataset.row, WHERE: Math.max(-1, ...taken) + 1 });
      lines.append(line);
      changed(line, "Another detail is added.");
      line.querySelector("[data-property]").focus();
    }

    const deeds = {
      "add-row": (button) => add("row", button.closest("[data-group]")),
      "add-group": (button) => add("group", button.closest("[data-group]")),
      "add-where": (button) => addWhere(partOf(button)),
      "remove-where": (button) => { button.closest("[data-where]").remove(); changed(null, "The detail is removed."); },
      up: (button) => move(partOf(button), false),
      down: (button) => move(partOf(button), true),
      copy: (button) => {
        const part = partOf(button);
        put(copyOf(part), { parent: part.parentElement, before: part.nextElementSibling }, "Copied.");
      },
      wrap: (button) => wrap(partOf(button)),
      unwrap: (button) => unwrap(partOf(button)),
      remove: (button) => remove(partOf(button)),
    };

    const closeMenus = (but) => box.querySelectorAll("[data-menu][open]").forEach((menu) => { if (menu !== but) menu.open = false; });

    box.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-do]");
      closeMenus(button ? null : event.target.closest("[data-menu]"));
      if (button) deeds[button.dataset.do](button);
    });
    document.addEventListener("click", (event) => { if (!box.contains(event.target)) closeMenus(); });

    box.addEventListener("keydown", (event) => {
      const part = partOf(event.target);
      if (event.key === "Escape") {
        const menu = event.target.closest("[data-menu][open]");
        if (menu) { menu.open = false; menu.firstElementChild.focus(); }
      } else if (part && part.dataset.group !== "0" && event.altKey && ["ArrowUp", "ArrowDown"].includes(event.key)) {
        event.preventDefault();
        move(part, event.key === "ArrowDown");
      }
    });
  }

  document.querySelectorAll("[data-rule]").forEach(start);
})();
