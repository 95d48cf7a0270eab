package interop

import "testing"

// TestDoubles shows that the servers that our gateways are tested with do what Awala's do.
func TestDoubles(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	script{name: "doubles.mjs", args: []string{a.dir}, env: a.env(), least: 5}.run(t)
}
