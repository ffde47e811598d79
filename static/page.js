// What a page does better with a script; every page works without it.
"use strict";

// Copy buttons: <button data-copy="id of the element with the text">.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent.trim();
  await navigator.clipboard.writeText(text);
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
});

// What cannot be undone asks first: <form data-confirm="the question">.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// Live parts: <div data-live="address of the event stream"> is replaced by each event's HTML,
// which the server made. What is open stays open, and the keyboard focus stays where it is;
// while it is on something that would go, or something is being pressed, the part waits.
const name = (element) =>
  element.closest("form")?.getAttribute("action") ?? element.getAttribute("href") ?? element.textContent;
const reachable = "a[href], button, summary";
const waiting = new Map();

function replace(part, html) {
  waiting.set(part, html);
  if (part.matches(":active")) return;
  const focused = part.contains(document.activeElement) ? name(document.activeElement) : null;
  const open = [...part.querySelectorAll("details")].map((it) => it.open);
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  const at = [...fresh.content.querySelectorAll(reachable)].findIndex((it) => name(it) === focused);
  if (focused !== null && at < 0) return;
  part.replaceChildren(fresh.content);
  part.querySelectorAll("details").forEach((it, index) => { if (open[index]) it.open = true; });
  if (focused !== null) part.querySelectorAll(reachable)[at].focus({ preventScroll: true });
  waiting.delete(part);
}

// Later: what was pressed or left hears of it first.
const showWaiting = () => setTimeout(() => waiting.forEach((html, part) => replace(part, html)));
["pointerup", "pointercancel", "keyup", "focusout"].forEach((it) => addEventListener(it, showWaiting));

for (const part of document.querySelectorAll("[data-live]")) {
  const stream = new EventSource(part.dataset.live);
  stream.addEventListener("part", (event) => replace(part, event.data));
  addEventListener("pagehide", () => stream.close());
}
