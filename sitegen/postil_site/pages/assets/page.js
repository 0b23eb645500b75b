"use strict";
// What a page can do beyond its links: mark the line of the address, previews, a chooser, keys, copying a reference. In a frame of view.html it
// tells the parent what was chosen. Works from files: no fetch, no modules, no look into other frames.
(function () {
  var up = document.body.dataset.up || "", framed = window.parent !== window;
  var base = new URL(up || ".", location.href).href.replace(/[?#].*$/, "");
  var list = document.querySelector("ol.c, ol.r"), isRfc = document.body.classList.contains("rfc");
  var previews = {}, waiting = {}, tip, chooser, copier, current = null, timer = 0;

  function make(name, className, text) {
    var node = document.createElement(name);
    if (className) node.className = className;
    if (text) node.textContent = text;
    return node;
  }

  // A place of this site: {page: "code/x.py" | "rfc9051", anchor: "L12"}; null for anything else.
  function place(href) {
    if (href.indexOf(base) !== 0) return null;
    var rest = href.slice(base.length), cut = rest.indexOf("#");
    var page = cut < 0 ? rest : rest.slice(0, cut), anchor = cut < 0 ? "" : rest.slice(cut + 1);
    var rfc = /^rfc\/(rfc\d+)\.html$/.exec(page), code = /^code\/(.+)\.html$/.exec(page);
    if (!rfc && !code) return null;
    return { page: rfc ? rfc[1] : "code/" + code[1], path: rfc ? rfc[1] : decodeURIComponent(code[1]), anchor: anchor, rfc: !!rfc };
  }
  function lineOf(node) {
    var item = node && node.closest ? node.closest("ol.c > li, ol.r > li") : null;
    return item ? Number(item.id.slice(1)) : 0;
  }
  function tell(message) { message.postil = 1; window.parent.postMessage(message, "*"); }

  // --- the marked line
  function mark(scroll) {
    if (!list) return;
    list.querySelectorAll("li.on").forEach(function (item) { item.classList.remove("on"); });
    var hash = decodeURIComponent(location.hash.slice(1)), range = /^L(\d+)(?:-L?(\d+))?$/.exec(hash), first = null;
    if (range) {
      for (var n = Number(range[1]); n <= Math.min(Number(range[2] || range[1]), Number(range[1]) + 2000); n++) {
        var item = document.getElementById("L" + n);
        if (!item) break;
        item.classList.add("on");
        first = first || item;
      }
    } else if (hash) {
      var node = document.getElementById(hash);
      first = node && node.closest("li");
      if (first && list.contains(first)) first.classList.add("on");
    }
    if (first && scroll) first.scrollIntoView({ block: "center", behavior: "instant" });
    if (first) select(first);
    return first;
  }
  function select(item) {
    current = item;
    if (isRfc) setClause(item.querySelector(".q[id]") || item.querySelector(".q"));
  }

  // --- following links; in a frame the parent does it, so that both sides have one address
  function follow(href, fromLine) {
    var to = place(href);
    if (framed && to) {
      tell({ kind: "open", rfc: to.rfc, path: to.path, anchor: to.anchor, line: fromLine });
      return;
    }
    location.href = href;
  }
  function targets(item) {
    return Array.prototype.slice.call(item.querySelectorAll(isRfc ? ".m a" : "a.x")).filter(function (link) { return place(link.href); });
  }
  function go(item) {
    var links = targets(item);
    if (links.length === 1) follow(links[0].href, lineOf(item));
    else if (links.length > 1) choose(links, item);
    return links.length > 0;
  }
  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[href]");
    if (chooser && !chooser.contains(event.target)) closeChooser();
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link) {
      if (framed && place(link.href)) {
        var to = place(link.href);
        event.preventDefault();
        // within the same page only the address's line changes
        follow(link.href, lineOf(link));
        if (to.rfc === isRfc) hideTip();
      }
      return;
    }
    var item = event.target.closest("ol.c > li, ol.r > li");
    if (!item || String(getSelection())) return;
    if (event.target.closest("summary, button, details")) return;
    var inGutter = event.target === item && event.clientX - item.getBoundingClientRect().left < parseFloat(getComputedStyle(item).paddingLeft);
    if (inGutter) {
      if (framed) tell({ kind: "at", rfc: isRfc, line: lineOf(item) });
      else location.hash = event.shiftKey && current ? "L" + lineOf(current) + "-" + lineOf(item) : "L" + lineOf(item);
      select(item);
    } else if (framed || event.target.closest(".q")) {
      select(item);
      if (event.target.closest(".q")) setClause(event.target.closest(".q"));
      if (framed && !go(item)) tell({ kind: "at", rfc: isRfc, line: lineOf(item) });
      else if (!framed && targets(item).length > 1) choose(targets(item), item);
    }
  });

  function closeChooser() { if (chooser) { var back = chooser.from; chooser.remove(); chooser = null; if (back && back.focus) back.focus({ preventScroll: true }); } }
  function popup(at) {
    closeChooser();
    chooser = make("div", "chooser");
    chooser.from = document.activeElement;
    document.body.append(chooser);
    chooser.place = function () {
      var box = at.getBoundingClientRect(), left = Math.min(box.left + 40, innerWidth - chooser.offsetWidth - 12);
      chooser.style.left = Math.max(4, left) + scrollX + "px";
      var below = box.bottom + 4, high = chooser.offsetHeight;
      chooser.style.top = (below + high > innerHeight && box.top > high ? box.top - high - 4 : below) + scrollY + "px";
      var first = chooser.querySelector("a, button");
      if (first) first.focus({ preventScroll: true });
    };
    chooser.addEventListener("keydown", function (event) {
      var all = Array.prototype.slice.call(chooser.querySelectorAll("a, button")), at = all.indexOf(document.activeElement);
      if (event.key === "Escape") { event.stopPropagation(); closeChooser(); }
      else if (event.key === "ArrowDown") { event.preventDefault(); all[(at + 1) % all.length].focus(); }
      else if (event.key === "ArrowUp") { event.preventDefault(); all[(at + all.length - 1) % all.length].focus(); }
    });
    return chooser;
  }
  function choose(links, item) {
    var box = popup(item), line = lineOf(item);
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Where to");
    links.forEach(function (link) {
      var entry = make("a", link.className, link.textContent.trim());
      entry.href = link.href;
      entry.addEventListener("click", function (event) { event.preventDefault(); event.stopPropagation(); var href = link.href; closeChooser(); follow(href, line); });
      box.append(entry);
    });
    box.place();
  }

  // --- previews
  window.postilData = function (page, data) {
    previews[page] = data;
    (waiting[page] || []).forEach(function (then) { then(data); });
    delete waiting[page];
  };
  function load(page, then) {
    if (previews[page] !== undefined) return then(previews[page]);
    if (waiting[page]) { waiting[page].push(then); return; }
    waiting[page] = [then];
    var script = make("script");
    script.src = base + "data/" + page + ".js";
    script.onerror = function () { window.postilData(page, null); };
    document.head.append(script);
  }
  function preview(link) {
    var to = place(link.href);
    if (!to) return;
    load(to.page, function (data) {
      if (link !== pointed || !data) return;
      var found = data[decodeURIComponent(to.anchor)] || (to.anchor ? null : data[""]);
      if (!found) return;
      showTip(link, found[0], found[1]);
    });
  }
  function showTip(link, title, text) {
    hideTip();
    tip = make("div", "tip");
    tip.id = "tip";
    tip.setAttribute("role", "tooltip");
    tip.append(make("b", "", title), make("pre", "", text));
    document.body.append(tip);
    link.setAttribute("aria-describedby", "tip");
    tip.link = link;
    var box = link.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(box.left, innerWidth - tip.offsetWidth - 12)) + scrollX + "px";
    var top = box.bottom + 6;
    if (top + tip.offsetHeight > innerHeight && box.top > tip.offsetHeight + 6) top = box.top - tip.offsetHeight - 6;
    tip.style.top = top + scrollY + "px";
  }
  function hideTip() { if (tip) { tip.link.removeAttribute("aria-describedby"); tip.remove(); tip = null; } }
  var pointed = null;
  function point(event) {
    var link = event.target.closest && event.target.closest("a[href]");
    clearTimeout(timer);
    if (!link) { pointed = null; hideTip(); return; }
    if (link === pointed) return;
    pointed = link;
    hideTip();
    timer = setTimeout(function () { if (pointed === link) preview(link); }, event.type === "focusin" ? 50 : 160);
  }
  document.addEventListener("mouseover", point);
  document.addEventListener("focusin", point);

  // --- copying a reference to a clause
  function setClause(clause) {
    document.querySelectorAll(".q.now").forEach(function (old) { old.classList.remove("now"); });
    if (copier) { copier.remove(); copier = null; }
    if (!clause || !isRfc) return;
    var identity = clauseId(clause);
    if (!identity) return;
    pieces(identity).forEach(function (piece) { piece.classList.add("now"); });
    copier = make("button", "copy", "Copy reference");
    copier.title = "A comment, TODO, exception, test marker or duvet block for this sentence (key c)";
    copier.clause = identity;
    copier.addEventListener("click", function () { offer(identity); });
    document.body.append(copier);
    var box = clause.getBoundingClientRect();
    copier.style.left = Math.max(4, Math.min(box.left, innerWidth - copier.offsetWidth - 8)) + scrollX + "px";
    copier.style.top = Math.max(0, box.top + scrollY - copier.offsetHeight - 3) + "px";
  }
  var clauses = isRfc ? Array.prototype.slice.call(document.querySelectorAll(".q")) : [];
  function clauseId(piece) {
    for (var at = clauses.indexOf(piece); at >= 0; at--) if (clauses[at].id) return clauses[at].id;
    return "";
  }
  function pieces(identity) {
    var at = clauses.indexOf(document.getElementById(identity)), out = [];
    for (; at >= 0 && at < clauses.length && (!out.length || !clauses[at].id); at++) out.push(clauses[at]);
    return out;
  }
  document.addEventListener("mouseover", function (event) {
    var clause = event.target.closest && event.target.closest(".q");
    if (clause && !(copier && copier.clause === clauseId(clause))) setClause(clause);
  });
  function forms(fact) {
    var rfc = location.pathname.replace(/^.*rfc(\d+)\.html$/, "$1"), section = fact[2], words = fact[3];
    var at = section ? "RFC " + rfc + (/^[A-Z]/.test(section) ? " Appendix " : " §") + section : "RFC " + rfc;
    var said = words ? at + ': "' + words + '"' : "rfc" + rfc + ".txt:" + fact[4];
    var url = "https://www.rfc-editor.org/rfc/rfc" + rfc + (section ? (/^[A-Z]/.test(section) ? "#appendix-" : "#section-") + section : "");
    return [
      ["Comment", "# " + said],
      ["TODO", "# TODO(" + at + "): " + (words ? '"' + words + '" ' : "")],
      ["Exception", "# " + at + ", exception: "],
      ["Test marker", '@pytest.mark.rfc("' + rfc + '", "' + section + '"' + (words ? ', "' + words + '"' : "") + ")"],
      ["Duvet block", "//= " + url + "\n//# " + (words || fact[1].split("\n").join("\n//# "))]
    ];
  }
  function withFact(identity, then) {
    var page = location.pathname.replace(/^.*\/(rfc\d+)\.html$/, "$1");
    load(page, function (data) { if (data && data[identity]) then(data[identity]); });
  }
  function offer(identity) {
    withFact(identity, function (fact) {
      var box = popup(copier || document.getElementById(identity));
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", "Copy a reference as");
      forms(fact).forEach(function (form) {
        var entry = make("button", "", form[0] + ": ");
        entry.append(make("code", "", form[1]));
        entry.addEventListener("click", function (event) { event.stopPropagation(); closeChooser(); copy(form[1]); });
        box.append(entry);
      });
      box.place();
    });
  }
  function copy(text) {
    function old() {
      var area = make("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      var done = document.execCommand("copy");
      area.remove();
      say(done ? "Copied: " + text : text);
    }
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(function () { say("Copied: " + text); }, old);
    else old();
  }
  function say(text) {
    document.querySelectorAll(".said").forEach(function (node) { node.remove(); });
    var node = make("div", "said", text);
    node.setAttribute("role", "status");
    document.body.append(node);
    setTimeout(function () { node.remove(); }, 4000);
  }

  // --- keys
  function walk(selector, step) {
    if (!list) return;
    var all = [];
    list.querySelectorAll(selector).forEach(function (node) { var item = node.closest("li"); if (all[all.length - 1] !== item) all.push(item); });
    if (!all.length) { say("There is none on this page"); return; }
    var here = current ? lineOf(current) : 0, next = null;
    if (step > 0) next = all.find(function (item) { return lineOf(item) > here; }) || all[0];
    else { all.reverse(); next = all.find(function (item) { return lineOf(item) < here; }) || all[0]; }
    select(next);
    if (framed) tell({ kind: "at", rfc: isRfc, line: lineOf(next) });
    else location.hash = "L" + lineOf(next);
    next.scrollIntoView({ block: "center", behavior: "instant" });
  }
  function act(key) {
    var reference = isRfc ? ".m" : "a.x", todo = isRfc ? ".m a.d, .q.todo" : "li.td > a, a.todo", gap = ".q.untriaged[id], .q.cited[id]";
    switch (key) {
      case "n": walk(reference, 1); break;
      case "p": walk(reference, -1); break;
      case "t": walk(todo, 1); break;
      case "T": walk(todo, -1); break;
      case "u": walk(gap, 1); break;
      case "U": walk(gap, -1); break;
      case "c":
        if (copier) withFact(copier.clause, function (fact) { copy(forms(fact)[0][1]); });
        else say("Choose a sentence first: u goes to the next one that nothing covers");
        break;
      case "C": if (copier) offer(copier.clause); break;
      case "o": if (current) go(current); break;
      case "v": if (!framed && document.body.dataset.state) location.href = up + "view.html#" + withLine(document.body.dataset.state); break;
      case "d": theme(); break;
      case "?": help(); break;
      case "Escape": hideTip(); closeChooser(); setClause(null); break;
      default: return false;
    }
    return true;
  }
  function withLine(state) { return state + (current ? ":" + lineOf(current) : ""); }
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (framed && event.key === "s") { tell({ kind: "key", key: "s" }); return; }
    if (keysOff() && event.key !== "?" && event.key !== "Escape") return;
    if (act(event.key)) event.preventDefault();
  });
  function stored(name, value) {
    try {
      if (value === undefined) return localStorage.getItem(name);
      localStorage.setItem(name, value);
    } catch (error) { /* files may have no storage */ }
    return null;
  }
  function keysOff() { return stored("postil-keys") === "off"; }
  function theme() {
    var dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    stored("postil-theme", dark ? "light" : "dark");
    if (framed) tell({ kind: "theme", theme: dark ? "light" : "dark" });
  }
  function help() {
    var box = document.querySelector("dialog") || make("dialog");
    box.textContent = "";
    box.setAttribute("aria-label", "Keys");
    var rows = make("dl");
    [["n p", "next, previous reference"], ["t T", "next, previous TODO"], ["u U", "next, previous clause that nothing covers"], ["o", "open what the line is about"],
      ["c", "copy a reference to the clause"], ["C", "choose the form of the reference"], ["v", "two panes"], ["s", "swap the panes"], ["d", "dark or light"], ["?", "this list"]].forEach(function (row) {
      var term = make("dt");
      row[0].split(" ").forEach(function (key) { term.append(make("kbd", "", key), " "); });
      rows.append(term, make("dd", "", row[1]));
    });
    var off = make("button", "", keysOff() ? "Switch keys on" : "Switch keys off"), close = make("button", "", "Close");
    off.addEventListener("click", function () { stored("postil-keys", keysOff() ? "on" : "off"); box.close(); });
    close.addEventListener("click", function () { box.close(); });
    box.append(make("h2", "", "Keys"), rows, close, " ", off);
    if (!box.isConnected) document.body.append(box);
    box.showModal();
  }

  // --- what the parent says
  window.addEventListener("message", function (event) {
    if (!framed || event.source !== window.parent || !event.data || event.data.postil !== 1) return;
    if (event.data.kind === "key") act(event.data.key);
    if (event.data.kind === "theme") document.documentElement.dataset.theme = event.data.theme;
  });
  window.addEventListener("hashchange", function () { mark(true); });
  if (framed) {
    document.addEventListener("pointerdown", function () { tell({ kind: "active", rfc: isRfc }); });
    tell({ kind: "ready", title: document.title, page: place(location.href) });
  }
  var version = document.querySelector(".top .version");
  if (version && !framed) {
    var button = make("button", "", "◐");
    button.title = "Dark or light (key d)";
    button.setAttribute("aria-label", "Dark or light");
    button.addEventListener("click", theme);
    var keys = make("button", "", "?");
    keys.setAttribute("aria-label", "Keys");
    keys.addEventListener("click", help);
    if (window.postilVersion) version.append(make("span", "", window.postilVersion.name));
    version.append(button, keys);
  }
  var ages = (window.postilVersion && window.postilVersion.todos) || {};
  Array.prototype.forEach.call(document.querySelectorAll(".todos li"), function (item) {
    var since = ages[item.querySelector(".where").textContent];
    if (since) item.append(make("time", "age", "since " + since));
  });
  mark(true);
})();
