// Package boards is the rig of real boards that a bench file describes: serial consoles, SSH, power switches, attenuators.
// It was tried against pseudo-terminals, an SSH server in the test, and programs that answer as the real ones do; a real
// bench was not there.
package boards
