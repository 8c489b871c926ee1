// How long a line is, what is typed and not saved, and items that are dragged. All works without.
"use strict";

(() => {
  const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;
  const columns = (text) => [...text].reduce((sum, one) => sum + (wide.test(one) ? 2 : 1), 0);

  // The number at the end of a field's hint follows what is typed.
  for (const field of document.querySelectorAll("[data-most]")) {
    const hint = document.getElementById(`${field.id}-hint`);
    if (!hint) continue;
    const most = Number(field.dataset.most);
    const [before, after] = [hint.textContent.slice(0, hint.textContent.search(/\d+\D*$/)), /\d+(\D*)$/.exec(hint.textContent)[1]];
    const count = document.createElement("span");
    hint.replaceChildren(before, count, after);
    const tell = () => {
      count.textContent = String(columns(field.value));
      count.className = columns(field.value) > most ? "over" : "";
    };
    field.addEventListener("input", tell);
    tell();
  }

  // What is typed is kept some seconds later, so that a closed tab loses nothing.
  const form = document.querySelector("form[data-keeps]");
  if (form) {
    const status = form.querySelector("[data-kept]");
    let timer = 0;
    let isSent = false;
    const keep = async () => {
      if (isSent) return;
      const body = new URLSearchParams(new FormData(form));
      body.set("deed", "keep");
      const headers = { "X-Guard": body.get("guard") };
      try {
        const answer = await fetch(form.action, { method: "POST", body, headers });
        if (answer.status === 204 && !isSent) status.textContent = status.dataset.kept;
      } catch { status.textContent = ""; }
    };
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(keep, 1500);
    });
    form.addEventListener("submit", () => { isSent = true; clearTimeout(timer); });
  }

  const orderForm = document.getElementById("order-form");
  const order = document.querySelector("[data-order]");
  if (!orderForm || !order) return;
  let dragged = null;
  const unmark = () => order.querySelectorAll(".is-target").forEach((one) => one.classList.remove("is-target"));
  for (const item of order.querySelectorAll("[data-item]")) item.draggable = true;
  order.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-item]");
    if (!dragged) return;
    dragged.classList.add("is-dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.item);
  });
  order.addEventListener("dragover", (event) => {
    const over = event.target.closest("[data-item]");
    if (!dragged || !over) return;
    event.preventDefault();
    unmark();
    if (over !== dragged) over.classList.add("is-target");
  });
  order.addEventListener("drop", (event) => {
    const over = event.target.closest("[data-item]");
    if (!dragged || !over) return;
    event.preventDefault();
    over.before(dragged);
    const pairs = [...order.querySelectorAll("[data-item]")].map((one) =>
      [Number(one.dataset.item), one.closest("[data-section]").dataset.section]);
    orderForm.elements.order.value = JSON.stringify(pairs);
    orderForm.requestSubmit();
  });
  order.addEventListener("dragend", () => {
    if (dragged) dragged.classList.remove("is-dragged");
    unmark();
    dragged = null;
  });
})();
