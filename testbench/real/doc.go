// Package real shows with real processes in real time what the other test benches show in
// virtual time: `packhorse run` on serial ports of `packhorse sim air`, asked and judged
// over the command line. Its tests take minutes, so they run only when PACKHORSE_REAL=1
// (what `make test` runs) or PACKHORSE_SOAK=1 (all of it) asks for them.
package real
