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
// which the server made. Not while somebody has the keyboard focus in it.
for (const part of document.querySelectorAll("[data-live]")) {
  const stream = new EventSource(part.dataset.live);
  stream.addEventListener("part", (event) => {
    if (!part.contains(document.activeElement)) part.innerHTML = event.data;
  });
  addEventListener("pagehide", () => stream.close());
}
