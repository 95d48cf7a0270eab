// Package appliance holds the tests that start the image which is flashed, on the virtual bench: boxes that join a domain
// and exchange parcels through power cuts, updates that are kept and updates that are taken back, and a factory reset. It
// has nothing to import. They run with PACKHORSE_HIL=1, need what testbench/hil/virtual needs, and take minutes.
package appliance
