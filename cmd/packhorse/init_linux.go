package main

import (
	"os"
	"path/filepath"

	"packhorse/cmd/packhorse/internal/appliance"
)

// initOfAppliance makes this program the init of the flash image, where the kernel started it as that. As process 1 of a
// container it is packhorse like anywhere else.
func initOfAppliance() bool {
	if os.Getpid() != 1 || filepath.Base(os.Args[0]) != "init" {
		return false
	}
	appliance.Main(versionText())
	return true
}
