// Package stamp tells what a binary calls itself.
package stamp

import "runtime/debug"

// Version is what the linker stamped, or where that is empty what the build knows of its commit.
func Version(stamped string) string {
	if stamped != "" {
		return stamped
	}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "dev-" + s.Value[:12]
			}
		}
	}
	return "dev"
}
