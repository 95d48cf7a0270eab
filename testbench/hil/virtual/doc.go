// Package virtual is a bench without hardware: each node is a QEMU machine with the kernel that is flashed, booted from
// a card's image as the firmware of a Raspberry Pi would, with an RNode on USB whose antenna is a simulated air.
//
// Taking the power away kills the machine and makes of its card what a power cut leaves: all that was flushed, and of the
// rest what the seed says. It needs Linux, qemu-system-aarch64 and mtools.
package virtual
