// What the pages of the application share: figures in parts that arrive later, and errors as lines that pass.
"use strict";
(() => {
  /* Plotly sets a few style attributes (sharp pixels of heat maps), which the policy forbids; properties it allows. */
  SVGElement.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else Element.prototype.setAttribute.call(this, name, value);
  };

  const toasts = document.getElementById("toasts");

  const say = (text, kind = "note") => {
    const line = document.createElement("p");
    line.className = `toast ${kind}`;
    line.textContent = text;
    toasts.append(line);
    setTimeout(() => line.remove(), kind === "error" ? 10000 : 4000);
  };

  /* Posts fields as a form does, with the page's own secret; answers with the response or throws its text. */
  const post = async (path, fields = {}) => {
    const response = await fetch(path, {
      method: "POST",
      headers: { "X-CSRF-Token": document.body.dataset.csrf },
      body: new URLSearchParams(fields),
    });
    if (!response.ok) throw new Error((await response.text()).trim());
    return response;
  };

  /* Listens to the server's events while the page can be seen: a browser allows a server six connections, which as many
     hidden tabs would use up. `path` says where, each time that it begins to. */
  const listen = (path, handlers) => {
    let source = null;
    const open = () => {
      source = new EventSource(path());
      for (const [name, handler] of Object.entries(handlers)) {
        source.addEventListener(name, (event) => handler(JSON.parse(event.data)));
      }
    };
    const close = () => { source?.close(); source = null; };
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) close();
      else if (!source) open();
    });
    addEventListener("pagehide", close);
    addEventListener("pageshow", (event) => { if (event.persisted && !source) open(); });
    if (!document.hidden) open();
    return close;
  };

  const trouble = (event) => {
    const text = event.detail.xhr?.responseText?.trim();
    say(text || "The server does not answer: is it still running?", "error");
  };
  document.addEventListener("notice", (event) => say(event.detail.value));
  document.addEventListener("htmx:responseError", trouble);
  document.addEventListener("htmx:sendError", trouble);
  document.addEventListener("htmx:afterSettle", (event) => leadline.draw(event.target));

  Object.assign(window.leadline, { listen, say, post });
})();
