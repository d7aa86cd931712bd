// The rule builder's answer: who matches as the rule is written, whom a message would reach, and what is wrong where.
(() => {
  "use strict";
  const WAIT = 350; // ms of quiet before counting
  const SLOW = 1; // seconds from which the time it took is told
  const noun = (count) => (count === 1 ? "customer" : "customers");
  const make = (tag, className = "", text = "") => Object.assign(document.createElement(tag), { className, textContent: text });

  function start(box) {
    const url = box.dataset.countUrl;
    const result = box.querySelector("[data-rule-result]");
    const part = (key) => result.querySelector(`[data-rule-${key}]`);
    let timer = 0;
    let asked = 0;
    let running = null;
    if (!url) return;

    // -- what is wrong, at the condition that it is about ----------------------------------------------------------
    const rowAt = (at) => {
      const [group, row] = at.split("-");
      return box.querySelector(`[data-group="${group}"] > [data-rows] > [data-row="${row}"]`);
    };

    function tell(errors) {
      box.querySelectorAll("[data-row] > .c-error").forEach((said) => said.remove());
      box.querySelectorAll(".c-rule-row.c-has-error").forEach((row) => row.classList.remove("c-has-error"));
      const elsewhere = [];
      for (const error of errors) {
        const row = error.at && rowAt(error.at);
        if (!row) { elsewhere.push(error.message); continue; }
        if (error.code === "incomplete" && row.contains(document.activeElement)) continue; // it is being written
        row.classList.add("c-has-error");
        row.append(make("p", "c-error", error.message));
      }
      return elsewhere;
    }

    // -- the answer ----------------------------------------------------------------------------------------------
    function waterfall(channel, total) {
      const table = make("table", "c-table c-waterfall");
      table.append(make("caption", "", channel.title));
      const body = table.appendChild(make("tbody"));
      let left = 0;
      const line = (label, count, className, sign = "", title = "") => {
        const row = body.appendChild(make("tr", className === "c-in" ? "c-total" : ""));
        const head = row.appendChild(make("th", "", label));
        Object.assign(head, { scope: "row", title });
        const bar = row.appendChild(make("td", "c-track")).appendChild(make("span", `c-fill ${className}`));
        bar.style.width = total ? `${(100 * count) / total}%` : "0";
        if (className === "c-out") bar.style.marginLeft = total ? `${left}%` : "0";
        row.append(make("td", "c-end c-figure", `${sign}${count.toLocaleString()}`));
      };
      left = 100;
      for (const each of channel.excluded) {
        left -= total ? (100 * each.count) / total : 0;
        line(each.label, each.count, "c-out", "−", each.said);
      }
      line(channel.label, channel.included, "c-in");
      return table;
    }

    function person(each) {
      const item = make("li");
      const link = item.appendChild(make("a", "c-link", each.name));
      link.href = each.url;
      if (each.place) item.append(` ${each.place}`);
      return item;
    }

    function show(answer) {
      const errors = answer.errors || [];
      const elsewhere = tell(errors);
      result.hidden = false;
      result.classList.toggle("c-has-error", elsewhere.length > 0);
      result.classList.toggle("c-stale", errors.length > 0);
      const unfinished = errors.length && !elsewhere.length ? ["Finish the conditions to see who matches."] : [];
      part("errors").replaceChildren(...[...elsewhere, ...unfinished].map((text) => make("li", unfinished.length ? "c-quiet" : "", text)));
      if (errors.length) {
        if (elsewhere.length) {
          for (const key of ["channels", "sample", "sentence"]) part(key).replaceChildren();
          part("examples").hidden = true;
        }
        part("count").parentElement.hidden = true;
        return;
      }
      part("count").parentElement.hidden = false;
      part("count").textContent = answer.count.toLocaleString();
      part("noun").textContent = noun(answer.count);
      part("took").textContent = answer.seconds > SLOW ? `counted in ${answer.seconds.toFixed(1)} s` : "";
      part("sentence").textContent = answer.sentence;
      part("channels").replaceChildren(...(answer.count ? answer.channels : []).map((channel) => waterfall(channel, answer.count)));
      part("examples").hidden = answer.sample.length === 0;
      part("sample").replaceChildren(...answer.sample.map(person));
    }

    async function ask(signal) {
      const body = new URLSearchParams();
      body.append("csrfmiddlewaretoken", box.closest("form").elements.csrfmiddlewaretoken.value);
      for (const field of box.querySelectorAll("[name]")) { // also where the form is only looked at, and switched off
        if (!field.closest("[data-panel]")?.disabled) body.append(field.name, field.value);
      }
      const response = await fetch(url, { method: "POST", body, signal, headers: { Accept: "application/json" } });
      if (!response.ok || response.redirected) return { errors: [{ message: "The count failed. Sign in again if this goes on." }] };
      return response.json();
    }

    async function count() {
      const ticket = (asked += 1);
      if (running) running.abort();
      running = new AbortController();
      result.setAttribute("aria-busy", "true");
      let answer;
      try {
        answer = await ask(running.signal);
      } catch {
        answer = { errors: [{ message: "No answer from the server: check your connection." }] };
      }
      if (ticket !== asked) return; // stale: a later question is on its way
      result.removeAttribute("aria-busy");
      show(answer);
    }

    function countSoon() {
      clearTimeout(timer);
      timer = setTimeout(count, WAIT);
    }

    box.addEventListener("input", countSoon);
    box.addEventListener("change", countSoon);
    box.addEventListener("rule:changed", countSoon);
    box.addEventListener("focusout", () => { if (box.querySelector(".c-rule-result.c-stale")) countSoon(); });
    count();
  }

  document.querySelectorAll("[data-rule]").forEach(start);
})();
