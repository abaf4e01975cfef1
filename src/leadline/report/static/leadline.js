// Draws the figures of a page with Plotly in the colours of the stylesheet, and again when the scheme changes.
"use strict";
(() => {
  const root = document.documentElement;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const template = read("figure-template");
  const config = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: "reset" };
  const coarse = matchMedia("(pointer: coarse)").matches;

  /* Every "var(--name)" of a figure becomes the colour that the stylesheet gives it now. */
  const coloured = (value, style) => {
    if (typeof value === "string") {
      return value.replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
    }
    if (Array.isArray(value)) return value.map((item) => coloured(item, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, coloured(item, style)]));
    }
    return value;
  };

  /* A logarithmic axis with whole numbers on its ticks: 1, 2, 5 in each decade, or powers of ten over many. */
  const logarithmic = (traces) => {
    const values = traces.flatMap((trace) => trace.y).filter((value) => value > 0);
    const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
    const digits = high - low > 3 ? [1] : [1, 2, 5];
    const tickvals = [];
    for (let power = low; power <= high; power++) tickvals.push(...digits.map((digit) => digit * 10 ** power));
    return { type: "log", range: undefined, rangemode: "normal", tickvals, tickformat: "~g" };
  };

  class Drawing {
    constructor(plot) {
      this.plot = plot;
      this.figure = read(plot.dataset.figure);
      this.frame = 0;
      const frame = plot.closest("figure");
      this.slider = frame.querySelector("input[type=range]");
      this.label = frame.querySelector("output");
      this.slider?.addEventListener("input", () => this.show(Number(this.slider.value)));
      const toggle = frame.querySelector("[data-log]");
      this.logarithmic = toggle?.getAttribute("aria-pressed") === "true";
      toggle?.addEventListener("click", () => {
        this.logarithmic = !this.logarithmic;
        toggle.setAttribute("aria-pressed", String(this.logarithmic));
        this.draw();
      });
      if (this.slider) this.show(Number(this.slider.value));
      else this.draw();
    }

    /* The same figure with other data. */
    replace(figure) {
      this.figure = figure;
      this.draw();
    }

    show(index) {
      this.frame = index;
      const label = this.figure.frames[index].label;
      this.label.textContent = label;
      this.slider.setAttribute("aria-valuetext", label);
      this.draw();
    }

    draw() {
      const { data, layout, frames } = this.figure;
      const frame = frames.length ? frames[this.frame] : {};
      const style = getComputedStyle(root);
      const drawn = coloured({ ...layout, ...frame.layout, template: { layout: template } }, style);
      const traces = coloured([...data, ...(frame.data ?? [])], style);
      if (this.logarithmic) drawn.yaxis = { ...drawn.yaxis, ...logarithmic(traces) };
      if (coarse) drawn.dragmode = false;
      Plotly.react(this.plot, traces, drawn, config);
    }
  }

  const drawings = new Map();
  /* Draws the figures in a part of the page that are not drawn yet, and forgets those that left it. */
  const draw = (part) => {
    for (const plot of drawings.keys()) if (!plot.isConnected) drawings.delete(plot);
    for (const plot of part.querySelectorAll(".plot")) if (!drawings.has(plot)) drawings.set(plot, new Drawing(plot));
  };
  const redraw = () => drawings.forEach((drawing) => drawing.draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => { root.classList.add("paper"); redraw(); });
  addEventListener("afterprint", () => { root.classList.remove("paper"); redraw(); });
  window.leadline = { draw, redraw, drawing: (plot) => drawings.get(plot) };
  /* In the application Plotly is there already; a report's has to be inflated first. */
  Promise.resolve(window.plotlyLoaded).then(() => {
    draw(document);
    root.classList.add("drawn");
  });
})();
