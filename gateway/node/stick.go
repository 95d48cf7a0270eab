package node

import (
	"context"
	"errors"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/courier/bundle"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

// CourierExport makes files for a stick, the most urgent first. Nothing leaves the queue: what is written on a stick may
// never arrive.
func (a adminAPI) CourierExport(ctx context.Context, q admin.CourierExport, each func(admin.CourierPart) error) error {
	x := &stickExport{n: a.n, ctx: ctx, sub: a.n.subs.Add(1), room: q.RoomBytes, block: max(q.BlockBytes, 1), each: each}
	v, err := askFor[gateway.StickVerdict](ctx, a.n, func(t gateway.Token) gateway.Event {
		return gateway.OpenStick{Token: t, Sub: x.sub, Files: stickFiles(q.Files)}
	})
	if err != nil {
		return err
	}
	defer a.n.tell(context.WithoutCancel(ctx), gateway.CloseStick{Sub: x.sub})
	x.gain(q.Files, v.Over)
	if err := each(admin.CourierPart{Over: v.Over, WaitBytes: v.Bytes, WaitParcels: v.Parcels}); err != nil {
		return err
	}
	if err := x.files(link.Emergency); err != nil {
		return err
	}
	if err := x.own(q.Files, v); err != nil {
		return err
	}
	if err := x.files(link.Bulk); err != nil {
		return err
	}
	left := &admin.CourierLeft{Parcels: x.left.Parcels, Cargo: x.left.Cargo, SizeBytes: x.left.Bytes}
	if x.short {
		left.Cargo++
	}
	return each(admin.CourierPart{End: true, Left: left})
}

func stickFiles(in []admin.StickFile) []gateway.StickFile {
	out := make([]gateway.StickFile, 0, len(in))
	for _, f := range in {
		out = append(out, gateway.StickFile{Name: f.Name, Size: f.SizeBytes, Head: f.Head})
	}
	return out
}

// stickExport is one export.
type stickExport struct {
	n     *Node
	ctx   context.Context
	sub   uint64
	room  int64
	block int64
	left  gateway.StickLeft
	short bool // cargo of ours had no room
	each  func(admin.CourierPart) error
}

// gain counts what removed files leave free.
func (x *stickExport) gain(files []admin.StickFile, over []string) {
	gone := map[string]bool{}
	for _, name := range over {
		gone[name] = true
	}
	for _, f := range files {
		if gone[f.Name] {
			x.room += f.SizeBytes
		}
	}
}

// files hands out all files that are at least as urgent.
func (x *stickExport) files(least link.Priority) error {
	for {
		m, err := askFor[*gateway.StickMade](x.ctx, x.n, func(t gateway.Token) gateway.Event {
			return gateway.NextFile{Token: t, Sub: x.sub, Room: x.room / x.block * x.block, Least: least}
		})
		if err != nil {
			return err
		}
		if x.left = m.Left; len(m.Raw) == 0 {
			return nil
		}
		if err := x.hand(admin.CourierPart{Kind: stickKind(m.Type), To: m.To, Priority: priorityWords[m.Priority], Parcels: m.Parcels, Notes: m.Notes, Expires: m.Expires, Content: m.Raw}); err != nil {
			return err
		}
	}
}

// hand gives a file out and counts the blocks that it takes.
func (x *stickExport) hand(p admin.CourierPart) error {
	p.SizeBytes = int64(len(p.Content))
	x.room -= (p.SizeBytes + x.block - 1) / x.block * x.block
	return x.each(p)
}

func stickKind(t ramf.Type) string {
	switch t {
	case ramf.Cargo:
		return "cargo"
	case ramf.CCA:
		return "cca"
	}
	return "bundle"
}

// CourierImport takes a file by what its first octets say that it is.
func (a adminAPI) CourierImport(ctx context.Context, content []byte) (admin.CourierTaken, error) {
	if bundle.Is(content) {
		return a.takeBundle(ctx, content)
	}
	kind, _, _ := ramf.Peek(content)
	if kind != ramf.Cargo && kind != ramf.CCA {
		return admin.CourierTaken{Fate: admin.FateDamaged}, nil
	}
	v, err := a.n.ask(ctx, func(t gateway.Token) gateway.Event { return gateway.Carry{Token: t, Raw: content} })
	c, _ := v.(gateway.CargoTaken)
	out := admin.CourierTaken{Kind: stickKind(kind), Held: c.Held, Parcels: c.Parcels, Custody: c.Acks, Refused: c.Refused}
	if out.Fate, err = fateOf(c, err); err != nil {
		return out, adminError(err)
	}
	return out, nil
}

// fateOf is what becomes of a file with cargo or a CCA; the error is one that has nothing to do with the file.
func fateOf(c gateway.CargoTaken, err error) (string, error) {
	var no *ramf.Error
	var g *gateway.Error
	switch {
	case err == nil && c.Held:
		return admin.FateOthers, nil
	case err == nil:
		return admin.FateDone, nil
	case errors.As(err, &g) && g.Code == "quota":
		return admin.FateLater, nil
	case !errors.As(err, &no):
		return "", err
	case no.Refusal == ramf.Expired:
		return admin.FateExpired, nil
	case no.Refusal == ramf.NotYetValid:
		return admin.FateLater, nil
	case no.Refusal == ramf.Malformed || no.Refusal == ramf.BadSignature:
		return admin.FateDamaged, nil
	}
	return admin.FateRefused, nil
}

var stickFates = [...]string{gateway.StickDone: admin.FateDone, gateway.StickOthers: admin.FateOthers, gateway.StickLater: admin.FateLater,
	gateway.StickDamaged: admin.FateDamaged, gateway.StickStrange: admin.FateStrange}

func (a adminAPI) takeBundle(ctx context.Context, content []byte) (admin.CourierTaken, error) {
	t, err := askFor[gateway.StickTaken](ctx, a.n, func(t gateway.Token) gateway.Event { return gateway.TakeBundle{Token: t, Raw: content} })
	if err != nil {
		return admin.CourierTaken{}, err
	}
	return admin.CourierTaken{Fate: stickFates[t.Fate], Kind: "bundle", From: t.From, Parcels: t.Parcels, Known: t.Known, Notes: t.Notes,
		Custody: t.Custody, Refused: t.Refused, Later: t.Later, Ack: t.Ack}, nil
}
