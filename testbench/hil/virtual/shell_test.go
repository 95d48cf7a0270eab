//go:build linux

package virtual

import (
	"errors"
	"os"
	"strings"
	"testing"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/shell"
)

// TestWhatCannotBeFedSaysWhy: without a key that is how the rig is, without a port the machine is off.
func TestWhatCannotBeFedSaysWhy(t *testing.T) {
	n := &Node{name: "a", log: os.Stderr}
	var unable *hil.Unable
	if _, err := n.RunWith(t.Context(), nil, "send", "b", "-"); !errors.As(err, &unable) {
		t.Errorf("without a key: %v", err)
	}
	n.shell = shell.New(n.address, sshConfig(nil))
	if _, err := n.RunWith(t.Context(), nil, "send", "b", "-"); errors.As(err, &unable) || !errors.Is(err, errNoPort) || !strings.Contains(err.Error(), "node a: send b -") {
		t.Errorf("switched off: %v", err)
	}
	if n.port.Store(7); n.SSH() != "127.0.0.1:7" {
		t.Errorf("the address is %q", n.SSH())
	}
}
