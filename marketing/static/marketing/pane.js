// The preview: ways of looking at a message, and as whom. The server renders; frames here have no rights.
(() => {
  "use strict";
  const WAIT = 250; // ms of quiet before customers are looked for
  const COPIES = { dark: "dark", changes: "outlined" };
  const made = (tag, properties) => Object.assign(document.createElement(tag), properties);

  function setUpPane(pane) {
    const part = (name) => pane.querySelector(`[data-${name}]`);
    const frame = pane.querySelector("iframe");

    function look() {
      const way = pane.querySelector(".c-pane-tabs input:checked")?.value;
      const wanted = frame?.dataset[COPIES[way] || "light"];
      if (frame && frame.srcdoc !== wanted) frame.srcdoc = wanted;
    }

    function differs(differences) {
      const tab = part("pane-changes");
      tab.hidden = !differences.length;
      if (tab.hidden && tab.firstElementChild.checked) pane.querySelector("input[value=desktop]").checked = true;
      const list = made("dl", { className: "c-facts" });
      for (const { label, here, below, whose } of differences) {
        const said = made("dd", {});
        const instead = below ? ` instead of ${below}${whose ? ` (${whose})` : ""}` : "";
        said.append(made("span", { textContent: here, dir: "auto" }), made("span", { className: "c-quiet", textContent: instead }));
        list.append(made("dt", { textContent: label }), said);
      }
      part("pane-differs").replaceChildren(...(differences.length ? [list] : []));
    }

    pane.show = (answer) => {
      const problems = answer.problems.map(({ field, message }) =>
        made("li", { textContent: field ? `${field}: ${message}` : message }));
      part("preview-problems").replaceChildren(...problems);
      pane.classList.toggle("c-stale", problems.length > 0);
      if (problems.length) return; // the last good preview stays, greyed
      const texts = { "pane-sender": "sender", "preview-subject": "subject", "pane-preheader": "preheader", "preview-text": "text", "pane-said": "note" };
      for (const [place, name] of Object.entries(texts)) {
        if (part(place)) part(place).textContent = answer[name];
      }
      if (!frame) return;
      Object.assign(frame.dataset, { light: answer.html, dark: answer.dark, outlined: answer.outlined });
      part("pane-note").hidden = answer.has_dark;
      part("pane-attached").hidden = !answer.attached?.length;
      part("pane-attached").replaceChildren(...(answer.attached || []).map((text) => made("li", { textContent: text })));
      part("pane-left-out").hidden = !answer.left_out?.length;
      part("pane-left-out").querySelector("ul").replaceChildren(
        ...(answer.left_out || []).map((text) => made("li", { textContent: text })));
      differs(answer.differences);
      look();
    };

    pane.querySelectorAll("[data-pane-scripted]").forEach((tab) => { tab.hidden = false; });
    part("pane-differs")?.classList.add("c-pane-tabbed");
    pane.querySelector(".c-pane-tabs")?.addEventListener("change", look);
    look(); // the browser may remember another tab
  }

  function setUpAsk(ask) {
    const part = (name) => ask.querySelector(`[data-pane-${name}]`);
    const find = part("find");
    const pane = ask.closest("[data-preview]");
    const again = () => pane ? pane.dispatchEvent(new Event("asked")) : ask.submit();
    let timer = 0;

    async function look() {
      const typed = find.value.trim();
      if (!typed) return;
      const response = await fetch(`${find.dataset.url}?${new URLSearchParams({ find: typed })}`).catch(() => null);
      if (!response?.ok || response.redirected || typed !== find.value.trim()) return;
      const { found } = await response.json();
      part("found").textContent = found.length ? "" : `Nobody’s name or address begins with “${typed}”.`;
      if (!found.length) return;
      part("customers").replaceChildren(...found.map(({ value, label }) => new Option(label, value)));
      part("as").value = found[0].value;
      if (pane) again();
    }

    part("go").hidden = Boolean(pane);
    ask.addEventListener("submit", (event) => {
      if (!pane) return;
      event.preventDefault();
      look();
    });
    ask.addEventListener("change", (event) => {
      if (event.target.tagName !== "SELECT") return;
      find.value = "";
      again();
    });
    find.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(look, WAIT);
    });
  }

  document.querySelectorAll("[data-pane]").forEach(setUpPane);
  document.querySelectorAll("[data-pane-ask]").forEach(setUpAsk);
})();
