package web

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strings"
	"time"

	shared "packhorse/gateway/internal/web"
)

func encode(v any) ([]byte, error) { return json.Marshal(v) }

func esc(s string) string { return html.EscapeString(s) }

func (s server) page(w http.ResponseWriter, r *http.Request) {
	f, err := s.facts.get(r.Context())
	status := http.StatusOK
	if err != nil {
		status, f = http.StatusServiceUnavailable, Facts{Name: "Packhorse", Level: Fail, Verdict: "The gateway of this box does not answer. Look again in a minute."}
	}
	shared.Answer(w, status, "text/html; charset=utf-8", []byte(document(f)))
}

// document is the whole page. It works without its script, which only keeps it fresh.
func document(f Facts) string {
	var b strings.Builder
	add := func(format string, v ...any) { fmt.Fprintf(&b, format+"\n", v...) }
	add(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<link rel="stylesheet" href="/page.css">
<noscript><meta http-equiv="refresh" content="30"></noscript>
<script src="/page.js" defer></script>
</head>
<body>
<header><p class="kind">Packhorse box</p><h1 id="name">%s</h1></header>
<main>`, esc(f.Name), esc(f.Name))
	state(add, f)
	wifi(add, f.WiFi)
	about(add)
	apps(add, f)
	add(`</main>
<footer><p>Packhorse %s. This page comes from the box itself; it needs no Internet and tells nobody who looks.</p></footer>
</body>
</html>`, esc(f.Version))
	return b.String()
}

// words says a level without its colour.
var words = map[Level]string{OK: "Works", Warn: "Works, with a warning", Fail: "Needs help", Unready: "Not set up yet"}

func state(add func(string, ...any), f Facts) {
	add(`<section aria-labelledby="how">
<h2 id="how">How it is</h2>
<div role="status" aria-live="polite"><p id="lost" class="lost" hidden></p>
<p id="verdict" class="verdict %s"><strong id="level">%s</strong> <span id="words">%s</span></p></div>
<dl>
<div><dt>Neighbours it hears</dt><dd id="neighbours">%d</dd></div>
<div><dt>Parcels waiting here</dt><dd id="waiting">%d</dd></div>
<div><dt>Internet</dt><dd id="internet">%s</dd></div>
<div><dt>Running for</dt><dd id="uptime">%s</dd></div>
</dl>
</section>`, esc(string(f.Level)), esc(words[f.Level]), esc(f.Verdict), f.Neighbours, f.Waiting, reached(f.Internet), esc(uptime(f.UptimeS)))
}

func reached(yes bool) string {
	if yes {
		return "reached"
	}
	return "not from here"
}

// uptime is a length of time in words, as page.js says it too.
func uptime(s int64) string {
	d := time.Duration(s) * time.Second
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func wifi(add func(string, ...any), w *WiFi) {
	if w == nil {
		return
	}
	pass := `<div><dt>Passphrase</dt><dd><code>` + esc(w.Passphrase) + `</code></dd></div>`
	if w.Passphrase == "" {
		pass = `<div><dt>Passphrase</dt><dd>none: anybody may join</dd></div>`
	}
	add(`<section aria-labelledby="join">
<h2 id="join">Bring somebody here</h2>
<p>Point the camera of a phone at the square to join the Wi-Fi of this box, or type it:</p>`)
	if svg, err := square(w.URI(), "QR code for the Wi-Fi network "+w.SSID); err == nil {
		add(`<div class="square">%s</div>`, svg)
	}
	add(`<dl>
<div><dt>Network</dt><dd><code>%s</code></dd></div>
%s
</dl>
<p>The network leads to this box, and not to the Internet. Open <b>http://%s</b> if this page does not come up by itself.</p>
</section>`, esc(w.SSID), pass, Name)
}

func about(add func(string, ...any)) {
	add(`<section aria-labelledby="what">
<h2 id="what">What this box is</h2>
<p>It carries parcels of <b>Awala</b> apps, such as messages, where there is no Internet: by radio from box to box, in hours or days if it must be, until they
are delivered. Parcels are encrypted by the app that sends them. Neither this box nor the others on the way can read them.</p>
</section>`)
}

func apps(add func(string, ...any), f Facts) {
	if f.PoWeb == "" && f.Courier == "" {
		return
	}
	add(`<section aria-labelledby="apps">
<h2 id="apps">For Awala apps</h2>
<ul>`)
	if f.Courier != "" {
		add(`<li>Phones: join the Wi-Fi, then open Awala&#39;s courier app and sync. The box takes cargo at <code>%s</code>.</li>`, esc(f.Courier))
	}
	if f.PoWeb != "" {
		add(`<li>Apps that run on this box reach it by PoWeb at <code>%s</code>.</li>`, esc(f.PoWeb))
	}
	add(`</ul>
</section>`)
}
