package kiss

import (
	"errors"
	"fmt"
)

// ErrEncrypted: nobody has stated that this radio may carry what we send.
var ErrEncrypted = errors.New("kiss: a TNC is mostly on an amateur band, and all our traffic is encrypted, which is forbidden there in most countries " +
	"(USA: 47 CFR 97.113(a)(4)): put its transmitter on a licence-free band that allows it, and state that with licence_free = true")

// ErrGone: the port or the connection broke.
var ErrGone = errors.New("kiss: the TNC is gone: was it unplugged, or has Direwolf ended?")

// ErrFrameSize: a frame is empty or does not fit the information field.
var ErrFrameSize = fmt.Errorf("kiss: a frame has 1 to %d octets", maxInfo)

var errNotConfigured = errors.New("kiss: the TNC is not configured yet")
