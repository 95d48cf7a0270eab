package board

import "strings"

// ledName is the name of a lamp of the kernel's, in "led:NAME".
func ledName(ref string) (string, bool) { return strings.CutPrefix(ref, "led:") }
