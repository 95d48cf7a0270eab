package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/admin"
)

func TestAHopShowsBarRateAndTimeLeft(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	h := &hop{from: "a", to: "b", size: 20_000}
	if got := h.line(at); !strings.Contains(got, "0 %  waiting") {
		t.Errorf("before: got %q", got)
	}
	h.see(admin.Parcel{Next: "b", State: admin.Saved, Done: 0, Total: 100}, at)
	h.see(admin.Parcel{Next: "b", State: admin.Saved, Done: 25, Total: 100}, at.Add(10*time.Second))
	want := "  a > b  [######..................]  25 %  500 B/s  ETA 30s"
	if got := h.line(at.Add(10 * time.Second)); got != want {
		t.Errorf("on the way:\n got %q\nwant %q", got, want)
	}
	h.see(admin.Parcel{Next: "c", State: admin.Saved, Done: 90, Total: 100}, at.Add(11*time.Second))
	if h.done != 25 {
		t.Error("another hop's progress was taken for ours")
	}
	h.see(admin.Parcel{State: admin.Carried}, at.Add(40*time.Second))
	h.see(admin.Parcel{State: admin.Delivered}, at.Add(80*time.Second))
	want = "  a > b  [########################] 100 %  on disk at b after 40s  500 B/s"
	if got := h.line(at.Add(90 * time.Second)); got != want {
		t.Errorf("over:\n got %q\nwant %q", got, want)
	}
}

func TestHopsArePlainLinesWithoutATerminal(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	h := &hop{from: "a", to: "b", size: 100}
	s := hops{w: &out, all: []*hop{h}}
	for i := range 101 {
		h.see(admin.Parcel{Next: "b", Done: i, Total: 100}, at.Add(time.Duration(i)*time.Second))
		s.draw(at.Add(time.Duration(i) * time.Second))
	}
	if n := strings.Count(out.String(), "\n"); n != 10 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("got %d lines, want 10 without escapes:\n%s", n, out.String())
	}
}
