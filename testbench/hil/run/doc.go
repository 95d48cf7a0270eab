// Package run takes suites through benches in one order: lock, switch on, wait until the gateways are ready, deploy by hash,
// run the cases, collect what helps to understand failures, switch off, unlock. What comes of it is a report. A rig
// that is not there makes all its cases skipped, with the reason.
package run
