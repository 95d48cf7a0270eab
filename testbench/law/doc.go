// Package law holds a radio's whole shell against the law: the product's transport, ledger and modem driver on
// simulated RNodes in virtual time, watched by an oracle that knows only what was on the air.
package law
