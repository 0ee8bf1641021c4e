// What the system prefers and what the person chose in, light or dark out; the colours of the theme for graphs.

const preferred = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
const onTheme = [];

function applyTheme() {
  const dark = chosen ? chosen === "dark" : preferred.matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const button = byId("theme");
  button.textContent = dark ? "Light" : "Dark";
  button.setAttribute("aria-label", dark ? "Change to light colours" : "Change to dark colours");
  for (const listener of onTheme) listener();
}

function startTheme() {
  // A page from disk may not be allowed to keep anything.
  try { chosen = localStorage.getItem("trailpulse-theme"); } catch { /* then not */ }
  byId("theme").addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("trailpulse-theme", chosen); } catch { /* then not */ }
    applyTheme();
  });
  preferred.addEventListener("change", applyTheme);
  applyTheme();
}

/** The value of a colour of look.css. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
