// Package real holds the tests that run packhorse as real processes in real time, on
// simulated radios behind pseudo-terminals. They take minutes and have nothing to import.
package real
