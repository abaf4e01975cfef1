// The table of runs: what is selected stays selected over searches and pages, and running runs move.
"use strict";
(() => {
  const listing = document.getElementById("listing");
  const bar = document.getElementById("selection");
  const key = "selected runs";
  const selected = new Set(JSON.parse(sessionStorage.getItem(key) ?? "[]"));

  const show = () => {
    sessionStorage.setItem(key, JSON.stringify([...selected]));
    for (const box of listing.querySelectorAll("input[name=run]")) box.checked = selected.has(box.value);
    bar.hidden = selected.size === 0;
    bar.querySelector("[data-count]").textContent = selected.size;
    bar.querySelector("[data-names]").textContent = [...selected].join(", ");
    const compare = bar.querySelector("[data-compare]");
    compare.href = `/compare?${new URLSearchParams([...selected].map((name) => ["run", name]))}`;
    compare.hidden = selected.size < 2;
  };
  const refresh = () => {
    const path = listing.querySelector("[data-address]").dataset.address;
    htmx.ajax("GET", path, { target: "#listing", swap: "innerHTML" });
  };

  listing.addEventListener("change", (event) => {
    if (event.target.name !== "run") return;
    if (event.target.checked) selected.add(event.target.value);
    else selected.delete(event.target.value);
    show();
  });
  bar.querySelector("[data-clear]").addEventListener("click", () => { selected.clear(); show(); });
  document.addEventListener("htmx:afterSettle", show);
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.path !== "/tags") return;
    for (const name of selected) event.detail.formData.append("run", name);
  });
  document.addEventListener("runs-changed", refresh);

  const progress = ({ run, epoch, dev }) => {
    const row = [...listing.querySelectorAll("tr[data-run]")].find((line) => line.dataset.run === run);
    if (!row || !epoch) return;
    row.querySelector("[data-epoch]").textContent = epoch;
    if (!dev) return;
    const note = Object.assign(document.createElement("small"), { className: "muted", textContent: "so far" });
    row.querySelector("[data-dev]").replaceChildren(dev, note);
  };
  const events = () => `${listing.dataset.events}?seen=${listing.querySelector("[data-address]").dataset.state}`;
  leadline.listen(events, { changed: refresh, progress });
  show();
})();
