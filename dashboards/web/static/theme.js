// Runs before the first paint. The URL says the theme (`?theme=dark`, for embedding), else the reader's choice, else the system.
(() => {
  const known = ["light", "dark"];
  const asked = new URLSearchParams(location.search).get("theme");
  let chosen = null;
  try { chosen = localStorage.getItem("outrider-theme"); } catch { /* storage may be forbidden: the system decides */ }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const theme = known.includes(asked) ? asked : known.includes(chosen) ? chosen : dark.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
  };
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      const now = document.documentElement.dataset.theme;
      document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
      chosen = document.documentElement.dataset.theme;
      try { localStorage.setItem("outrider-theme", chosen); } catch { /* kept for this page only */ }
      const here = new URL(location.href);
      if (here.searchParams.has("theme")) {
        here.searchParams.set("theme", chosen);
        history.replaceState(null, "", here);
      }
    });
  });
})();
