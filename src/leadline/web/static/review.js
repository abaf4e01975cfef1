// What the pages on mistakes and on labels share: who acts, one action after the other, keys, and the dialog of keys.
"use strict";
(() => {
  /* Each tab undoes its own actions, also after it was loaded again. */
  const author = () => {
    let name = sessionStorage.getItem("leadline-author");
    if (!name) {
      name = crypto.randomUUID();
      sessionStorage.setItem("leadline-author", name);
    }
    return name;
  };

  let last = Promise.resolve();
  let unsaved = 0;
  const count = (change) => {
    unsaved += change;
    document.body.classList.toggle("saving", unsaved > 0);
  };
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });

  /* Actions are sent one after the other, in the order in which keys were pressed. */
  const act = (path, fields, then) => {
    count(1);
    last = last.then(async () => {
      try {
        then(await (await leadline.post(path, { author: author(), ...fields })).json());
      } catch (error) {
        leadline.say(error.message || "The server does not answer: is it still running?", "error");
      } finally {
        count(-1);
      }
    });
    return last;
  };

  const writing = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;

  /* Calls what belongs to a key, unless somebody writes, a dialog is open, or the browser means something by it. */
  const onKeys = (keys) => addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (writing(event.target) || document.querySelector("dialog[open]")) return;
    const action = keys(event.key, event);
    if (!action) return;
    event.preventDefault();
    action();
  });

  const help = () => document.getElementById("keys").showModal();

  Object.assign(window.leadline, { act, onKeys, help });
})();
