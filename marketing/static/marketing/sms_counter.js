// Below an SMS's text: what keeps it out of the 7-bit alphabet, and a button for each that could be written otherwise.
(() => {
  "use strict";
  const form = document.getElementById("template_form");
  const text = form?.querySelector("[data-sms]");
  if (!text) return;
  const made = (tag, properties, ...inner) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...inner);
    return element;
  };
  const counter = made("div", { className: "c-counter", role: "status" });
  text.after(counter);

  function replace(char, instead) {
    text.value = text.value.replaceAll(char, instead);
    text.focus();
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function mark({ char, shown, instead }) {
    if (instead === null) return made("span", { className: "c-chip c-foreign" }, shown);
    const button = made("button", { type: "button", className: "c-chip c-foreign", title: "Write it so everywhere in this text" }, `${shown} → ${instead || "nothing"}`);
    button.addEventListener("click", () => replace(char, instead));
    return button;
  }

  form.addEventListener("previewed", ({ detail: { note, problems, counted } }) => {
    if (!counted) return;
    const said = problems.length ? [] : [made("p", {}, note)];
    const cure = "Outside the 7-bit alphabet, so a part holds 70 characters instead of 160: ";
    const foreign = counted.foreign.length ? [made("p", {}, cure, ...counted.foreign.map(mark))] : [];
    counter.replaceChildren(...said, ...foreign);
  });
})();
