// Package sx126x is the command set of Semtech's SX1261, SX1262, SX1268 and LLCC68 as a chip.Driver.
//
// The chip is a state machine of its own behind SPI: opcode and parameters in, a status octet out with everything.
// BUSY is high while it works on a command, and nothing may be sent then. All interrupts come on DIO1; DIO2 may drive an
// antenna switch and DIO3 supply a TCXO, which are facts of a board that the chip cannot tell (Opts).
//
//	cold --Reset--> STDBY_RC --Configure--> ready
//	ready --Transmit--> TX --TxDone--> ready
//	ready --Receive---> RX (until the next command)
//	ready --Detect----> CAD --CadDone--> ready
//
// Besides the commands there are faults of the chip to work around (SX1261/2 datasheet chapter 15), each in a function
// with its section in the comment: 15.1 modulation at 500 kHz, 15.2 antenna mismatch, 15.3 the timer of implicit
// receptions, 15.4 inverted IQ.
//
// A chip may lose its settings at any moment, to a dip of its supply or to static. So each command's outcome is read
// back: the mode after each change of mode, the failure field of each status octet, the device errors after each
// configuration, and the mode again with each look at the interrupt flags.
package sx126x
