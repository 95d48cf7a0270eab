package stamp

import (
	"strings"
	"testing"
)

func TestVersionIsNeverEmpty(t *testing.T) {
	if got := Version("v1.2"); got != "v1.2" {
		t.Errorf("stamped: got %q", got)
	}
	if got := Version(""); !strings.HasPrefix(got, "dev") {
		t.Errorf("not stamped: got %q", got)
	}
}
