package meshtastic

import (
	"errors"
	"fmt"
)

// ErrNoNode: nothing on the port answers as a Meshtastic node.
var ErrNoNode = errors.New("meshtastic: no Meshtastic node answers on this port: check the cable, that its serial console is enabled in the app (Security), and that no other program has the port")

// ErrSilent: the node answered before and no longer does.
var ErrSilent = errors.New("meshtastic: the node stopped answering: unplug it and plug it in again")

// ErrStuck: the node does not get rid of what it holds.
var ErrStuck = errors.New("meshtastic: the node says for minutes that its queue does not empty: its channel is never free, or it has used up the airtime of its region: look at its channel utilization in the Meshtastic app")

// ErrGone: the port broke, or the node restarted.
var ErrGone = errors.New("meshtastic: the node is gone: was it unplugged?")

// ErrChanged: somebody set the node anew while it was open.
var ErrChanged = errors.New("meshtastic: the node was set anew in the Meshtastic app")

// ErrFrameSize: a frame is empty or does not fit one packet.
var ErrFrameSize = fmt.Errorf("meshtastic: a frame has 1 to %d octets", maxFrame)

// ErrNoRegion: the node may not transmit anywhere yet.
var ErrNoRegion = errors.New("meshtastic: the node has no region, so it does not transmit: set its region in the Meshtastic app")

// SettingError: the node is set to something else than the configuration says. A node belongs to its user, so it is
// never changed here.
type SettingError struct {
	What       string // "frequency"
	Node, Want string
}

func (e *SettingError) Error() string {
	return fmt.Sprintf("meshtastic: the node's %s is %s, the configuration says %s: change one of them; a node is set in the Meshtastic app", e.What, e.Node, e.Want)
}

// RefusedError: the node did not take a packet. It works on.
type RefusedError struct {
	Code int32
	Text string // what the node says to people; may be empty
}

// Codes of QueueStatus.res (MeshTypes.h) and of Routing.Error (mesh.proto).
const (
	resultTooLarge  = 7
	resultDutyCycle = 9
	resultFull      = 32
	resultNoRadio   = 33
	resultDisabled  = 34
)

func (e *RefusedError) Error() string {
	text, ok := map[int32]string{
		resultTooLarge:  "the packet is too long for it",
		resultDutyCycle: "it has used up the airtime that its region allows in an hour",
		resultFull:      "its queue is full",
		resultNoRadio:   "it has no radio",
		resultDisabled:  "its transmitter is disabled: enable it in the Meshtastic app",
	}[e.Code]
	if !ok {
		text = fmt.Sprintf("error %d", e.Code)
	}
	if e.Text != "" {
		text += fmt.Sprintf(" (%q)", e.Text)
	}
	return "meshtastic: the node did not take a packet: " + text
}

// Temporary tells that the node works on after this error.
func (e *RefusedError) Temporary() bool { return e.Code != resultNoRadio && e.Code != resultDisabled }
