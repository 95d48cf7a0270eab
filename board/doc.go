// Package board is the computer a gateway runs on: serial ports, SPI through
// periph, the quality of its clock. Everything it hands out is an interface or a
// small type of its own, so that board/sim can stand in for it.
package board
