package main

import "testing"

func TestDomainCommands(t *testing.T) {
	f := &fake{}
	b := newBench(t, f)
	b.want(0, []string{"NAME", "ridge-1", "owner, this gateway", "ridge-2", "revoked"}, "domain", "list")
	b.want(0, []string{"revoked ridge-2"}, "domain", "revoke", "ridge-2")
	if f.card != "ridge-2" {
		t.Errorf("revoked %q, want ridge-2", f.card)
	}
	b.want(2, []string{"takes the name or id"}, "domain", "revoke")
	b.want(2, nil, "domain")
}
