package main

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/courier"
	"packhorse/gateway/courier/bundle"
)

func (a *app) courierImportCommand() *cobra.Command {
	keep := false
	c := &cobra.Command{
		Use:   "import DIR",
		Short: "take what is for this gateway from a USB stick",
		Long: `Takes what is for this gateway out of DIR/packhorse-cargo, and deletes each file once its content is on disk here and
acknowledged on the stick. What is for others stays on it. The stick may be pulled out at any moment, and read twice. It
ends with exit code 5 when something was not taken now, and with 6 when a file is damaged or by somebody unknown.`,
		Args: between(1, 1, "the directory of one stick"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(b admin.Client) error { return a.courierImport(c.Context(), b, args[0], keep) })
		},
	}
	c.Flags().BoolVar(&keep, "keep", false, "delete nothing from the stick")
	return c
}

// courierImported tells of an import in JSON.
type courierImported struct {
	admin.Head
	Dir     string     `json:"dir"`
	Files   int        `json:"files"` // taken whole
	Parcels int        `json:"parcels"`
	Known   int        `json:"known"`
	Notes   int        `json:"notes"`
	Custody int        `json:"acknowledged"`
	Refused int        `json:"refused"`
	From    []string   `json:"from"`
	Others  int        `json:"for_others"`
	Later   int        `json:"later"` // files
	Expired int        `json:"expired"`
	Bad     []stickBad `json:"problems"`
}

// stickBad is a file that could not be taken.
type stickBad struct {
	File string `json:"file"`
	What string `json:"what"`
	Fix  string `json:"fix"`
}

// importing reads what a stick holds.
type importing struct {
	a     *app
	b     admin.Client
	stick *courier.Stick
	self  bundle.Short
	keep  bool
	out   courierImported
}

func (a *app) courierImport(ctx context.Context, b admin.Client, dir string, keep bool) error {
	s, err := courier.Open(dir, false)
	if err != nil {
		return stickError(err, dir)
	}
	defer s.Close()
	all, err := s.Scan(gateway.StickHead)
	if err != nil {
		return stickError(err, dir)
	}
	x := &importing{a: a, b: b, stick: s, keep: keep, out: courierImported{Dir: dir, From: []string{}, Bad: []stickBad{}}}
	if err := x.know(ctx); err != nil {
		return err
	}
	show, done := a.copying("reading")
	err = x.all(ctx, all, show)
	done()
	if err != nil {
		return stickError(err, dir)
	}
	return x.say()
}

// know asks who we are, so that what is for others need not be read.
func (x *importing) know(ctx context.Context) error {
	st, err := x.b.Status(ctx)
	if err != nil {
		return err
	}
	id, err := hex.DecodeString(st.ID)
	if err == nil && len(id) >= len(x.self) {
		x.self = bundle.Short(id[:len(x.self)])
	}
	return nil
}

func (x *importing) all(ctx context.Context, all []courier.Entry, show func(done, total int64)) error {
	var done, total int64
	for _, e := range all {
		total += min(e.Size, courier.MaxFile)
	}
	for _, e := range all {
		if err := x.one(ctx, e); err != nil {
			return err
		}
		done += min(e.Size, courier.MaxFile)
		show(done, total)
	}
	return nil
}

// one takes a file.
func (x *importing) one(ctx context.Context, e courier.Entry) error {
	if h, err := bundle.ParseHeader(e.Head); err == nil && h.To != x.self {
		x.out.Others++
		return nil
	}
	content, err := x.stick.Read(e.Name)
	if err != nil {
		x.bad(e.Name, "it cannot be read or is larger than any cargo", fixDamaged)
		return nil
	}
	t, err := x.b.CourierImport(ctx, content)
	if err != nil {
		return err
	}
	x.count(t)
	switch t.Fate {
	case admin.FateDone, admin.FateExpired:
		return x.finish(e.Name, t)
	case admin.FateOthers:
		x.out.Others++
	case admin.FateLater:
		x.out.Later++
		x.acknowledge(t.Ack)
	case admin.FateStrange:
		x.bad(e.Name, "no member of the domain that this gateway knows wrote it", "pair with the gateway that wrote it, or let it export anew")
	case admin.FateRefused:
		x.bad(e.Name, "it is not accepted here", "delete it, unless it is for another network")
	default:
		x.bad(e.Name, "it is damaged or was cut off", fixDamaged)
	}
	return nil
}

const fixDamaged = "bring the stick to who wrote it: the next export writes it anew; or delete it, nothing is lost"

func (x *importing) bad(name, what, fix string) {
	x.out.Bad = append(x.out.Bad, stickBad{name, what, fix})
}

func (x *importing) count(t admin.CourierTaken) {
	o := &x.out
	o.Parcels, o.Known, o.Notes, o.Custody, o.Refused = o.Parcels+t.Parcels, o.Known+t.Known, o.Notes+t.Notes, o.Custody+t.Custody, o.Refused+t.Refused
	if t.Parcels+t.Notes > 0 && t.From != "" && !slices.Contains(o.From, t.From) {
		o.From = append(o.From, t.From)
	}
}

// finish acknowledges a file, then deletes it. On a full stick the file makes room first: if the acknowledgement is lost,
// the file is written anew, and acknowledged again.
func (x *importing) finish(name string, t admin.CourierTaken) error {
	if t.Fate == admin.FateExpired {
		x.out.Expired++
	} else {
		x.out.Files++
	}
	full := !x.acknowledge(t.Ack)
	if x.keep {
		return nil
	}
	if err := x.stick.Remove(name); err != nil {
		x.bad(name, "it was taken, and cannot be deleted: "+err.Error(), "delete it by hand; taking it again does no harm")
		return nil
	}
	if full {
		x.acknowledge(t.Ack)
	}
	return nil
}

// acknowledge leaves word for who wrote a file, if the stick takes it. It tells whether it did.
func (x *importing) acknowledge(ack []byte) bool {
	if len(ack) == 0 {
		return true
	}
	_, err := x.stick.Write(ack, courier.Bundle)
	if err != nil && !errors.Is(err, courier.ErrFull) {
		x.a.hint("note: no acknowledgement could be left on the stick: %v", err)
	}
	return err == nil
}

func (x *importing) say() error {
	x.out.Head = x.a.head(admin.SchemaCourierImport)
	if err := x.a.answer(x.out, x.sayText); err != nil {
		return err
	}
	switch {
	case len(x.out.Bad) > 0:
		return problem{len(x.out.Bad)}
	case x.out.Later > 0:
		return saidAlready(admin.CodeNotYet)
	}
	return nil
}

func (x *importing) sayText() {
	o, a := &x.out, x.a
	from := ""
	if len(o.From) > 0 {
		from = " from " + andList(slices.Clone(o.From))
	}
	a.say("imported %s and %s%s", count(o.Parcels, "parcel"), count(o.Notes, "note"), from)
	for _, line := range []struct {
		n    int
		of   string
		text string
	}{{o.Known, "parcel", "that we had already"}, {o.Custody, "acknowledgement", "of what was exported here"}, {o.Refused, "item", "not accepted"},
		{o.Expired, "file", "expired"}, {o.Others, "file", "for others, left on the stick"}, {o.Later, "file", "not taken now, left on the stick"}} {
		if line.n > 0 {
			a.say("%s %s", count(line.n, line.of), line.text)
		}
	}
	if o.Later > 0 {
		a.hint("fix: make room (packhorse queue), then import again")
	}
	for _, b := range o.Bad {
		a.say("fail  %s: %s", b.File, b.What)
		a.hint("fix: %s", b.Fix)
	}
}
