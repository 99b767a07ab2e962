// Keeps what a page shows current, and adds the keyboard. Every page works without it.
"use strict";
(() => {
  const body = document.body;
  const liveButton = document.getElementById("live");
  const banner = document.getElementById("down");
  let paused = false;
  let fetching = false;
  let wanted = false;

  // --- live: on each tick, the regions of this page marked data-live are replaced by what the server shows now.

  const liveRegions = (root) => root.querySelectorAll("[data-live][id]");

  // What a person has chosen or is typing in stays as it is.
  const keepChoices = (old, fresh) => {
    const checked = new Set([...old.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.name + "=" + box.value));
    for (const box of fresh.querySelectorAll("input[type=checkbox]")) {
      if (checked.has(box.name + "=" + box.value)) box.checked = true;
    }
    for (const select of fresh.querySelectorAll("select[name]")) {
      const chosen = old.querySelector(`select[name="${CSS.escape(select.name)}"]`)?.value;
      if ([...select.options].some((option) => option.value === chosen)) select.value = chosen;
    }
    const open = new Set([...old.querySelectorAll("details[open][id]")].map((part) => part.id));
    for (const part of fresh.querySelectorAll("details[id]")) if (open.has(part.id)) part.open = true;
  };

  const swap = (fresh) => {
    for (const region of liveRegions(fresh)) {
      const old = document.getElementById(region.getAttribute("id")); // form.id may be a field of that name
      if (!old || old.innerHTML === region.innerHTML) continue;
      if (old.contains(document.activeElement) && document.activeElement.matches("input, select, textarea, button")) continue;
      keepChoices(old, region);
      old.replaceWith(region);
    }
    ticking();
    body.dispatchEvent(new CustomEvent("navvy:swapped"));
  };

  const refresh = async () => {
    if (fetching) { wanted = true; return; }
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Live": "1" }, credentials: "same-origin", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401) { location.reload(); return; }
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (document.getElementById("nothing") && !fresh.getElementById("nothing")) { location.reload(); return; }
        banner.hidden = true;
        swap(fresh);
      } else if (answer.status === 503) {
        banner.hidden = false;
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // of fetch: the monitor itself is away, and the stream tells it
    } finally {
      fetching = false;
      if (wanted) { wanted = false; refresh(); }
    }
  };

  const say = (text) => { liveButton.querySelector(".label").textContent = text; };
  const setPaused = (on) => {
    paused = on;
    liveButton.setAttribute("aria-pressed", String(!on));
    say(on ? "paused" : "live");
    if (!on) refresh();
  };

  let stream = null;
  const connect = () => {
    if (stream) return;
    stream = new EventSource(body.dataset.liveAt);
    stream.addEventListener("tick", () => {
      if (!paused) say("live");
      if (!paused || !banner.hidden) refresh();
    });
    stream.addEventListener("down", () => { banner.hidden = false; });
    stream.onerror = () => { if (!paused) say("reconnecting"); };
  };
  const disconnect = () => { if (stream) { stream.close(); stream = null; } };

  if (body.dataset.liveAt && document.querySelector("[data-live][id]")) {
    liveButton.hidden = false;
    liveButton.addEventListener("click", () => setPaused(!paused));
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) disconnect(); else { connect(); if (!paused) refresh(); }
    });
    connect();
  }

  // --- bars and times that go on between two ticks

  const span = (ms) => {
    const s = Math.abs(ms) / 1000;
    if (s < 1) return Math.round(s * 1000) + " ms";
    if (s < 10) return s.toFixed(1) + " s";
    if (s < 60) return Math.floor(s) + " s";
    if (s < 3600) return Math.floor(s / 60) + " min " + Math.floor(s % 60) + " s";
    if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
    return Math.floor(s / 86400) + " d " + Math.floor((s % 86400) / 3600) + " h";
  };

  let since = performance.now();
  const ticking = () => {
    since = performance.now();
    for (const bar of document.querySelectorAll("progress[data-ticks]")) bar.dataset.from = bar.value;
    for (const text of document.querySelectorAll("[data-counts]")) text.dataset.from = text.dataset.counts;
  };
  ticking();
  setInterval(() => {
    if (document.hidden || paused || !banner.hidden) return;
    const passed = performance.now() - since;
    for (const bar of document.querySelectorAll("progress[data-ticks]")) bar.value = Number(bar.dataset.from) + passed;
    for (const text of document.querySelectorAll("[data-counts]")) {
      const now = Number(text.dataset.from) + passed * (text.dataset.step === "down" ? -1 : 1);
      text.textContent = span(Math.max(0, now));
    }
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const age = Date.now() - Date.parse(time.dateTime);
      if (Math.abs(age) >= 10000) time.textContent = age < 0 ? "in " + span(age) : span(age) + " ago";
    }
  }, 250);

  // --- lists: choose all rows of the page

  document.addEventListener("change", (event) => {
    if (!event.target.matches("input[data-all]")) return;
    const rows = event.target.closest("form, table").querySelectorAll("input[type=checkbox]:not([data-all])");
    for (const box of rows) box.checked = event.target.checked;
  });

  // --- copy buttons

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent).then(() => {
      const label = button.textContent;
      button.textContent = "copied";
      setTimeout(() => { button.textContent = label; }, 1200);
    });
  });

  // --- keyboard

  let going = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
    if (going) {
      going = false;
      const link = document.querySelector(`body > nav a[data-key="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    const box = document.querySelector("input[type=search]");
    if (event.key === "g") going = true;
    else if (event.key === "/" && box) { event.preventDefault(); box.focus(); }
    else if (event.key === "r") refresh();
    else if (event.key === "?") document.getElementById("keys").showModal();
    else if (event.key === " " && !liveButton.hidden && !event.target.matches("button, a, summary")) { event.preventDefault(); setPaused(!paused); }
  });
})();
