// Package courier keeps cargo in files on a USB stick, so that it can be pulled out at any moment: a file is complete or it
// does not count.
//
//	DIR/packhorse-cargo/README.txt         tells a finder what this is
//	DIR/packhorse-cargo/3/3f0a...c4.bnd    a bundle between two gateways of a domain: package bundle
//	DIR/packhorse-cargo/a/a91b...07.crg    Awala cargo, the RAMF octets alone
//	DIR/packhorse-cargo/c/c04d...9e.cca    an Awala cargo collection authorisation, the same
//	DIR/packhorse-cargo/c/c04d...9e.tmp    being written, or cut off: never read
//
// A name is 16 lower-case hexadecimal digits, the beginning of the content's SHA-256, in the directory of the first one; at
// most 1,000 files are put into each. Everything on a stick is an attacker's: only regular files with such names are opened,
// never through a link, and no more than MaxFile octets are read of any.
//
// It runs in the process of who plugged the stick in, with that user's rights, and not in the gateway: its service may not
// see removable media at all, and must not read a directory for a user who could not.
package courier

import "errors"

const (
	// Dir is the name of the directory on a stick.
	Dir = "packhorse-cargo"
	// MaxFile is the octets of the largest file: the largest RAMF message.
	MaxFile = 9 << 20
	// Reserve is what is left free on a stick: for acknowledgements, and for directories.
	Reserve = 1 << 20

	maxInDir   = 1000 // files that we put into a directory
	maxEntries = 4096 // names that are looked at in one
	nameDigits = 16
)

// Errors, besides those of the file system.
var (
	ErrFull    = errors.New("courier: the stick is full")
	ErrDamaged = errors.New("courier: the file cannot be read, or is too large")
	ErrBusy    = errors.New("courier: another packhorse is using this stick")
	ErrNoCargo = errors.New("courier: there is no " + Dir + " on it")
)

const readme = `This directory belongs to Packhorse, a network that carries messages between places
without Internet. Whoever brings this stick to its next village helps people to
write to each other.

The files are encrypted. They cannot be read without the keys of the gateway that
each is for, and they hold no programs. What can be seen: how large a file is, until
when it is of use, and a number that stands for the place it goes to.

Found it? Please give it to somebody who runs a gateway, or plug it in and run
    packhorse courier import DIRECTORY
Deleting files loses nothing for ever: who wrote them keeps a copy until they arrive.
`
