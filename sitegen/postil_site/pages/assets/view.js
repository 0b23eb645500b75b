"use strict";
// Two panes: plain pages in frames, kept at the places that the address names: view.html#PATH:LINE,rfcN:LINE. Frames of files may not be looked
// into, so pages say what was chosen by messages, and the panes are moved by their addresses alone.
(function () {
  var base = new URL(".", location.href).href, panes = document.getElementById("panes");
  var frames = { code: document.getElementById("code"), rfc: document.getElementById("rfc") };
  var shown = { code: "", rfc: "" }, state = { code: null, rfc: null }, active = "code";

  function encode(path) { return path.split("/").map(encodeURIComponent).join("/"); }
  function half(place) { return place ? encode(place.path) + (place.line ? ":" + place.line : "") : ""; }
  function hash() { return [half(state.code), half(state.rfc)].filter(Boolean).join(","); }
  function parse(text) {
    var out = { code: null, rfc: null };
    text.split(",").forEach(function (part) {
      var match = /^(.*?)(?::(\d+(?:-\d+)?))?$/.exec(part);
      if (!match || !match[1]) return;
      var path;
      try { path = decodeURIComponent(match[1]); } catch (error) { return; }
      out[/^rfc\d+$/.test(path) ? "rfc" : "code"] = { path: path, line: match[2] || "" };
    });
    return out;
  }
  function address(side, place) {
    if (!place) return base + (side === "code" ? "tree.html" : "index.html");
    var page = side === "rfc" ? "rfc/" + place.path + ".html" : "code/" + encode(place.path) + ".html";
    var anchor = place.anchor || (place.line ? "L" + place.line : "");
    return base + page + (anchor ? "#" + anchor : "");
  }
  function show(side) {
    var wanted = address(side, state[side]);
    if (shown[side] === wanted) return;
    shown[side] = wanted;
    try { frames[side].contentWindow.location.replace(wanted); } catch (error) { frames[side].src = wanted; }
  }
  function title() {
    document.title = [state.code && state.code.path.split("/").pop(), state.rfc && "RFC " + state.rfc.path.slice(3)].filter(Boolean).join(" · ") || document.title;
  }
  function read() {
    state = parse(location.hash.slice(1));
    show("code");
    show("rfc");
    title();
  }
  // A line that an anchor names is not known here: the address keeps what is known, the pane goes to the anchor.
  function lines(anchor) { var match = /^L(\d+(?:-\d+)?)$/.exec(anchor || ""); return match ? match[1] : ""; }
  function open(message, from) {
    var side = message.rfc ? "rfc" : "code", other = side === "rfc" ? "code" : "rfc";
    state[side] = { path: message.path, line: lines(message.anchor), anchor: lines(message.anchor) ? "" : message.anchor };
    if (from === other && state[other] && message.line) state[other] = { path: state[other].path, line: String(message.line) };
    remember(true);
    show(side);
    // the side that was clicked in stays where it is, only its line is marked
    if (from === other) show(other);
    if (from !== side) activate(side);
  }
  function remember(push) {
    var wanted = "#" + hash();
    if (location.hash === wanted) return;
    ignore++;
    if (push) location.hash = wanted;
    else location.replace(wanted);
    title();
  }
  var ignore = 0;
  function activate(side) {
    active = side;
    document.getElementById("left").classList.toggle("active", side === "code");
    document.getElementById("right").classList.toggle("active", side === "rfc");
    phone(side === "rfc");
  }
  function phone(other) {
    panes.classList.toggle("other", other);
    var button = document.getElementById("pane");
    button.textContent = other ? "Show code" : "Show RFC";
    button.setAttribute("aria-pressed", String(other));
  }
  function swap() { panes.classList.toggle("swapped"); }
  function send(side, message) { message.postil = 1; frames[side].contentWindow.postMessage(message, "*"); }

  window.addEventListener("message", function (event) {
    var from = event.source === frames.code.contentWindow ? "code" : event.source === frames.rfc.contentWindow ? "rfc" : "";
    var message = event.data;
    if (!from || !message || message.postil !== 1) return;
    if (message.kind === "open") open(message, from);
    else if (message.kind === "active") { active = from; document.getElementById("left").classList.toggle("active", from === "code"); document.getElementById("right").classList.toggle("active", from === "rfc"); }
    else if (message.kind === "at" && state[from]) { state[from] = { path: state[from].path, line: String(message.line) }; remember(false); show(from); }
    else if (message.kind === "key" && message.key === "s") swap();
    else if (message.kind === "theme") { document.documentElement.dataset.theme = message.theme; send(from === "code" ? "rfc" : "code", { kind: "theme", theme: message.theme }); }
    else if (message.kind === "ready" && !message.page && from === "rfc" && !state.rfc && !state.code) title();
  });
  window.addEventListener("hashchange", function () { if (ignore) { ignore--; return; } read(); });
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "BUTTON" && event.key === "Enter") return;
    if (event.key === "s") swap();
    else if (event.key === "Tab") return;
    else if (/^[nptTuUcCod?]$/.test(event.key) || event.key === "Escape") send(active, { kind: "key", key: event.key });
  });
  document.getElementById("swap").addEventListener("click", swap);
  document.getElementById("help").addEventListener("click", function () { send(active, { kind: "key", key: "?" }); frames[active].focus(); });
  document.getElementById("pane").addEventListener("click", function () { activate(active === "code" ? "rfc" : "code"); });
  activate(/^#rfc\d/.test(location.hash) ? "rfc" : "code");
  read();
})();
