// Writing an item: rich text, kept while it is typed, seen as it will stand, files dropped into it.
// Without this the form has a field of Markdown and buttons.
"use strict";

(() => {
  const form = document.querySelector("form[data-typing]");
  if (!form) return;

  const signs = document.getElementById("signs").dataset;
  const kept = document.getElementById("kept");
  const looks = document.getElementById("looks");
  const guard = form.elements.guard.value;
  const AFTER_TYPING = 1200;

  const send = (url, body, more = {}) =>
    fetch(url, { method: "POST", body, headers: { "X-Guard": guard, "HX-Request": "true" }, ...more });

  // --- what is typed is kept -------------------------------------------------------------

  let timer = 0;
  let under_way = null;

  const typed = () => {
    const fields = new FormData(form);
    for (const name of ["photo", "camera", "paper"]) fields.delete(name);
    return fields;
  };

  const keep = async (more) => {
    clearTimeout(timer);
    timer = 0;
    try {
      const answer = await send(form.dataset.typing, typed(), more);
      if (!answer.ok) throw new Error(answer.status);
      looks.innerHTML = await answer.text();
      kept.textContent = looks.firstElementChild.dataset.kept;
      if (!timer) form.dispatchEvent(new Event("kept"));
    } catch {
      kept.textContent = signs.broken;
    }
  };

  form.addEventListener("input", (event) => {
    if (event.target.type === "file") return;
    clearTimeout(timer);
    kept.textContent = signs.waits;
    timer = setTimeout(() => { under_way = keep(); }, AFTER_TYPING);
  });

  document.addEventListener("visibilitychange", () => {
    if (document.hidden && timer) under_way = keep({ keepalive: true });
  });

  // What is kept must not arrive after what is saved.
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    timer = 0;
    if (!under_way) return;
    event.preventDefault();
    const waited = under_way;
    under_way = null;
    waited.finally(() => form.requestSubmit(event.submitter));
  });

  const look = document.getElementById("look");
  look.parentElement.hidden = true;

  // --- files -----------------------------------------------------------------------------

  const add = (input) => {
    const button = input.closest("fieldset").querySelector("button[value='add']");
    form.requestSubmit(button);
  };

  for (const box of form.querySelectorAll("fieldset.drop")) {
    const input = box.querySelector("input[type='file']");
    box.addEventListener("dragover", (event) => {
      event.preventDefault();
      box.classList.add("over");
    });
    box.addEventListener("dragleave", () => box.classList.remove("over"));
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      box.classList.remove("over");
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      add(input);
    });
    for (const one of box.querySelectorAll("input[type='file']")) {
      one.addEventListener("change", () => { if (one.files.length) add(one); });
    }
  }

  // --- rich text --------------------------------------------------------------------------

  const box = document.getElementById("words");
  const rich = document.getElementById("rich");
  const root = document.getElementById("rich-words");
  const plain = box.querySelector(".field");
  const source = form.elements.body;
  const switches = box.querySelector(".switch");
  const MODE = "mailer-words";

  // What comes in was made clean by the server; the policy of the page runs no script in it.
  const fragment = (html) => {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    const made = document.createDocumentFragment();
    made.append(...parsed.body.childNodes);
    return document.importNode(made, true);
  };

  const first = root.innerHTML;
  const editor = new Squire(root, {
    blockTag: "P",
    sanitizeToDOMFragment: fragment,
    addLinks: false,
    didError: () => {},
  });
  // A space at the edge of a word in bold is typed as one that keeps lines together.
  const written = () => editor.getHTML().replace(/(?<!«)&nbsp;(?=<|&nbsp;| )/g, " ");

  let before = "";
  const set = (html) => {
    editor.setHTML(html);
    before = written();
  };
  set(first);
  editor.setKeyHandler("Tab", null);
  editor.setKeyHandler("Shift-Tab", null);

  const put = async (deed, words) => {
    const fields = new FormData();
    fields.set("deed", deed);
    fields.set("words", words);
    const answer = await send(form.dataset.words, fields);
    if (!answer.ok) throw new Error(answer.status);
    return answer.text();
  };

  editor.addEventListener("input", () => {
    const now = written();
    if (now === before) return;
    before = now;
    form.elements.rich.value = "yes";
    form.elements.body_html.value = now;
    form.dispatchEvent(new Event("input", { bubbles: true }));
  });

  const show = (mode) => {
    const is_rich = mode === "rich";
    rich.hidden = !is_rich;
    plain.hidden = is_rich;
    switches.hidden = false;
    for (const one of switches.children) one.hidden = (one.dataset.switch === "rich") === is_rich;
  };

  const turn = async (mode) => {
    if (mode === "rich") {
      set(await put("html", source.value));
    } else if (form.elements.rich.value) {
      source.value = await put("markdown", written());
    }
    form.elements.rich.value = "";
    localStorage.setItem(MODE, mode);
    show(mode);
    (mode === "rich" ? root : source).focus();
  };

  for (const one of switches.children) {
    one.addEventListener("click", () => {
      turn(one.dataset.switch).catch(() => { kept.textContent = signs.broken; });
    });
  }
  show(localStorage.getItem(MODE) === "markdown" ? "markdown" : "rich");

  // --- what is pasted ---------------------------------------------------------------------

  rich.addEventListener("paste", async (event) => {
    const html = event.clipboardData.getData("text/html");
    if (!html) return;
    event.preventDefault();
    event.stopPropagation();
    const text = event.clipboardData.getData("text/plain");
    try {
      editor.insertHTML(await put("paste", html));
    } catch (error) {
      kept.textContent = error.message === "413" ? signs.tooMuch : signs.broken;
      if (text && error.message !== "413") editor.insertPlainText(text);
    }
  }, true);

  editor.addEventListener("pasteImage", (event) => {
    const files = event.detail.clipboardData.files;
    const input = document.getElementById("photo-file");
    if (!files.length) return;
    input.files = files;
    add(input);
  });

  // --- the bar ----------------------------------------------------------------------------

  const heads = (tag) => () => {
    const is_one = editor.hasFormat(tag);
    editor.modifyBlocks((made) => {
      for (const old of [...made.querySelectorAll("p, div, h1, h2, h3, h4, h5, h6")]) {
        if (old.closest("li, td, th, blockquote")) continue;
        const block = document.createElement(is_one ? "p" : tag);
        block.append(...old.childNodes);
        old.replaceWith(block);
      }
      return made;
    });
  };
  const toggle = (tag, on, off) => () => (editor.hasFormat(tag) ? off() : on());

  const sheet = document.getElementById("link-sheet");
  const address = document.getElementById("link-address");
  const link = () => {
    const at = editor.getSelection();
    const inside = at.startContainer.parentElement.closest("a");
    address.value = inside ? inside.href : "";
    sheet.returnValue = "";
    sheet.showModal();
    sheet.addEventListener("close", () => {
      editor.focus();
      editor.setSelection(at);
      const target = address.value.trim();
      if (sheet.returnValue === "off") editor.removeLink();
      if (sheet.returnValue !== "set" || !target) return;
      editor.makeLink(/^(?:https?:|mailto:|tel:)/i.test(target) ? target : `https://${target}`);
    }, { once: true });
  };

  const row = (tag) => `<tr>${`<${tag}><br></${tag}>`.repeat(3)}</tr>`;
  const table = `<table data-new><tbody>${row("th")}${row("td")}${row("td")}</tbody></table><p><br></p>`;

  const tabulate = () => {
    editor.insertHTML(table);
    const made = root.querySelector("table[data-new]");
    made.removeAttribute("data-new");
    const at = document.createRange();
    at.setStart(made.querySelector("th"), 0);
    editor.setSelection(at);
  };

  const deeds = {
    bold: toggle("B", () => editor.bold(), () => editor.removeBold()),
    italic: toggle("I", () => editor.italic(), () => editor.removeItalic()),
    heading: heads("h3"),
    subheading: heads("h4"),
    points: toggle("UL", () => editor.makeUnorderedList(), () => editor.removeList()),
    numbers: toggle("OL", () => editor.makeOrderedList(), () => editor.removeList()),
    quote: toggle("BLOCKQUOTE", () => editor.increaseQuoteLevel(), () => editor.decreaseQuoteLevel()),
    link,
    table: tabulate,
    undo: () => editor.undo(),
    redo: () => editor.redo(),
  };

  const bar = rich.querySelector("[role='toolbar']");
  const tools = [...bar.querySelectorAll("button")];
  bar.addEventListener("mousedown", (event) => event.preventDefault());
  bar.addEventListener("click", (event) => {
    const tool = event.target.closest("[data-do]");
    if (!tool) return;
    deeds[tool.dataset.do]();
    if (tool.dataset.do !== "link") editor.focus();
  });
  bar.addEventListener("keydown", (event) => {
    const at = tools.indexOf(document.activeElement);
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: tools.length - 1 - at };
    if (at < 0 || !(event.key in steps)) return;
    event.preventDefault();
    const next = tools[(at + steps[event.key] + tools.length) % tools.length];
    for (const tool of tools) tool.tabIndex = tool === next ? 0 : -1;
    next.focus();
  });
  editor.setKeyHandler(/Mac/.test(navigator.platform) ? "Meta-k" : "Ctrl-k", (self, event) => {
    event.preventDefault();
    link();
  });

  const STATES = { bold: "B", italic: "I", heading: "H3", subheading: "H4", points: "UL", numbers: "OL", quote: "BLOCKQUOTE", link: "A" };
  editor.addEventListener("pathChange", () => {
    for (const tool of tools) {
      const tag = STATES[tool.dataset.do];
      if (tag) tool.setAttribute("aria-pressed", String(editor.hasFormat(tag)));
    }
  });
})();
