//go:build linux

package virtual

import "io"

// watched is a node's line with somebody who looks on, where the options name one.
func (o Options) watched(name string, l io.ReadWriter) io.ReadWriter {
	if o.Watch == nil {
		return l
	}
	return watchedLine{io.TeeReader(l, watcher(func(b []byte) { o.Watch(name, b) })), l}
}

type watchedLine struct {
	io.Reader
	io.Writer
}

// watcher is a writer that cannot fail.
type watcher func([]byte)

func (w watcher) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

// Type sends octets to the node's console as they are, keys that are no text among them. A node that is off is an error.
func (n *Node) Type(b []byte) error {
	_, err := n.line.Write(b)
	return n.error("type", err)
}
