// Package lock keeps two people, or a person and a program, off the same bench. A lock is a file with who, why and until
// when; while a run goes on the file is locked by flock(2) as well, so that the lock of a program that died is known
// to be stale, and that of one that lives never is. The file is on the computer that has the bench's cables.
package lock
