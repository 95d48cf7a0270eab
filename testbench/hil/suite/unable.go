package suite

import (
	"errors"

	"packhorse/testbench/hil"
)

// asUnable tells whether an error only says that the rig has no means.
func asUnable(err error) (*hil.Unable, bool) {
	var u *hil.Unable
	return u, errors.As(err, &u)
}
