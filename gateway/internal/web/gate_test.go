package web

import (
	"context"
	"net/http"
	"slices"
	"testing"
)

func TestOneAddressDoesNotTakeAllPlaces(t *testing.T) {
	request := func(from string) *http.Request { return &http.Request{RemoteAddr: from} }
	g := NewGate(3, 2)
	enter := func(from string) func() {
		leave, _ := g.Enter(request(from), false)
		return leave
	}
	first := enter("192.0.2.1:1")
	if first == nil || enter("192.0.2.1:2") == nil || enter("[::ffff:192.0.2.1]:3") != nil {
		t.Error("an address has another share than 2")
	}
	if enter("[2001:db8::1]:1") == nil || enter("[2001:db8::2]:1") != nil || enter("192.0.2.2:1") != nil {
		t.Error("there are more places than 3")
	}
	if first(); enter("192.0.2.2:1") == nil {
		t.Error("a place that was left is not given again")
	}
	if got := []string{network("[2001:db8::1]:9"), network("[2001:db8:0:1::1]:9"), network("pipe")}; !slices.Equal(got, []string{"2001:db8::/64", "2001:db8:0:1::/64", ""}) {
		t.Errorf("networks: got %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if leave, err := g.Enter(request("198.51.100.1:1").WithContext(ctx), true); leave != nil || err != context.Canceled || len(g.by) != 3 {
		t.Errorf("who gave up waiting: %v, %d addresses inside, want 3", err, len(g.by))
	}
}

func TestProxyOnThisMachineTakesAllPlaces(t *testing.T) {
	g := NewGate(3, 1)
	for i, from := range []string{"127.0.0.1:1", "127.0.0.1:2", "[::1]:3", "127.0.0.1:4"} {
		if leave, _ := g.Enter(&http.Request{RemoteAddr: from}, false); (leave != nil) != (i < 3) {
			t.Errorf("number %d: let in is %v", i, leave != nil)
		}
	}
}
