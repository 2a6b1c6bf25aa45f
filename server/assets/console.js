// What pages gain where scripts run: what went wrong is heard and seen first, and a form is sent once.
"use strict";

document.querySelector("[data-focus]")?.focus();

addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
});

// A page that comes back from the browser's memory may send its forms again.
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((it) => delete it.dataset.sent));

// The review: single keys lead from place to place and never do anything by themselves; whoever does not want them turns them off.
const keysHelp = document.querySelector("[data-keys]");
if (keysHelp) {
  const on = keysHelp.querySelector("[data-keys-on]");
  keysHelp.hidden = false;
  on.checked = localStorage.getItem("veedor-keys") !== "off";
  on.addEventListener("change", () => localStorage.setItem("veedor-keys", on.checked ? "on" : "off"));
  const step = (by) => {
    const steps = [...document.querySelectorAll("[data-step]")];
    const at = steps.findIndex((it) => it.contains(document.activeElement));
    const next = steps[at < 0 ? (by > 0 ? 0 : steps.length - 1) : at + by];
    next?.focus();
    next?.scrollIntoView({ block: "center" });
  };
  addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, dialog");
    if (!on.checked || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "a" || event.key === "r") {
      const place = document.querySelector(`[data-key="${event.key}"]`);
      place?.closest("details")?.setAttribute("open", "");
      place?.focus();
      place?.scrollIntoView({ block: "center" });
    }
  });
}

// A photo opens where it is, to be looked at closely; without this it opens as a page of the browser.
const viewer = document.querySelector("[data-viewer]");
if (viewer) {
  const image = viewer.querySelector("img");
  let zoom = 1, turns = 0, opener = null;
  const draw = () => {
    image.style.width = `${zoom * 100}%`;
    const [width, height] = [image.offsetWidth, image.offsetHeight];
    const [x, y] = [[0, 0], [height, 0], [width, height], [0, width]][turns % 4];
    image.style.transform = `translate(${x}px, ${y}px) rotate(${(turns % 4) * 90}deg)`;
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-photo]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    [zoom, turns, opener] = [1, 0, link];
    image.src = link.href;
    image.alt = link.querySelector("img").alt;
    viewer.showModal();
    draw();
  });
  viewer.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.zoom) zoom = Math.min(6, Math.max(1, zoom + Number(button.dataset.zoom)));
    else if (button && "turn" in button.dataset) turns += 1;
    else if (button) viewer.close();
    draw();
  });
  viewer.addEventListener("close", () => opener?.focus());
}
