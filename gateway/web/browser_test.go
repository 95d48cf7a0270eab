package web

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// pageVar lets the tests run that need a browser; the suite page of make test sets it.
const pageVar = "PACKHORSE_PAGE"

// shotsVar names a directory in which screenshots are left.
const shotsVar = "PACKHORSE_SHOTS"

// TestMain leaves what needs a browser to those who ask for it.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(pageVar) == "" {
		if err := flag.Set("test.skip", "InABrowser"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// measure is a script that looks at the page as it came out, and writes into it what it saw.
const measure = `"use strict";
(function () {
  var seen = { violations: [], low: [], small: [] };
  document.addEventListener("securitypolicyviolation", function (e) { seen.violations.push(e.violatedDirective + " " + e.blockedURI); });
  function rgb(s) { return s.match(/[\d.]+/g).map(Number); }
  function light(c) { return c.slice(0, 3).map(function (v) { v /= 255; return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); }).reduce(function (s, v, i) { return s + v * [0.2126, 0.7152, 0.0722][i]; }, 0); }
  function ground(e) { for (; e; e = e.parentElement) { var c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; }
  function look() {
    document.querySelectorAll("body *").forEach(function (e) {
      var own = Array.prototype.some.call(e.childNodes, function (n) { return n.nodeType === 3 && n.textContent.trim(); });
      if (!own || e.hidden) return;
      var a = light(rgb(getComputedStyle(e).color)), b = light(ground(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) seen.low.push(e.tagName + " " + ratio.toFixed(1));
      if (parseFloat(getComputedStyle(e).fontSize) < 14) seen.small.push(e.tagName);
    });
    seen.width = document.documentElement.scrollWidth; seen.window = innerWidth;
    seen.columns = new Set(Array.prototype.map.call(document.querySelectorAll("section"), function (e) { return Math.round(e.getBoundingClientRect().left); })).size;
    seen.dark = matchMedia("(prefers-color-scheme: dark)").matches;
    var square = document.querySelector("svg").getBoundingClientRect();
    seen.square = Math.round(square.width); seen.upright = Math.abs(square.width - square.height) < 1;
    var pre = document.createElement("pre"); pre.id = "measured"; pre.hidden = true; pre.textContent = JSON.stringify(seen); document.body.appendChild(pre);
  }
  setTimeout(look, 12000);
})();`

// measured is what the script saw.
type measured struct {
	Violations, Low, Small         []string
	Width, Window, Columns, Square int
	Dark, Upright                  bool
}

// onlyWay is the proxy that the browser has to take to anywhere: it leads to the page, and notes what was asked for.
type onlyWay struct {
	page http.Handler

	mu    sync.Mutex
	asked []string
}

func (o *onlyWay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.asked = append(o.asked, r.Method+" "+r.Host+r.URL.Path)
	o.mu.Unlock()
	switch {
	case r.Method == http.MethodConnect:
		http.Error(w, "there is no such way", http.StatusForbidden)
	case r.URL.Path == "/measure.js":
		w.Header().Set("Content-Type", "text/javascript")
		w.Write([]byte(measure))
	case r.URL.Path == "/": // as it is, but for the script that measures it
		in := httptest.NewRecorder()
		o.page.ServeHTTP(in, r)
		for k, v := range in.Header() {
			w.Header()[k] = v
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(in.Code)
		w.Write(bytes.Replace(in.Body.Bytes(), []byte("</head>"), []byte(`<script src="/measure.js"></script></head>`), 1))
	default:
		o.page.ServeHTTP(w, r)
	}
}

// moving is a gateway that hears more neighbours each time it is asked.
type moving struct {
	*told
	mu sync.Mutex
}

func (m *moving) Facts(ctx context.Context) (Facts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.facts.Neighbours++
	return m.told.Facts(ctx)
}

const boxAddress = "10.42.47.1"

// browse has the browser load the page of the box, and answers the page as it is after the script was at work, and all that
// the browser asked for.
func browse(t *testing.T, s Source, width int, dark bool) (dom string, asked []string) {
	t.Helper()
	now := time.Unix(1_800_000_000, 0) // the browser's time is virtual and runs ahead of ours
	way := &onlyWay{page: newHandler(s, func() time.Time { now = now.Add(fresh); return now })}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: way}
	go srv.Serve(l)
	defer srv.Close()
	scheme := map[bool]string{false: "1", true: "0"}[dark]
	args := []string{"--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir=" + t.TempDir(), "--proxy-server=" + l.Addr().String(), "--proxy-bypass-list=<-loopback>",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--blink-settings=preferredColorScheme=" + scheme, fmt.Sprintf("--window-size=%d,1600", width),
		"--virtual-time-budget=15000", "--timeout=60000"}
	if dir := os.Getenv(shotsVar); dir != "" {
		shot(t, append(args, fmt.Sprintf("--screenshot=%s", filepath.Join(dir, fmt.Sprintf("page-%d-%v.png", width, dark)))))
	}
	out := shot(t, append(args, "--dump-dom"))
	way.mu.Lock()
	defer way.mu.Unlock()
	return out, way.asked
}

func shot(t *testing.T, args []string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, browser(t), append(args, "http://"+boxAddress+"/")...).Output()
	if err != nil {
		t.Fatalf("the browser: %v", err)
	}
	return string(out)
}

