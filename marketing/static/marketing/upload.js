// Sends a file and shows how far it is; what is too large is said before a byte of it travels.
(() => {
  "use strict";

  function follow(form) {
    const problem = form.querySelector("[data-upload-problem]");
    const bar = form.querySelector("[data-upload-bar]");
    const button = form.querySelector("[data-upload-button]");

    function refuse(sentence) {
      problem.textContent = sentence;
      problem.hidden = false;
      bar.hidden = true;
      button.disabled = false;
      button.textContent = "Upload";
    }

    function answered(request) {
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {} // an error page: said below
      if (answer.next) window.location.assign(answer.next);
      else refuse(answer.problem || `The server did not take the file (${request.status}). Try again.`);
    }

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const file = form.elements.file.files[0];
      if (file && file.size > Number(form.dataset.mostBytes)) return refuse(form.dataset.tooLarge);
      const request = new XMLHttpRequest();
      request.open("POST", window.location.href);
      request.setRequestHeader("Accept", "application/json");
      request.upload.addEventListener("progress", (sent) => {
        bar.firstElementChild.style.width = `${(100 * sent.loaded) / sent.total}%`;
        button.textContent = sent.loaded < sent.total ? `${Math.floor((100 * sent.loaded) / sent.total)} %` : "Reading …";
      });
      request.addEventListener("load", () => answered(request));
      request.addEventListener("error", () => refuse("The connection broke. Try again."));
      problem.hidden = true;
      bar.hidden = false;
      bar.firstElementChild.style.width = "0";
      button.disabled = true;
      request.send(new FormData(form));
    });
  }

  document.querySelectorAll("[data-upload]").forEach(follow);
})();
