"use strict";
// Keeps the page fresh. Without it the page is loaded anew every half minute.
(function () {
  var every = 10000, last = Date.now();
  var words = { ok: "Works", warn: "Works, with a warning", fail: "Needs help", setup: "Not set up yet" };
  function put(id, text) {
    var e = document.getElementById(id);
    if (e.textContent !== String(text)) e.textContent = text; // what does not change is not read out again
  }
  function uptime(s) {
    if (s < 60) return "less than a minute";
    if (s < 7200) return Math.floor(s / 60) + " min";
    if (s < 172800) return Math.floor(s / 3600) + " hours";
    return Math.floor(s / 86400) + " days";
  }
  function show(f) {
    last = Date.now();
    put("name", f.name);
    put("level", words[f.level] || f.level);
    put("words", f.verdict);
    document.getElementById("verdict").className = "verdict " + f.level;
    put("neighbours", f.neighbours);
    put("waiting", f.parcels_waiting);
    put("internet", f.internet ? "reached" : "not from here");
    put("uptime", uptime(f.uptime_s));
    document.getElementById("lost").hidden = true;
    document.body.classList.remove("stale");
  }
  function lost() {
    put("lost", "This box does not answer since " + Math.round((Date.now() - last) / 1000) + " s. What is below was so then.");
    document.getElementById("lost").hidden = false;
    document.body.classList.add("stale");
  }
  function look() {
    fetch("/v1/page", { cache: "no-store" })
      .then(function (r) { if (!r.ok) throw new Error(r.status); return r.json(); })
      .then(show).catch(lost)
      .then(function () { setTimeout(look, every); });
  }
  setTimeout(look, every);
})();
