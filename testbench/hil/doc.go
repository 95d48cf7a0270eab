// Package hil is hardware in the loop: benches of boards with radios that a program switches on and off, types at and
// listens to. A suite knows only what is here; whether the boards are processes with simulated radios, virtual machines
// (hil/virtual) or real ones on a table is the rig's matter.
//
// Every call that waits takes a context and ends with it, and by itself after a while. An error names the node and what
// to look at.
package hil