func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("these tests need a browser: apt install chromium-headless-shell")
	return ""
}

var measuredIn = regexp.MustCompile(`<pre id="measured"[^>]*>([^<]*)</pre>`)

// TestPageInABrowser looks at the page as phones and laptops show it, by day and by night.
func TestPageInABrowser(t *testing.T) {
	for _, v := range []struct {
		width, columns int
		dark           bool
	}{{360, 1, false}, {360, 1, true}, {900, 2, false}} {
		t.Run(fmt.Sprintf("%d pixels, dark %v", v.width, v.dark), func(t *testing.T) {
			s := &moving{told: ridge()}
			dom, asked := browse(t, s, v.width, v.dark)
			for _, a := range asked {
				if !strings.HasPrefix(a, "GET "+boxAddress+"/") {
					t.Errorf("the browser was led elsewhere: %s", a)
				}
			}
			if !slices.Contains(asked, "GET "+boxAddress+"/v1/page") || !strings.Contains(dom, fmt.Sprintf(`<dd id="neighbours">%d</dd>`, s.facts.Neighbours)) || s.facts.Neighbours < 4 {
				t.Errorf("the script does not keep the page fresh: asked %q, %d neighbours, in\n%s", asked, s.facts.Neighbours, dom)
			}
			found := measuredIn.FindStringSubmatch(dom)
			if found == nil {
				t.Fatalf("nothing was measured:\n%s", dom)
			}
			var m measured
			if err := json.Unmarshal([]byte(html.UnescapeString(found[1])), &m); err != nil {
				t.Fatal(err)
			}
			if m.Window != v.width || m.Width > v.width || m.Columns != v.columns || m.Dark != v.dark {
				t.Errorf("got %+v, want all of it within %d pixels, in %d columns", m, v.width, v.columns)
			}
			if len(m.Low)+len(m.Small)+len(m.Violations) > 0 {
				t.Errorf("contrast below 4.5: %q; letters below 14 pixels: %q; refused by the policy: %q", m.Low, m.Small, m.Violations)
			}
			if m.Square < 200 || !m.Upright {
				t.Errorf("the square is %d pixels wide, upright %v", m.Square, m.Upright)
			}
		})
	}
}

// TestLostBoxInABrowser: a box that went away is said to be away, and what was so last stays.
func TestLostBoxInABrowser(t *testing.T) {
	t.Setenv(shotsVar, "") // which loads the page once more
	s := &leaving{told: ridge()}
	dom, _ := browse(t, s, 360, false)
	if !strings.Contains(dom, "This box does not answer since") || !strings.Contains(dom, `<h1 id="name">ridge-1</h1>`) || !strings.Contains(dom, `class="stale"`) {
		t.Errorf("got\n%s", dom)
	}
}

// leaving answers once for each page that is loaded, and not again.
type leaving struct {
	*told
	mu sync.Mutex
}

func (l *leaving) Facts(ctx context.Context) (Facts, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := l.told.Facts(ctx)
	l.err = fmt.Errorf("gone")
	return f, err
}
