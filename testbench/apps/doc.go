// Package apps has many endpoints use one gateway at once, over real sockets and on a real disk: what they send is
// delivered once each, and the gateway does not grow by it.
//
//	go test ./testbench/apps                                             400 parcels of 10 endpoints
//	PACKHORSE_BENCH=1 go test -v -count=1 -run=Crowd ./testbench/apps    10,000 parcels of 50 endpoints, with figures
package apps
