"use strict";
// The box that searches: `/` or Ctrl-K goes to it. The index is a set of scripts (sitegen/postil_site/search), loaded as a query needs them, so that it
// works from files; several indexes are searched as one (RFCs, code, the website). Words are joined by "and", each may be the beginning of a word.
(function () {
  var box = document.querySelector("form.find");
  if (!box) return;
  var up = document.body.dataset.up || "", input = box.querySelector("input");
  var WORD = /(?:[A-Za-z]|\d+)(?:\.\d+)+|[\p{L}\p{N}_]+/gu, SHOWN = 10, BEGINNINGS = 60;
  var KINDS = [["", "All"], ["page", "Website"], ["rfc", "RFCs"], ["code", "Code"], ["todo", "To do"]];
  var own = window.postilVersion, bases = (document.body.dataset.search || "").split(" ").filter(Boolean);
  // A published version stands beside the website.
  if (own && own.published && own.website) bases.push(up + "../search/|" + up + "../");
  var parts = bases.map(function (base) {
    var both = base.split("|");
    return { folder: new URL(both[0], location.href).href, prefix: both[1], map: null, ranges: {}, texts: {} };
  });

  // --- loading: a script says what it is by its address
  var waiting = {};
  window.postilSearch = function (value) {
    var address = document.currentScript.src;
    if (waiting[address]) waiting[address].value = value;
  };
  function load(address, done) {
    var entry = waiting[address];
    if (entry && entry.over) return done(entry.value);
    if (entry) { entry.calls.push(done); return; }
    entry = waiting[address] = { calls: [done], over: false, value: null };
    var script = document.createElement("script");
    script.src = address;
    script.onload = script.onerror = function () {
      entry.over = true;
      entry.calls.splice(0).forEach(function (call) { call(entry.value); });
      script.remove();
    };
    document.head.append(script);
  }
  function all(works, done) {
    var left = works.length;
    if (!left) return done();
    works.forEach(function (work) { work(function () { if (!--left) done(); }); });
  }

  // --- a query
  function parse(text) {
    var kind = "", phrases = [];
    text = text.replace(/\bkind:(\w+)/g, function (_, name) { kind = name; return " "; });
    text = text.replace(/"([^"]+)"/g, function (_, words) { phrases.push(words.toLowerCase().replace(/\s+/g, " ").trim()); return " " + words + " "; });
    var words = (text.replace(/\brfc(?=\d)/gi, "rfc ").match(WORD) || []).map(function (word) { return word.toLowerCase().replace(/^_+|_+$/g, ""); });
    return { words: words.filter(function (word, n) { return word && words.indexOf(word) === n; }), phrases: phrases.filter(Boolean), kind: kind };
  }
  function position(first, word) {  // the last range that begins at or before the word
    var low = 0, high = first.length;
    while (low < high) { var mid = (low + high) >> 1; if (first[mid] <= word) low = mid + 1; else high = mid; }
    return Math.max(0, low - 1);
  }
  function ranges(part, word) {
    var from = position(part.map.first, word), to = position(part.map.first, word + "\uffff"), out = [];
    for (var n = from; n <= Math.min(to, from + 8) && n < part.map.first.length; n++) out.push(n);
    return out;
  }
  // Units that have a word, or one that begins with it, with the best weight.
  function matches(part, word) {
    var found = new Map(), taken = 0;
    ranges(part, word).forEach(function (n) {
      var range = part.ranges[n];
      if (!range) return;
      var names = range.names, at = 0, high = names.length;
      while (at < high) { var mid = (at + high) >> 1; if (names[mid] < word) at = mid + 1; else high = mid; }
      for (; at < names.length && names[at].startsWith(word); at++) {
        var exact = names[at] === word;
        if (!exact && (taken++ > BEGINNINGS || (word.length < 3 && names[at].length > word.length + 3))) continue;
        var unit = 0;
        range.units[at].forEach(function (step) {
          unit += step >> 2;
          var score = (step & 3) * (step & 2 && step & 1 ? 3 : 1) + (exact ? 3 : 0);
          if (score > (found.get(unit) || 0)) found.set(unit, score);
        });
      }
    });
    return found;
  }
  function candidates(part, query) {
    var words = query.words.filter(function (word) { return part.map.common.indexOf(word) < 0; });
    if (!words.length) return [];
    var sets = words.map(function (word) { return matches(part, word); }).sort(function (a, b) { return a.size - b.size; });
    var out = [];
    sets[0].forEach(function (score, unit) {
      var sum = score;
      for (var n = 1; n < sets.length; n++) {
        var more = sets[n].get(unit);
        if (!more) return;
        sum += more;
      }
      out.push({ part: part, unit: unit, score: sum });
    });
    return out;
  }
  function groupOf(part, unit) {
    var groups = part.map.groups, low = 0, high = groups.length;
    while (low < high) { var mid = (low + high) >> 1; if (groups[mid][1] <= unit) low = mid + 1; else high = mid; }
    return groups[low - 1];
  }
  function kindOf(part, unit) {
    var name = groupOf(part, unit)[0];
    return /^t-rfc\d/.test(name) ? "rfc" : /^t-page/.test(name) ? "page" : /^t-todo/.test(name) ? "todo" : "code";
  }

  var asked = 0;
  function search(text, kind, done) {
    var query = parse(text), mine = ++asked, begun = performance.now();
    kind = query.kind || kind;
    function stale() { return mine !== asked; }
    if (!query.words.length) return done(null);
    all(parts.map(function (part) {
      return function (next) { load(part.folder + "m.js", function (value) { part.map = part.map || value; next(); }); };
    }), function () {
      if (stale()) return;
      var there = parts.filter(function (part) { return part.map; }), works = [];
      there.forEach(function (part) {
        query.words.forEach(function (word) {
          ranges(part, word).forEach(function (n) {
            if (!part.ranges[n]) works.push(function (next) {
              load(part.folder + "w" + n + ".js", function (value) {
                if (value && !part.ranges[n]) part.ranges[n] = { names: value.words.split(" "), units: value.units };
                next();
              });
            });
          });
        });
      });
      all(works, function () {
        if (stale()) return;
        var hits = [];
        there.forEach(function (part) { hits = hits.concat(candidates(part, query)); });
        if (kind) hits = hits.filter(function (hit) { return kindOf(hit.part, hit.unit) === kind; });
        hits.sort(function (a, b) { return b.score - a.score || parts.indexOf(b.part) - parts.indexOf(a.part) || a.unit - b.unit; });
        if (query.phrases.length) texts(hits.slice(0, 200), function (found) {
          if (stale()) return;
          done(found.filter(function (hit) {
            var text = (hit.title + " " + hit.text).toLowerCase().replace(/\s+/g, " ");
            return query.phrases.every(function (phrase) { return text.indexOf(phrase) >= 0; });
          }), query, performance.now() - begun);
        });
        else done(hits, query, performance.now() - begun);
      });
    });
  }
  function texts(hits, done) {
    all(hits.map(function (hit) {
      return function (next) {
        if (hit.title) return next();
        var group = groupOf(hit.part, hit.unit);
        load(hit.part.folder + group[0] + ".js", function (value) {
          var row = value && value.texts[hit.unit - group[1]];
          if (row) { hit.kind = row[0]; hit.title = row[1]; hit.where = row[2]; hit.address = hit.part.prefix + row[3]; hit.text = row[4]; }
          next();
        });
      };
    }), function () { done(hits.filter(function (hit) { return hit.title; })); });
  }

  // --- what is shown
  function make(name, className, text) {
    var node = document.createElement(name);
    if (className) node.className = className;
    if (text) node.textContent = text;
    return node;
  }
  function marked(node, text, words) {
    var pattern = words.slice().sort(function (a, b) { return b.length - a.length; }).map(function (word) { return word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"); }).join("|");
    var find = new RegExp("(?<![\\p{L}\\p{N}])(?:" + pattern + ")[\\p{L}\\p{N}]*", "giu"), at = 0, found;
    while ((found = find.exec(text))) {
      node.append(text.slice(at, found.index), make("mark", "", found[0]));
      at = found.index + found[0].length;
    }
    node.append(text.slice(at));
    return node;
  }
  function snippet(text, words) {
    var low = text.toLowerCase(), best = 0, most = -1;
    words.forEach(function (word) {
      for (var at = low.indexOf(word), tries = 0; at >= 0 && tries < 8; at = low.indexOf(word, at + 1), tries++) {
        var piece = low.slice(Math.max(0, at - 60), at + 160);
        var count = words.filter(function (one) { return piece.indexOf(one) >= 0; }).length;
        if (count > most) { most = count; best = at; }
      }
    });
    var from = Math.max(0, best - 60);
    if (from) from = low.indexOf(" ", from) + 1 || from;
    return (from ? "… " : "") + text.slice(from, from + 220).replace(/\s+/g, " ") + (from + 220 < text.length ? " …" : "");
  }

  var panel = make("div", "hits"), filters = make("div", "kinds"), list = make("ol"), told = make("p", "told"), more = make("button", "", "More"), kind = "", hits = [], query = null, shown = 0;
  panel.hidden = true;
  told.setAttribute("role", "status");
  filters.setAttribute("role", "group");
  filters.setAttribute("aria-label", "Where to search");
  more.type = "button";
  KINDS.forEach(function (row) {
    var button = make("button", "", row[1]);
    button.type = "button";
    button.setAttribute("aria-pressed", String(!row[0]));
    button.addEventListener("click", function () {
      kind = row[0];
      filters.querySelectorAll("button").forEach(function (one) { one.setAttribute("aria-pressed", String(one === button)); });
      ask();
    });
    filters.append(button);
  });
  panel.append(filters, told, list, more);
  box.append(panel);
  box.hidden = false;

  function row(hit) {
    var item = make("li"), link = make("a");
    link.href = hit.address;
    var name = { page: "Website", rfc: "RFC", code: "Code", todo: "To do" }[hit.kind];
    link.append(make("span", "kind", name), marked(make("b"), hit.title, query.words), " ", make("span", "where", hit.where), marked(make("span", "text"), snippet(hit.text, query.words), query.words));
    item.append(link);
    return item;
  }
  function page(mine) {
    var next = hits.slice(shown, shown + SHOWN);
    shown += next.length;
    texts(next, function (found) {
      if (mine !== asked) return;
      found.forEach(function (hit) { list.append(row(hit)); });
      more.hidden = shown >= hits.length;
      panel.dataset.ready = input.value;  // a test waits for it
    });
  }
  function ask() {
    var value = input.value;
    if (!value.trim()) { asked++; panel.hidden = true; return; }
    search(value, kind, function (found, parsed, milliseconds) {
      list.textContent = "";
      hits = found || [];
      query = parsed;
      shown = 0;
      more.hidden = true;
      panel.hidden = false;
      told.textContent = hits.length ? hits.length + (hits.length === 1 ? " place" : " places") : "Nothing has all these words.";
      panel.dataset.milliseconds = String(milliseconds || 0);
      page(asked);
    });
  }
  more.addEventListener("click", function () {
    var before = list.children.length;
    page(asked);
    setTimeout(function () { var link = list.children[before] && list.children[before].querySelector("a"); if (link) link.focus(); }, 0);
  });
  input.addEventListener("input", ask);
  input.addEventListener("focus", function () { if (input.value.trim() && panel.hidden) ask(); });
  box.addEventListener("submit", function (event) {
    event.preventDefault();
    var first = list.querySelector("a");
    if (first && panel.dataset.ready === input.value) location.href = first.href;
  });
  function close() { panel.hidden = true; asked++; }
  document.addEventListener("pointerdown", function (event) { if (!box.contains(event.target)) close(); });
  box.addEventListener("focusout", function (event) { if (event.relatedTarget && !box.contains(event.relatedTarget)) close(); });
  box.addEventListener("keydown", function (event) {
    var links = Array.prototype.slice.call(list.querySelectorAll("a")), at = links.indexOf(document.activeElement);
    if (event.key === "Escape") {
      if (document.activeElement === input && panel.hidden) input.blur();
      else { input.focus(); close(); }
    } else if (event.key === "ArrowDown" && !panel.hidden && links.length) (links[at + 1] || links[at]).focus();
    else if (event.key === "ArrowUp" && at >= 0) (links[at - 1] || input).focus();
    else { if (event.key !== "Tab" && !event.ctrlKey && !event.metaKey) event.stopPropagation(); return; }
    event.preventDefault();
    event.stopPropagation();
  });
  document.addEventListener("keydown", function (event) {
    var writes = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || event.target.isContentEditable, off = false;
    try { off = localStorage.getItem("postil-keys") === "off"; } catch (error) { /* no storage: keys are on */ }
    var slash = event.key === "/" && !writes && !off && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (!slash && !(event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey)) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
})();
