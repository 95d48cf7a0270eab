//go:build !linux

package main

// initOfAppliance is for Linux alone.
func initOfAppliance() bool { return false }
