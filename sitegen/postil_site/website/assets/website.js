"use strict";
// What a page of the website can do beyond its links: colours, a copy button at code, the place in the contents, a menu that is folded on phones.
(function () {
  var tools = document.querySelector(".tools");

  function button(label, className) {
    var node = document.createElement("button");
    node.type = "button";
    node.textContent = label;
    if (className) node.className = className;
    return node;
  }

  // --- colours: the system's, light, dark
  var names = ["auto", "light", "dark"], at = 0, theme = button("");
  try { at = Math.max(0, names.indexOf(localStorage.getItem("postil-theme") || "auto")); } catch (error) { /* no storage */ }
  function show() {
    theme.textContent = { auto: "Auto", light: "Light", dark: "Dark" }[names[at]];
    theme.setAttribute("aria-label", "Colours: " + names[at]);
  }
  theme.addEventListener("click", function () {
    at = (at + 1) % names.length;
    if (at) document.documentElement.dataset.theme = names[at];
    else delete document.documentElement.dataset.theme;
    try { if (at) localStorage.setItem("postil-theme", names[at]); else localStorage.removeItem("postil-theme"); } catch (error) { /* no storage */ }
    show();
  });
  show();
  if (tools) tools.append(theme);

  // --- copying code; lines of a console are copied without what was printed
  document.querySelectorAll(".code").forEach(function (box) {
    var copy = button("Copy");
    copy.addEventListener("click", function () {
      var text = box.querySelector("code").textContent.replace(/\n$/, "");
      if (box.dataset.language === "console")
        text = text.split("\n").filter(function (line) { return /^[$#] /.test(line); }).map(function (line) { return line.slice(2); }).join("\n") || text;
      function said(word) { copy.textContent = word; setTimeout(function () { copy.textContent = "Copy"; }, 1500); }
      function byHand() {
        var field = document.createElement("textarea");
        field.value = text;
        document.body.append(field);
        field.select();
        said(document.execCommand("copy") ? "Copied" : "Not allowed");
        field.remove();
        copy.focus();
      }
      if (navigator.clipboard && window.isSecureContext) navigator.clipboard.writeText(text).then(function () { said("Copied"); }, byHand);
      else byHand();
    });
    box.append(copy);
  });

  // --- where one is in the page
  var links = Array.prototype.slice.call(document.querySelectorAll(".toc a"));
  var heads = links.map(function (link) { return document.getElementById(decodeURIComponent(link.hash.slice(1))); });
  function place() {
    var here = -1;
    heads.forEach(function (head, n) { if (head && head.getBoundingClientRect().top < 140) here = n; });
    // At the end of the page the last headings cannot come to the top.
    if (window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2 && window.scrollY > 0) here = heads.length - 1;
    links.forEach(function (link, n) {
      link.classList.toggle("here", n === here);
      if (n === here) link.setAttribute("aria-current", "location"); else link.removeAttribute("aria-current");
    });
  }
  if (links.length) {
    var asked = false;
    addEventListener("scroll", function () {
      if (asked) return;
      asked = true;
      requestAnimationFrame(function () { asked = false; place(); });
    }, { passive: true });
    place();
  }

  var side = document.querySelector(".side details"), narrow = matchMedia("(max-width: 52rem)");
  function fold() { if (side) side.open = !narrow.matches; }
  narrow.addEventListener("change", fold);
  fold();
})();
