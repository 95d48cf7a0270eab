// Package world runs real gateways in virtual time: the cores and stores of the
// product, joined by the simulated LoRa channel and by simulated datagram
// connections, driven from one heap of events. A world is replayed by its seed.
//
// Virtual time begins at Epoch and advances only from event to event, so an
// hour of radio passes in the time that its computations take. What a shell
// does in the product is done here in the same order: a radio port hands frames
// to its modem as link/port does, batches become durable before they are
// confirmed, and a stopped node leaves its store as a killed process would.
package world
