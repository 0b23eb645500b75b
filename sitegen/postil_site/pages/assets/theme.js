"use strict";
// Before the first paint: the colours that were chosen here before. A browser may refuse storage to files; then the system's choice holds.
(function () {
  document.documentElement.classList.add("js");
  if (window.parent !== window) document.documentElement.classList.add("framed");
  try {
    var chosen = localStorage.getItem("postil-theme");
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch (error) { /* no storage: nothing was chosen */ }
})();
