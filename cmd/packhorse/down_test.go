package main

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

func TestAStoreThatMayNotBeReadIsNotCalledMissing(t *testing.T) {
	for err, want := range map[error]string{
		fs.ErrPermission: "/s, not readable by this user",
		fs.ErrNotExist:   "/s, no store in it yet",
	} {
		if got := storeLine("/s", nil, fmt.Errorf("store: %w", err)); !strings.Contains(got, want) {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}
