"use strict";
/* What page.js and plan_page.js share; it stands before each of them, in one script. */
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const number = (n) => n.toLocaleString("en-US");
const AT_ONCE = 25;

const el = (name, attributes, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== "") made.append(child);
  }
  return made;
};

/* What steers or hides is spelt out, as in the rest of the page. */
const STEERING = /[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const spell = (char) => {
  const named = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[char];
  const code = char.charCodeAt(0);
  return named || (code < 256 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u" + code.toString(16).padStart(4, "0"));
};
const shown = (text) => text.replace(STEERING, spell);

const goTo = (target) => {
  target.scrollIntoView({ block: "start" });
  target.focus({ preventScroll: true });
};

/* ---- theme */
const startTheme = () => {
  const root = document.documentElement;
  const button = byId("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const name = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
  try { root.dataset.theme = localStorage.getItem("feedbridge-theme") || ""; } catch { /* no storage here */ }
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("feedbridge-theme", root.dataset.theme); } catch { /* no storage here */ }
    name();
  });
  system.addEventListener("change", name);
  button.hidden = false;
  name();
};

