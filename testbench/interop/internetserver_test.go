package interop

import "testing"

// TestInternetGatewayTable runs the table of cases for Internet gateways against one of Awala's library.
func TestInternetGatewayTable(t *testing.T) {
	a := newAuthority(t)
	script{name: "internetserver.mjs", args: []string{a.dir, "double"}, env: a.env(), least: 75}.run(t)
}
