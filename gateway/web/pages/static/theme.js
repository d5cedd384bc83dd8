// Before the first paint: the theme that was chosen here, else what the system prefers.
(() => {
  const chosen = localStorage.getItem("smsgw-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();
