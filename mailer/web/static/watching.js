// A digest as it goes: told by a stream, or asked for where there is none. Loads the page anew
// when something else can be done with it.
"use strict";

(() => {
  const live = document.getElementById("live");
  if (!live) return;
  const { events, part, state } = live.dataset;
  let source = null;
  let timer = 0;

  // A form in which somebody types is not taken from them.
  const isBusy = () =>
    Array.from(document.querySelectorAll("main form input:not([type='hidden']), main form textarea"))
      .some((field) => field.value !== field.defaultValue);

  const over = () => {
    stop();
    if (!isBusy()) location.reload();
    else document.getElementById("changed").hidden = false;
  };

  const show = (html) => {
    if (live.contains(document.activeElement)) return;
    const open = Array.from(live.querySelectorAll("details[open]"), (one) => one.id);
    live.innerHTML = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    document.title = live.querySelector("[data-title]")?.dataset.title ?? document.title;
  };

  const stop = () => {
    if (source) source.close();
    source = null;
    window.clearTimeout(timer);
  };

  const ask = async () => {
    try {
      const answer = await fetch(part, { credentials: "same-origin" });
      if (answer.redirected || answer.headers.get("X-State") !== state) { over(); return; }
      show(await answer.text());
    } catch {
      // The network may be back at the next time.
    }
    timer = window.setTimeout(ask, 5000);
  };

  const listen = () => {
    stop();
    source = new EventSource(events);
    source.addEventListener("look", (event) => show(event.data));
    source.addEventListener("over", over);
    source.addEventListener("error", () => {
      if (source && source.readyState === EventSource.CLOSED) { stop(); timer = window.setTimeout(ask, 5000); }
    });
  };

  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); else listen(); });
  window.addEventListener("pagehide", stop);
  if (!document.hidden) listen();
})();
