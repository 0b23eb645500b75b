"use strict";
// The versions of a published site: a choice in the header that leads to the same file and line of another version. Only published pages have one
// (version.js says so); the list and the places that moved are scripts, loaded when they are needed, since pages may be files.
(function () {
  var own = window.postilVersion, place = document.querySelector(".top .version, .view .tools");
  if (!own || !own.published || !place || window.parent !== window) return;
  var up = document.body.dataset.up || "", base = new URL(up || ".", location.href).href.replace(/[?#].*$/, "");

  function load(address, done) {
    var script = document.createElement("script");
    script.src = address;
    script.onload = script.onerror = function (event) { done(event.type === "load"); };
    document.head.append(script);
  }

  // --- where a line is in the other version
  var moved = {};
  window.postilMoved = function (name, table) { moved[name] = table; };
  function line(blocks, number) {
    if (!blocks) return number;
    var last = 1;
    for (var n = 0; n < blocks.length; n++) {
      if (number < blocks[n][0]) return blocks[n][1]; // it is gone: what stands behind it
      last = blocks[n][1] + blocks[n][2] - 1;
      if (number < blocks[n][0] + blocks[n][2]) return number - blocks[n][0] + blocks[n][1];
    }
    return last;
  }
  function lines(blocks, text) {
    return text.replace(/\d+/g, function (number) { return String(line(blocks, Number(number))); });
  }
  function has(table, page) { return !table || table.gone.indexOf(page) < 0; }
  function target(name) {
    var table = moved[name], rest = location.href.slice(base.length), cut = rest.search(/[?#]/);
    var page = decodeURIComponent(cut < 0 ? rest : rest.slice(0, cut)), tail = cut < 0 ? "" : rest.slice(cut);
    var other = new URL("../" + encodeURIComponent(name) + "/", base).href;
    if (page === "view.html") return other + "view.html" + view(table, tail);
    var key = page.replace(/\.html$/, "");
    if (page === "changes.html" || !page) return other + "index.html";
    if (/^(code|rfc)\//.test(page) && !has(table, key)) return other + (page.indexOf("code/") ? "index.html" : "tree.html");
    var blocks = table && table.changed[key];
    if (blocks) tail = tail.replace(/^#L\d+(-L?\d+)?$/, function (hash) { return lines(blocks, hash); });
    return other + page.split("/").map(encodeURIComponent).join("/") + tail;
  }
  function view(table, tail) {
    var halves = tail.slice(1).split(",").map(function (half) {
      var match = /^(.*?)(?::(\d+(?:-\d+)?))?$/.exec(half), path = decodeURIComponent(match[1]);
      var rfc = /^rfc\d+$/.test(path), key = rfc ? "rfc/" + path : "code/" + path;
      if (!has(table, key)) return "";
      var blocks = table && table.changed[key];
      return match[1] + (match[2] ? ":" + (blocks ? lines(blocks, match[2]) : match[2]) : "");
    }).filter(Boolean);
    return halves.length ? "#" + halves.join(",") : "";
  }

  function go(name) {
    load(base + "data/moved/" + encodeURIComponent(name) + ".js", function () { location.href = target(name); });
  }
  if (own.website) {
    var home = document.createElement("a"), menu = document.querySelector(".top nav");
    home.href = new URL("../index.html", base).href;
    home.textContent = "Website";
    if (menu) menu.append(home);
  }
  load(new URL("../versions.js", base).href, function () {
    var table = window.postilVersions;
    if (!table) return;
    var choice = document.createElement("select");
    choice.setAttribute("aria-label", "Version");
    table.versions.forEach(function (one) {
      var option = document.createElement("option");
      option.value = one.name;
      option.textContent = one.name + (one.name === table.latest ? " (latest)" : "");
      option.selected = one.name === own.name;
      choice.append(option);
    });
    choice.addEventListener("change", function () { if (choice.value !== own.name) go(choice.value); });
    // Coming back by the browser's history, the choice is this page's version again.
    window.addEventListener("pageshow", function () { choice.value = own.name; });
    var plain = place.querySelector("span");
    if (plain) plain.remove();
    place.prepend(choice);
    var here = table.versions.filter(function (one) { return one.name === own.name; })[0];
    if (here && here.changes && document.body.classList.contains("index")) {
      var link = document.createElement("a");
      link.href = "changes.html";
      link.textContent = "Changes since " + here.changes;
      place.prepend(link);
    }
  });
})();
