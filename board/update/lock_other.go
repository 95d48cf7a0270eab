//go:build !unix

package update

import "errors"

// ErrBusy says that another process writes an update.
var ErrBusy = errors.New("update: another update is being written: wait for its end")

func (c Card) lock() (unlock func(), err error) { return func() {}, nil }
