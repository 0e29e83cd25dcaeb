"use strict";

/* Set the colours that staff chose before the page is shown: the theme's own script runs after it. */
try {
  const chosen = JSON.parse(localStorage.getItem("adminTheme") ?? '"auto"');
  const prefersDark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark", chosen === "dark" || (chosen === "auto" && prefersDark));
} catch {
  // Without storage the page is light until the theme's script has run.
}
