// Package benchfile reads the description of a bench of real boards: its nodes, how each is reached and switched, its
// radios, and what lies between their antennas. docs/HIL.md lists every key.
package benchfile
