// Package power holds the switches of real benches: a port of a USB hub that switches its supply (uhubctl), and a relay
// on a GPIO line. Each is a hil.Power, and is put into effect when a call returns.
package power
