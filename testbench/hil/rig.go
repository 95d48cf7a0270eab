package hil

import (
	"context"
)

// Power is the switch of one node. Both calls may be made in any state and are done when they return.
type Power interface {
	// On gives power. It does not wait for the system: Console.Ready does.
	On(ctx context.Context) error
	// Off takes power away at once, as pulling the plug does: nothing is told to the system beforehand.
	Off(ctx context.Context) error
}

// Node is one board with its radios. Its methods may be called by one goroutine at a time; different nodes are independent.
type Node interface {
	// Name is short, and the same in the bench file, in reports and, unless a suite sets another, on the air.
	Name() string
	// Power is nil where nobody but a person can switch it.
	Power() Power
	// Console is nil where there is none.
	Console() *Console
	// Deploy brings a file to where it belongs, unless what runs there already has its hash. An image is written to a
	// node that is off; what else needs power says so.
	Deploy(ctx context.Context, a Artifact) error
	// Run gives one packhorse command, without the word packhorse, over whatever the node has (console, SSH, a process),
	// and waits for its end. A command that fails is a Result with an exit code, not an error.
	Run(ctx context.Context, args ...string) (Result, error)
	// Collect writes what helps to understand a failure into a directory that exists: console, logs, status.
	Collect(ctx context.Context, dir string) error
	// Identity says what exactly this is, for reports.
	Identity() Identity
}

// Result is what became of a command. Output holds both its streams where they cannot be told apart.
type Result struct {
	Output string
	Exit   int
}

// Kinds of artifacts.
const (
	Image   = "image"   // a whole card
	Update  = "update"  // NAME.phup
	Config  = "config"  // packhorse.toml
	Binary  = "binary"  // packhorse for the node's processor
	Package = "package" // .deb
)

// Artifact is a file to be deployed.
type Artifact struct {
	Kind   string
	Path   string
	SHA256 string // of the file, in hex
}

// Air is what lies between the antennas. A rig that cannot do what is asked answers Unable.
type Air interface {
	// Cut takes two nodes out of each other's range, or with cut false puts them back.
	Cut(ctx context.Context, a, b string, cut bool) error
	// Attenuate sets the attenuation between two nodes, in dB.
	Attenuate(ctx context.Context, a, b string, dB float64) error
	// Loss sets the probability at which a packet is lost at a receiver.
	Loss(ctx context.Context, p float64) error
	// Frames is how many frames a node's radios have sent and received since the rig was opened.
	Frames(ctx context.Context, node string) (sent, received uint64, err error)
}

// Rig is a bench that is ours until Close.
type Rig interface {
	// Nodes are in the order of the bench file.
	Nodes() []Node
	// Air is never nil.
	Air() Air
	Identity() Identity
	// Close switches all nodes off and gives back what was locked. What it could not do is in the error.
	Close() error
}

// Identity is what a report says of a rig or node: kind ("simulated", "virtual", "real"), name, and facts such as the
// version of a firmware or the hash of an image.
type Identity struct {
	Kind  string            `json:"kind"`
	Name  string            `json:"name"`
	Facts map[string]string `json:"facts,omitempty"`
}
