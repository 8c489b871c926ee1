// Keys, the sheet of keys, and what is typed and not saved. Every page works without this.
"use strict";

(() => {
  const sheet = document.getElementById("sheet");
  let waitsForRoom = 0;

  const isTyping = (target) =>
    target.closest("input, textarea, select, [contenteditable='true'], [role='textbox']") !== null;

  const visit = (selector) => {
    const link = document.querySelector(selector);
    if (link) link.click();
    return link !== null;
  };

  const save = () => {
    const form = document.querySelector("form[data-saves]");
    if (form) form.requestSubmit();
    return form !== null;
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      if (save()) event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (Date.now() < waitsForRoom) {
      waitsForRoom = 0;
      if (visit(`nav a[data-key="${CSS.escape(event.key)}"]`)) event.preventDefault();
      return;
    }
    if (event.key === "g") waitsForRoom = Date.now() + 1500;
    else if (event.key === "?" && sheet) sheet.showModal();
    else if (event.key === "n") visit("[data-new]");
    else if (event.key === "/") {
      const search = document.querySelector("input[type='search']");
      if (search) {
        event.preventDefault();
        search.focus();
      }
    }
  });

  document.addEventListener("click", (event) => {
    const opens = event.target.closest("[data-sheet]");
    if (opens && sheet) {
      event.preventDefault();
      sheet.showModal();
    }
  });

  // A form that saves warns before its page is left with words in it, until it is sent.
  for (const form of document.querySelectorAll("form[data-saves]")) {
    let isChanged = false;
    form.addEventListener("input", () => { isChanged = true; });
    form.addEventListener("submit", () => { isChanged = false; });
    form.addEventListener("kept", () => { isChanged = false; });
    window.addEventListener("beforeunload", (event) => {
      if (isChanged) event.preventDefault();
    });
  }
})();
