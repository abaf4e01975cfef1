// Reviewing labels: one verdict after the other, by key or button; every one is saved before the next label appears.
"use strict";
(() => {
  const page = document.getElementById("labels");
  const { address, sets } = page.dataset;
  const review = () => document.getElementById("review");

  const show = (state) => {
    page.innerHTML = state.html;
    htmx.process(page);
    if (state.said) leadline.say(state.said);
    if (state.row !== null) history.replaceState(null, "", `?${sets ? `sets=${sets}&` : ""}row=${state.row}`);
    document.getElementById("question")?.focus({ preventScroll: true });
  };
  const act = (path, fields = {}) => leadline.act(`${address}/${path}`, { sets, ...fields }, show);

  /* A verdict is about the label that was on the page when the key was pressed, and about each label once. */
  let judged = null;
  const say = (verdict, name) => {
    const row = review()?.dataset.row;
    if (!row || judged === review()) return;
    judged = review();
    act("verdict", name === undefined ? { row, verdict } : { row, verdict, new: name }).then(() => { judged = null; });
  };

  const go = async (row) => {
    if (row === undefined) return;
    try {
      const response = await fetch(`${address}/item?${new URLSearchParams({ row, sets })}`);
      if (!response.ok) throw new Error(await response.text());
      show(await response.json());
    } catch (error) {
      leadline.say(error.message, "error");
    }
  };
  const step = (by) => {
    const all = [...page.querySelectorAll(".strip button")];
    const at = all.findIndex((button) => button.getAttribute("aria-current") === "true");
    go(all[at + by]?.dataset.row);
  };

  const KEYS = { y: () => say("keep"), Enter: () => say("keep"), s: () => say("unsure"), u: () => act("undo"),
    j: () => step(1), ArrowRight: () => step(1), k: () => step(-1), ArrowLeft: () => step(-1), "?": leadline.help };
  leadline.onKeys((key, event) => {
    if (!review() || event.repeat) return null;
    if (key === "Enter" && event.target.closest("button, a")) return null;
    if (key === "c") { const field = document.getElementById("new-class"); return field && (() => field.focus()); }
    if (key in KEYS) return KEYS[key];
    const button = /^[0-9]$/.test(key) && page.querySelector(`[data-new][aria-keyshortcuts="${key}"]`);
    return button ? () => say("change", button.dataset.new) : null;
  });

  page.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { act: action, verdict, row } = button.dataset;
    if (action) act(action);
    else if (verdict) say(verdict, button.dataset.new);
    else if (row) go(row);
    else if ("help" in button.dataset) leadline.help();
  });
  page.addEventListener("submit", (event) => {
    event.preventDefault();
    const field = document.getElementById("new-class");
    if (field.value) say("change", field.value);
  });
})();
