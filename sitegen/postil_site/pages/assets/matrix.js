"use strict";
// The matrix of requirements from data/matrix.js, filtered by the fields of the form, which are the query of the address too.
(function () {
  var data = window.postilMatrix, form = document.getElementById("filters"), table = document.getElementById("matrix");
  if (!data) return;
  var head = table.tHead, body = table.tBodies[0], more = document.getElementById("more"), count = document.getElementById("count");
  var names = ["rfc", "level", "status", "folder", "q"], AT_ONCE = 200, found = [], shown = 0;
  var query = new URLSearchParams(location.search);
  names.forEach(function (name) { if (query.get(name)) form.elements[name].value = query.get(name); });

  function make(name, className, text) {
    var node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }
  function link(href, text) { var node = make("a", "", text); node.href = href; return node; }
  head.textContent = "";
  var titles = make("tr");
  ["RFC", "Level", "Status", "Clause"].forEach(function (title) { var cell = make("th", "", title); cell.scope = "col"; titles.append(cell); });
  head.append(titles);

  function row(one) {
    var line = make("tr"), where = make("th"), words = make("td"), box = make("details"), list = make("ul");
    where.scope = "row";
    where.append(link("rfc/rfc" + one.rfc + ".html#" + one.id, one.rfc + (one.section ? " §" + one.section : "")));
    line.append(where, make("td", "", one.level));
    var status = make("td");
    status.append(make("span", "st " + one.status + (one.amber ? " amber" : ""), one.status + (one.amber ? ", code not run" : "")));
    line.append(status);
    if (one.code.length || one.tests.length || one.reason) {
      box.append(make("summary", "", one.clause));
      one.code.forEach(function (place) { var item = make("li"); item.append(link(place[2], place[0] + ":" + place[1]), " ", place[3]); list.append(item); });
      one.tests.forEach(function (test) { list.append(make("li", "", test[1] + (test[2] ? "" : " (stale)") + ": " + test[0])); });
      if (one.reason) list.append(make("li", "", one.reason));
      box.append(list);
      words.append(box);
    } else words.textContent = one.clause;
    line.append(words);
    return line;
  }
  function show() {
    var part = document.createDocumentFragment(), end = Math.min(shown + AT_ONCE, found.length);
    for (; shown < end; shown++) part.append(row(found[shown]));
    body.append(part);
    more.hidden = shown >= found.length;
  }
  function filter() {
    var want = {};
    names.forEach(function (name) { want[name] = form.elements[name].value.trim(); });
    var text = want.q.toLowerCase(), rfcs = want.rfc.split(/[ ,]+/).filter(Boolean).map(Number);
    found = data.filter(function (one) {
      return (!rfcs.length || rfcs.indexOf(one.rfc) >= 0) && (!want.level || one.level === want.level) && (!want.status || one.status === want.status) &&
        (!want.folder || one.code.some(function (place) { return place[0].indexOf(want.folder) === 0; })) &&
        (!text || (one.clause + " " + one.section).toLowerCase().indexOf(text) >= 0);
    });
    body.textContent = "";
    shown = 0;
    show();
    count.textContent = found.length + " of " + data.length + " clauses";
    return want;
  }
  function remember(want) {
    var query = new URLSearchParams();
    names.forEach(function (name) { if (want[name]) query.set(name, want[name]); });
    var text = query.toString();
    // a browser refuses this for files; the filter has done its work all the same
    try { history.replaceState(null, "", text ? "?" + text : location.pathname); } catch (error) { return; }
  }
  form.addEventListener("submit", function (event) { event.preventDefault(); remember(filter()); });
  form.addEventListener("input", function () { remember(filter()); });
  more.addEventListener("click", show);
  filter();
})();
