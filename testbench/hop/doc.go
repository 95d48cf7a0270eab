// Package hop shows what one hop costs: bodies of random octets between nodes that have a link and
// nothing above it, on simulated LoRa with the medium access of RNode modems. The session is open
// before the clock starts; everything that the transfer causes on the air counts.
//
// The medians of 20 seeds must reach floors and are printed beside the aims and beside Reticulum (make bench-link).
// PACKHORSE_BENCH=N takes N seeds, PACKHORSE_BENCH_JSON=FILE writes the medians there too.
package hop
