// One run: curves that grow and can be smoothed, experiment files to copy, and cells of the confusion map to open.
"use strict";
(() => {
  const slider = document.getElementById("smoothing-slider");
  const live = document.getElementById("live");

  if (slider) {
    const weights = JSON.parse(slider.dataset.weights);
    const path = slider.form.dataset.curves;
    let busy = false, again = false;

    const update = async () => {
      if (busy) { again = true; return; }
      busy = true;
      try {
        const answer = await fetch(`${path}?beta=${weights[slider.value]}`);
        const figures = answer.ok ? await answer.json() : [];
        const plots = [...document.querySelectorAll("#training .plot")];
        if (figures.length > plots.length) location.reload();  // the learning rate has begun to change
        plots.forEach((plot, place) => figures[place] && leadline.drawing(plot).replace(figures[place]));
      } finally {
        busy = false;
        if (again) { again = false; update(); }
      }
    };
    const label = () => {
      const beta = weights[slider.value];
      const text = beta ? `β = ${beta}, about ${Math.round(1 / (1 - beta))} epochs` : "none";
      slider.form.querySelector("output").textContent = text;
      slider.setAttribute("aria-valuetext", text);
    };
    slider.addEventListener("input", () => {
      sessionStorage.setItem("smoothing", slider.value);
      label();
      update();
    });
    slider.form.addEventListener("submit", (event) => event.preventDefault());
    slider.value = sessionStorage.getItem("smoothing") ?? 0;
    label();
    if (Number(slider.value)) update();
    document.addEventListener("epochs", update);
  }

  if (live) {
    const epochs = () => {
      htmx.trigger("#progress", "epochs");
      if (slider) document.dispatchEvent(new Event("epochs"));
      else location.reload();
    };
    const close = leadline.listen(() => live.dataset.events, { epochs, status: () => { close(); location.reload(); } });
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      const answer = await fetch(button.dataset.copy);
      if (!answer.ok) throw new Error(await answer.text());
      await navigator.clipboard.writeText(await answer.text());
      leadline.say("The experiment file is on the clipboard.");
    } catch (error) {
      leadline.say(error.message, "error");
    }
  });

  const names = document.getElementById("class-names");
  if (names) {
    const classes = JSON.parse(names.textContent);
    document.querySelector("#confusion-map .plot").on("plotly_click", ({ points: [cell] }) => {
      const asked = new URLSearchParams({ true: classes[cell.y], predicted: classes[cell.x] });
      location.href = `${names.dataset.examples}?${asked}`;
    });
  }
})();
