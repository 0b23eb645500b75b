"use strict";
// Reloads a page that is another one now, where it stood, and shows what is wrong. Only the outermost page listens, and only while it is
// seen: a browser keeps six connections to a server, and a page of two panes would take three.
(function () {
  var number = Number(document.currentScript.dataset.number), framed = window.parent !== window;
  var page = decodeURIComponent(location.pathname.slice(1)).replace(/(^|\/)$/, "$1index.html");
  var key = "live:" + location.pathname, stream = null, seen = [], box = null, gone = false;

  // Behind the page's own scripts, which go to the line of the address.
  var kept = sessionStorage.getItem(key);
  if (kept) {
    sessionStorage.removeItem(key);
    var place = JSON.parse(kept);
    window.scrollTo({ left: place[0], top: place[1], behavior: "instant" });
  }

  function show(text) {
    if (!text) {
      if (box) box.remove();
      box = null;
      return;
    }
    if (!box) {
      box = document.createElement("div");
      box.id = "live-error";
      box.setAttribute("role", "alert");
      box.style.cssText = "position:fixed;left:0;right:0;bottom:0;z-index:99;padding:.7rem 1rem;background:#8c1d18;color:#fff;font:14px/1.4 ui-monospace,monospace;white-space:pre-wrap;max-height:40vh;overflow:auto";
      document.body.appendChild(box);
    }
    if (box.textContent !== text) box.textContent = text;
  }
  function hear(news) {
    seen.push(news);
    if (seen.length > 100) seen.shift();
    for (var n = 0; n < window.frames.length; n++) window.frames[n].postMessage({ live: news }, location.origin);
    if (gone) return;
    if (news.number !== number && (news.pages === null || news.pages.indexOf(page) >= 0)) {
      gone = true;
      sessionStorage.setItem(key, JSON.stringify([window.scrollX, window.scrollY]));
      location.reload();
      return;
    }
    number = news.number;
    show([news.errors[""], news.errors[page]].filter(Boolean).join("\n"));
  }
  function listen() {
    if (document.hidden) {
      if (stream) stream.close();
      stream = null;
    } else if (!stream) {
      stream = new EventSource("/-/live?since=" + number);
      stream.onmessage = function (event) { hear(JSON.parse(event.data)); };
      stream.onerror = function () { if (stream && stream.readyState === 2) { stream = null; setTimeout(listen, 1000); } };
    }
  }
  window.addEventListener("message", function (event) {
    if (event.origin !== location.origin || !event.data) return;
    if (framed && event.source === window.parent && event.data.live && event.data.live.number >= number) hear(event.data.live);
    // A pane that has just been loaded asks for what was told meanwhile.
    if (event.data.liveSince !== undefined && event.source !== window)
      seen.forEach(function (news) { if (news.number >= event.data.liveSince) event.source.postMessage({ live: news }, location.origin); });
  });
  if (framed) window.parent.postMessage({ liveSince: number }, location.origin);
  else {
    document.addEventListener("visibilitychange", listen);
    window.addEventListener("pagehide", function () { if (stream) stream.close(); stream = null; });
    window.addEventListener("pageshow", listen);
    listen();
  }
})();
