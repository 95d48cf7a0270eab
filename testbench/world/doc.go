// Package world runs real gateways in virtual time: the same cores and stores
// as the product, joined by a simulated LoRa channel and simulated datagram
// links, driven from one heap of events. A world is replayed by its seed.
package world
