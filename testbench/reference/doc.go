// Package reference holds our chip drivers against recordings of an independent driver that is proven in the field: what
// RadioLib 7.7.1 sends to an SX1276 and to an SX1262 in 79 runs, how it decodes what they answer, and the times on
// air that it computes. The recordings (testdata) are its registers and commands at the moment in which it starts to send,
// to receive or to listen; the tests bring our drivers to the same moments and compare.
//
// A recording is a second opinion on the chip, no judge: what differs on purpose is listed with its reason in
// deviations1262; of the SX1276 nothing does.
package reference
