// Package update replaces the system of the appliance by another one that somebody trusted has signed: the file
// format, the writing into the slot that does not run, the trial, and the decision for good. docs/UPDATE.md tells it
// to people.
//
// An update file is an uncompressed tar of manifest.json, its minisign signature, and the gzip of a slot. Open and
// CopyTo read it as a stream: the signature is verified before the first octet of the payload is looked at, and the
// slot can be booted only after both hashes were compared, on the way in and as read back from the card.
//
// A Card is the appliance's card. Nothing here restarts the machine, mounts anything or waits: that is the init's.
package update
