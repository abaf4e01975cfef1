// Looking through mistakes: a frame that moves, causes ticked by key, the table of causes renewed after each.
"use strict";
(() => {
  const review = document.getElementById("review");
  if (!review) return;
  const [panel, grid, toolbar] = ["panel", "grid", "toolbar"].map((id) => document.getElementById(id));
  const { address } = review.dataset;
  const cards = () => [...grid.querySelectorAll(".mistake")];
  let current = null;

  const causesOf = (card) => [...card.querySelectorAll(".chip:not(.none)")].map((chip) => chip.textContent);

  const choose = (card, focus = true) => {
    if (!card) return;
    if (current) { current.tabIndex = -1; current.removeAttribute("aria-current"); }
    current = card;
    card.tabIndex = 0;
    card.setAttribute("aria-current", "true");
    if (focus) {
      card.focus({ preventScroll: true });
      card.scrollIntoView({ block: "nearest" });
    }
    mark();
    const all = cards();
    if (all.indexOf(card) > all.length - 12) {
      const more = grid.querySelector("[data-more]");
      if (more) htmx.trigger(more, "more");
    }
  };

  /* The buttons say which causes the framed mistake has. */
  const mark = () => {
    const ticked = current ? causesOf(current) : [];
    for (const button of toolbar.querySelectorAll("[data-cause]")) {
      button.setAttribute("aria-pressed", String(ticked.includes(button.dataset.cause)));
    }
    const none = current !== null && current.classList.contains("examined") && !ticked.length;
    toolbar.querySelector("[data-none]").setAttribute("aria-pressed", String(none));
  };

  const showCauses = (card, causes) => {
    card.classList.toggle("examined", causes !== null);
    const names = causes === null ? [] : causes.length ? causes : ["no cause"];
    card.querySelector(".chips").replaceChildren(...names.map((name) => {
      const chip = document.createElement("span");
      chip.className = causes.length ? "chip" : "chip none";
      chip.textContent = name;
      return chip;
    }));
  };

  const renew = (state) => {
    review.dataset.seen = state.seen;
    panel.innerHTML = state.panel;
    const name = document.getElementById("cause-name");
    const [draft, writing] = [name.value, document.activeElement === name];
    toolbar.innerHTML = state.toolbar;
    document.getElementById("cause-name").value = draft;
    if (writing) document.getElementById("cause-name").focus();
    for (const card of cards()) {
      if (awaited.get(card.dataset.row)) continue;
      if (card.dataset.row in state.rows) showCauses(card, state.rows[card.dataset.row]);
      else if (state.every) showCauses(card, null);
    }
    mark();
    if (state.said) leadline.say(state.said);
    complete();
  };

  /* Where shares take long to work out, they follow when no key was pressed for a moment. */
  let completing = null;
  const complete = () => {
    clearTimeout(completing);
    if (!panel.querySelector("[data-pending]")) return;
    completing = setTimeout(async () => {
      const { seen } = review.dataset;
      try {
        const response = await fetch(`${address}/panel`);
        const text = await response.text();
        if (response.ok && seen === review.dataset.seen) panel.innerHTML = text;
      } catch { /* the next action says that the server does not answer */ }
    }, 400);
  };

  const act = (path, fields = {}) => leadline.act(`${address}/${path}`, fields, renew);

  /* A tick shows at once, so that the next key goes on from it; while answers for its card are awaited, it stays. */
  const awaited = new Map();
  const actOnCard = async (path, fields, causes) => {
    const card = current;
    const { row } = card.dataset;
    awaited.set(row, (awaited.get(row) ?? 0) + 1);
    showCauses(card, causes);
    mark();
    let answered = false;
    await leadline.act(`${address}/${path}`, { row, ...fields }, (state) => {
      answered = true;
      awaited.set(row, awaited.get(row) - 1);
      renew(state);
    });
    if (!answered) {
      awaited.set(row, awaited.get(row) - 1);
      await refresh("");
    }
  };
  const move = (step) => {
    const all = cards();
    choose(current ? all[all.indexOf(current) + step] : all[0]);
  };

  /* The card below or above the current one. */
  const line = (step) => {
    const all = cards();
    if (!current) return choose(all[0]);
    const at = current.getBoundingClientRect();
    const inLine = all.filter((card) => {
      const place = card.getBoundingClientRect();
      return Math.abs(place.left - at.left) < 8 && (place.top - at.top) * step > 0;
    });
    choose(step > 0 ? inLine[0] : inLine.at(-1));
  };

  const tick = (cause) => {
    if (!current) return leadline.say("Choose a mistake first: press j, or click on one.");
    const ticked = causesOf(current);
    const on = !ticked.includes(cause);
    actOnCard("tag", { cause, on: on ? "1" : "0" }, on ? [...ticked, cause] : ticked.filter((name) => name !== cause));
  };
  const none = () => {
    if (!current) return leadline.say("Choose a mistake first: press j, or click on one.");
    const isNone = current.classList.contains("examined") && !causesOf(current).length;
    actOnCard("none", { on: isNone ? "0" : "1" }, isNone ? null : []);
  };
  const undo = () => act("undo");
  const name = () => document.getElementById("cause-name").focus();
  const large = () => {
    if (!current) return;
    const body = document.querySelector("#large .large-body");
    body.replaceChildren(...[...current.cloneNode(true).children]);
    for (const image of body.querySelectorAll("img")) image.loading = "eager";
    for (const more of body.querySelectorAll("details")) more.open = true;
    document.getElementById("large").showModal();
  };

  const KEYS = { j: () => move(1), ArrowRight: () => move(1), k: () => move(-1), ArrowLeft: () => move(-1),
    ArrowDown: () => line(1), ArrowUp: () => line(-1), n: name, 0: none, u: undo, o: large, "?": leadline.help };
  leadline.onKeys((key, event) => {
    if (key in KEYS && !(key.startsWith("Arrow") && !grid.contains(event.target))) return KEYS[key];
    const button = /^[1-9]$/.test(key) && toolbar.querySelector(`[aria-keyshortcuts="${key}"]`);
    return button ? () => tick(button.dataset.cause) : null;
  });

  grid.addEventListener("click", (event) => {
    if (!event.target.closest("summary")) choose(event.target.closest(".mistake"));
  });
  grid.addEventListener("focusin", (event) => {
    const card = event.target.closest(".mistake");
    if (card && card !== current) choose(card, false);
  });
  grid.addEventListener("dblclick", large);
  toolbar.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.cause !== undefined) tick(button.dataset.cause);
    else if (button.dataset.remove !== undefined) act("remove", { cause: button.dataset.remove });
    else if ("none" in button.dataset) none();
    else if ("undo" in button.dataset) undo();
    else if ("help" in button.dataset) leadline.help();
  });
  toolbar.addEventListener("submit", (event) => {
    event.preventDefault();
    const field = document.getElementById("cause-name");
    if (!field.value.trim()) return;
    if (!current) return void leadline.say("Choose a mistake first: press j, or click on one.");
    const cause = field.value;
    field.value = "";
    current.focus({ preventScroll: true });
    act("tag", { row: current.dataset.row, cause, on: "1" });  // the server knows how the name is written
  });
  toolbar.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target.id === "cause-name") { event.target.value = ""; current?.focus(); }
  });
  document.getElementById("filters").addEventListener("change", (event) => event.currentTarget.requestSubmit());

  const refresh = async (seen) => {
    try {
      const response = await fetch(`${address}/state?${new URLSearchParams({ seen })}`);
      if (response.status === 200 && seen === (seen && review.dataset.seen)) renew(await response.json());
    } catch { /* the next action says that the server does not answer */ }
  };
  /* What others did meanwhile, in another tab or on the command line. */
  setInterval(() => { if (!document.hidden) refresh(review.dataset.seen); }, 2500);

  document.getElementById("groups").open = matchMedia("(min-width: 62rem)").matches;
  choose(cards()[0], false);
  complete();
})();
