// The preview beside a template's editor. The server renders; this sends what is written and shows the answer.
(() => {
  "use strict";
  const panel = document.querySelector("[data-preview]");
  const form = document.getElementById("template_form");
  if (!panel || !form) return;
  const WAIT = 400; // ms of quiet before rendering
  let timer = 0;
  let asked = 0;

  async function render() {
    const ticket = (asked += 1);
    const body = new URLSearchParams();
    for (const [key, value] of new FormData(form)) if (typeof value === "string") body.append(key, value);
    body.append("channel", panel.dataset.channel);
    for (const [key, value] of new FormData(panel.querySelector("[data-pane-ask]"))) body.append(key, value);
    body.set("find", ""); // whoever was found is chosen by now
    body.append("template_key", panel.dataset.key);
    try {
      const response = await fetch(panel.dataset.url, { method: "POST", body });
      const answer = response.ok && !response.redirected
        ? await response.json() : { problems: [{ field: "", message: "The preview failed. Sign in again if this goes on." }] };
      if (ticket !== asked) return;
      panel.show(answer);
      for (const [name, text] of Object.entries(answer.unsaid || {})) {
        if (form.elements[name]) form.elements[name].placeholder = text;
      }
      form.dispatchEvent(new CustomEvent("previewed", { detail: answer }));
    } catch {
      if (ticket === asked) panel.show({ problems: [{ field: "", message: "No answer from the server: check your connection." }] });
    }
  }

  // -- the checks before launch: each with its weight, place and cure ---------------------------------------------
  const checks = document.querySelector("[data-findings]");
  const WEIGHTS = { error: ["c-bad", "must be right"], warning: ["c-warn", "warning"], hint: ["", "hint"] };
  const made = (name, className, ...inside) => {
    const element = Object.assign(document.createElement(name), { className });
    element.append(...inside);
    return element;
  };
  const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

  function tell(findings) {
    checks.hidden = !findings.length;
    checks.querySelector("[data-findings-list]").replaceChildren(...findings.map((each) => {
      const [tone, word] = WEIGHTS[each.severity];
      const place = each.line ? `${each.field}, line ${each.line}` : each.field;
      const said = made("p", "", `${sentence(each.message)} `, made("span", "c-quiet", sentence(each.cure)));
      return made("li", `c-finding c-${each.severity}`, made("span", `c-badge ${tone}`, word),
        made("div", "", said, made("p", "c-quiet c-place", place)));
    }));
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(render, WAIT);
  });
  panel.addEventListener("asked", render);
  const begun = form.elements.html || form.elements.payload || form.elements.text; // with a ready-made one, or to be counted
  const shown = panel.querySelector("[data-preview-subject]")?.textContent;
  if ((begun?.value || form.elements.base?.value) && (panel.dataset.channel !== "email" || !shown)) render();

  // -- pasting from another platform -----------------------------------------------------------------------------
  const paste = document.querySelector("[data-convert]");
  const piece = (name) => paste?.querySelector(`[data-convert-${name}]`);

  async function convert() {
    const token = form.elements.csrfmiddlewaretoken.value;
    const body = new URLSearchParams({ source: piece("source").value, csrfmiddlewaretoken: token });
    piece("problems").replaceChildren();
    try {
      const response = await fetch(paste.dataset.url, { method: "POST", body });
      if (!response.ok || response.redirected) throw new Error("refused");
      const { source, problems } = await response.json();
      const into = form.elements[piece("into").value];
      into.value = into.tagName === "INPUT" ? source.replace(/\s+/g, " ").trim() : source;
      into.dispatchEvent(new Event("input", { bubbles: true }));
      piece("problems").replaceChildren(...problems.map(({ field, message }) =>
        Object.assign(document.createElement("li"), { textContent: `${field}: ${message}` })));
      piece("status").textContent = problems.length
        ? `Converted, but for ${problems.length} ${problems.length === 1 ? "piece" : "pieces"}, left as it was.` : "Converted.";
    } catch {
      piece("status").textContent = "The conversion failed. Sign in again if this goes on.";
    }
  }

  piece("go")?.addEventListener("click", convert);

  // -- inserting variables ---------------------------------------------------------------------------------------
  const takes = "textarea, input[type=text], input:not([type])";
  let writing = begun || form.querySelector("[data-fill] textarea");
  form.addEventListener("focusin", (event) => {
    if (event.target.matches(takes) && !["name", "key", "change_reason"].includes(event.target.name)) writing = event.target;
  });
  document.addEventListener("click", (event) => {
    const text = event.target.dataset?.insert;
    if (!text) return;
    writing.setRangeText(text, writing.selectionStart, writing.selectionEnd, "end");
    writing.focus();
    writing.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
