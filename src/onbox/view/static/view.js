"use strict";
// Conveniences over pages that work without them: keys, the strip, and what changes while it is looked at.

// ---------------------------------------------------------------- keys

function typing(target) {
  return target instanceof Element && target.closest("input, select, textarea, [contenteditable]") !== null;
}

function items() {
  return [...document.querySelectorAll("[data-item]")];
}

function focusOf(item) {
  return item.matches("[tabindex]") ? item : item.querySelector("a, summary, input");
}

function step(by) {
  const all = items();
  if (all.length === 0) return false;
  const now = all.findIndex((item) => item.contains(document.activeElement));
  const next = all[Math.min(Math.max(now + by, 0), all.length - 1)];
  const target = focusOf(next);
  if (target) target.focus();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const named = [...document.querySelectorAll("[data-key]")].find((each) => each.dataset.key === event.key);
  if (named) {
    event.preventDefault();
    if (named.matches("input")) named.focus();
    else named.click();
  } else if ((event.key === "n" && step(1)) || (event.key === "p" && step(-1))) {
    event.preventDefault();
  }
});

// ---------------------------------------------------------------- what changes

const live = document.querySelector("[data-live]");
if (live) {
  const source = new EventSource(live.dataset.live);
  source.addEventListener("state", (event) => {
    const open = document.activeElement && live.contains(document.activeElement)
      ? document.activeElement.getAttribute("href") : null;
    // The server escapes every value of it, and the policy of the page runs no script that stands in it.
    live.innerHTML = JSON.parse(event.data);
    if (open) {
      const again = [...live.querySelectorAll("a")].find((each) => each.getAttribute("href") === open);
      if (again) again.focus({ preventScroll: true });
    }
  });
  source.addEventListener("ended", () => {
    source.close();
    location.reload();
  });
}

// ---------------------------------------------------------------- the strip

const TICKS_MAX = 3000;
const HEIGHT = 96;

class Strip {
  constructor(box) {
    this.box = box;
    this.svg = box.querySelector("svg");
    this.stamps = JSON.parse(box.dataset.stamps);
    this.bursts = JSON.parse(box.dataset.bursts);
    this.end = Number(box.dataset.end);
    this.from = Number(box.dataset.from);
    this.to = Number(box.dataset.to);
    this.most = Math.max(1, ...this.stamps.map((each) => each[2]));
    box.classList.add("ready");
    box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    box.addEventListener("pointerdown", (event) => this.grab(event));
    box.addEventListener("pointermove", (event) => this.drag(event));
    box.addEventListener("keydown", (event) => this.key(event));
    for (const each of document.querySelectorAll("[data-zoom]")) {
      each.addEventListener("click", (event) => {
        event.preventDefault();
        this.act(each.dataset.zoom);
      });
    }
  }

  show(from, to) {
    const width = Math.min(this.end, Math.max(0.05, to - from));
    this.from = Math.min(Math.max(0, from), this.end - width);
    this.to = this.from + width;
    this.draw();
  }

  zoom(scale, share) {
    const width = (this.to - this.from) * scale;
    const at = this.from + share * (this.to - this.from);
    this.show(at - share * width, at + (1 - share) * width);
  }

  act(what) {
    const width = this.to - this.from;
    if (what === "+") this.zoom(0.5, 0.5);
    else if (what === "−" || what === "-") this.zoom(2, 0.5);
    else if (what === "←") this.show(this.from - width / 2, this.to - width / 2);
    else if (what === "→") this.show(this.from + width / 2, this.to + width / 2);
    else if (what === "0") this.show(0, this.end);
    else return false;
    return true;
  }

  wheel(event) {
    if (event.ctrlKey || event.deltaY === 0) return;
    event.preventDefault();
    const place = this.svg.getBoundingClientRect();
    this.zoom(event.deltaY > 0 ? 1.25 : 0.8, Math.min(1, Math.max(0, (event.clientX - place.left) / place.width)));
  }

  grab(event) {
    this.held = event.clientX;
    this.box.setPointerCapture(event.pointerId);
  }

  drag(event) {
    if (event.buttons === 0 || this.held === undefined) return;
    const moved = ((this.held - event.clientX) / this.svg.getBoundingClientRect().width) * (this.to - this.from);
    this.held = event.clientX;
    this.show(this.from + moved, this.to + moved);
  }

  key(event) {
    const what = { ArrowLeft: "←", ArrowRight: "→", "=": "+" }[event.key] || event.key;
    if (!event.ctrlKey && !event.metaKey && !event.altKey && this.act(what)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  draw() {
    const inside = this.stamps.filter((each) => each[0] >= this.from && each[0] <= this.to);
    const every = Math.max(1, Math.ceil(inside.length / TICKS_MAX));
    const parts = document.createDocumentFragment();
    for (let n = 0; n < inside.length; n += every) {
      const [at, visible, characters] = inside[n];
      const height = visible ? 14 + (54 * characters) / this.most : 8;
      parts.append(this.line(visible ? "a-seen" : "a-hidden", at, 76 - height, 76));
    }
    const starts = this.bursts.filter((at) => at >= this.from && at <= this.to);
    const everyStart = Math.max(1, Math.ceil(starts.length / TICKS_MAX));
    for (let n = 0; n < starts.length; n += everyStart) parts.append(this.line("a-burst", starts[n], 82, HEIGHT));
    this.svg.replaceChildren(parts);
    this.svg.setAttribute("aria-label", `${inside.length} reads between ${clockText(this.from)} and ${clockText(this.to)}`);
    this.box.querySelector("[data-from-label]").textContent = clockText(this.from);
    this.box.querySelector("[data-to-label]").textContent = clockText(this.to);
  }

  line(kind, at, y1, y2) {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const place = `${((at - this.from) / (this.to - this.from)) * 100}%`;
    line.setAttribute("class", kind);
    line.setAttribute("x1", place);
    line.setAttribute("x2", place);
    line.setAttribute("y1", String(y1));
    line.setAttribute("y2", String(y2));
    return line;
  }
}

function clockText(ms) {
  return ms < 1000 ? `${ms < 10 ? ms.toFixed(2) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
}

const strip = document.getElementById("strip");
if (strip && strip.dataset.stamps) new Strip(strip);
