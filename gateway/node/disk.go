package node

import (
	"context"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/shell"
	"packhorse/store"
)

func (n *Node) newDisk() *shell.Disk {
	return shell.NewDisk(func(ops ...store.Op) error { return n.cfg.apply(n.store, ops...) }, n.persisted)
}

func (n *Node) persist(e gateway.Persist) {
	b := shell.Batch{Seq: e.Seq, Ops: e.Ops}
	if len(e.Secrets) > 0 {
		b.After = func() error { return n.writeSecrets(e.Secrets) }
	}
	n.disk.Persist(b)
}

func (n *Node) writeSecrets(list []gateway.Secret) error {
	for _, s := range list {
		if err := n.secrets.Write(s.Name, s.Value); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) persisted(seqs []uint64, err error) {
	room := n.store.Room()
	n.fromDisk(func(now time.Time) {
		for _, seq := range seqs {
			n.core.HandleEvent(now, gateway.Persisted{Seq: seq, Err: err})
		}
		n.core.HandleEvent(now, gateway.Room{Bytes: room})
	})
}

func (n *Node) load(l gateway.Load) {
	v, err := n.store.Get(l.Kind, l.Key)
	n.fromDisk(func(now time.Time) {
		n.core.HandleEvent(now, gateway.Loaded{Kind: l.Kind, Key: l.Key, Value: v, Err: err})
	})
}

// fromDisk tells the owner, unless it has ended.
func (n *Node) fromDisk(f func(now time.Time)) { n.post(context.Background(), f) }
