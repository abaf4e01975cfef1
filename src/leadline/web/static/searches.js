// Searches that go on: the page is renewed when trials have ended, and not more often than it can be read.
"use strict";
(() => {
  const part = document.querySelector("[data-events]");
  const LEAST = 2000;
  let last = 0;
  let planned = null;

  const renew = () => {
    planned = null;
    last = Date.now();
    const path = part.id === "body" ? part.dataset.address + location.search : part.dataset.address;
    htmx.ajax("GET", path, { target: `#${part.id}`, swap: "innerHTML" });
  };
  const events = new EventSource(part.dataset.events);
  events.addEventListener("changed", () => {
    if (planned === null) planned = setTimeout(renew, Math.max(0, last + LEAST - Date.now()));
  });
  addEventListener("pagehide", () => events.close());
})();
