package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/courier"
)

func (a *app) courierExportCommand() *cobra.Command {
	most := ""
	c := &cobra.Command{
		Use:   "export DIR",
		Short: "write what waits for other gateways onto a USB stick",
		Long: `Writes what waits for other gateways, whether there is a way to them or not, and cargo for Internet gateways into
DIR/packhorse-cargo, the most urgent first. Parcels stay here until they are acknowledged. The stick may be pulled out at
any moment: run it again, and it goes on where it ended. What expired or was acknowledged leaves the stick. It ends with exit
code 4 when not all has room. docs/COURIER.md says what a finder of the stick can see.`,
		Args: between(1, 1, "the directory of one stick"),
		RunE: func(c *cobra.Command, args []string) error {
			limit, err := octets(most)
			if err != nil {
				return err
			}
			return a.with(func(b admin.Client) error { return a.courierExport(c.Context(), b, args[0], limit) })
		},
	}
	c.Flags().StringVar(&most, "max", "", "most that the stick may hold of it, such as 200MB (default: what is free, but for 1 MB)")
	return c
}

// octets reads a size such as 64MB, 1.5 GB or 300000; empty is no limit.
func octets(s string) (int64, error) {
	if s == "" {
		return math.MaxInt64, nil
	}
	unit := 1.0
	text := strings.TrimSuffix(strings.ToUpper(strings.ReplaceAll(s, " ", "")), "B")
	for i, u := range []string{"K", "M", "G", "T"} {
		if rest, ok := strings.CutSuffix(text, u); ok {
			text, unit = rest, math.Pow(1000, float64(i+1))
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0) || n*unit > math.MaxInt64/2 {
		return 0, usage("--max 200MB", "%q is no size", s)
	}
	return int64(n * unit), nil
}

// courierExported tells of an export in JSON.
type courierExported struct {
	admin.Head
	Dir       string            `json:"dir"`
	Files     int               `json:"files"` // written now
	SizeBytes int64             `json:"size_bytes"`
	Parcels   int               `json:"parcels"`
	Notes     int               `json:"notes"`
	Cargo     int               `json:"cargo"`
	CCAs      int               `json:"ccas"`
	To        []string          `json:"to"`
	Removed   int               `json:"removed"` // files: expired, acknowledged, damaged or replaced
	There     int               `json:"files_on_stick"`
	Left      admin.CourierLeft `json:"left"` // had no room
}

// exporting writes what the gateway makes.
type exporting struct {
	stick *courier.Stick
	out   courierExported
	total int64 // about what comes
	wants int   // parcels among it
	full  bool
	show  func(done, total int64)
}

func (a *app) courierExport(ctx context.Context, b admin.Client, dir string, limit int64) error {
	s, err := courier.Open(dir, true)
	if err != nil {
		return stickError(err, dir)
	}
	defer s.Close()
	if err := s.Prepare(); err != nil {
		return stickError(err, dir)
	}
	q, err := stickOf(s, limit)
	if err != nil {
		return stickError(err, dir)
	}
	show, done := a.copying("writing")
	x := &exporting{stick: s, show: show, out: courierExported{Dir: dir, To: []string{}, There: len(q.Files)}}
	err = b.CourierExport(ctx, q, x.part)
	done()
	if err != nil && !errors.Is(err, courier.ErrFull) {
		return stickError(err, dir)
	}
	x.full = err != nil || x.out.Left != admin.CourierLeft{}
	x.out.Head = a.head(admin.SchemaCourierExport)
	if err := a.answer(x.out, func() { a.sayExported(x) }); err != nil {
		return err
	}
	if x.full {
		return saidAlready(admin.CodeQuota)
	}
	return nil
}

// stickOf tells the gateway what is on a stick, and how much more may be.
func stickOf(s *courier.Stick, limit int64) (q admin.CourierExport, err error) {
	all, err := s.Scan(gateway.StickHead)
	if err != nil {
		return q, err
	}
	q.Files = []admin.StickFile{}
	for _, e := range all {
		if e.Err == nil {
			q.Files = append(q.Files, admin.StickFile{Name: e.Name, SizeBytes: e.Size, Head: e.Head})
		}
		limit -= min(e.Size, limit)
	}
	room, block, err := s.Room()
	q.RoomBytes, q.BlockBytes = min(room, limit), block
	return q, err
}

// part does what one line of the answer asks for.
func (x *exporting) part(p admin.CourierPart) error {
	if p.Left != nil {
		x.out.Left = *p.Left
	}
	x.total, x.wants = x.total+p.WaitBytes, x.wants+p.WaitParcels
	if err := x.remove(p.Over); err != nil || len(p.Content) == 0 {
		return err
	}
	if _, err := x.stick.Write(p.Content, extensions[p.Kind]); err != nil {
		return err
	}
	x.count(p)
	x.show(x.out.SizeBytes, max(x.total, x.out.SizeBytes))
	return nil
}

var extensions = map[string]string{"bundle": courier.Bundle, "cargo": courier.Cargo, "cca": courier.CCA}

func (x *exporting) remove(names []string) error {
	if len(names) == 0 {
		return nil
	}
	x.out.Removed, x.out.There = x.out.Removed+len(names), x.out.There-len(names)
	return x.stick.Remove(names...)
}

func (x *exporting) count(p admin.CourierPart) {
	o := &x.out
	o.Files, o.There, o.SizeBytes = o.Files+1, o.There+1, o.SizeBytes+p.SizeBytes
	o.Parcels, o.Notes = o.Parcels+p.Parcels, o.Notes+p.Notes
	switch p.Kind {
	case "cargo":
		o.Cargo++
	case "cca":
		o.CCAs++
	}
	if !slices.Contains(o.To, p.To) {
		o.To = append(o.To, p.To)
	}
}

func (a *app) sayExported(x *exporting) {
	o := &x.out
	switch {
	case o.Files == 0 && !x.full:
		a.say("nothing new to export; %s on the stick", count(o.There, "file"))
	case o.Files > 0:
		a.say("exported %s, %s, for %s; still kept here until acknowledged", x.what(), size(o.SizeBytes), andList(o.To))
	}
	if x.full {
		a.hint("the stick is full: %d of %s copied", o.Parcels, count(max(x.wants, o.Parcels+o.Left.Parcels), "parcel"))
		a.hint("fix: free space on it, raise --max, or take another stick, and run it again")
	}
}

// what lists what was written, but for what there is none of.
func (x *exporting) what() string {
	o := &x.out
	var all []string
	for _, k := range []struct {
		n    int
		name string
	}{{o.Parcels, "parcel"}, {o.Notes, "receipt or note"}, {o.Cargo, "cargo"}, {o.CCAs, "request for cargo"}} {
		switch {
		case k.n == 1 || k.n > 1 && k.name == "cargo":
			all = append(all, fmt.Sprintf("%d %s", k.n, k.name))
		case k.n > 1:
			all = append(all, fmt.Sprintf("%d %s", k.n, plurals[k.name]))
		}
	}
	return andList(all)
}

var plurals = map[string]string{"parcel": "parcels", "receipt or note": "receipts and notes", "request for cargo": "requests for cargo"}

// andList joins words as people do.
func andList(all []string) string {
	for i := range all {
		all[i] = cell(all[i])
	}
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1]
}

// copying shows how far the octets of a stick are, on a terminal only, with the time that they will take.
func (a *app) copying(what string) (show func(done, total int64), end func()) {
	if !terminal(a.err) {
		return func(int64, int64) {}, func() {}
	}
	var bar *progressbar.ProgressBar
	show = func(done, total int64) {
		if bar == nil {
			bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription(what),
				progressbar.OptionSetTheme(progressbar.Theme{Saucer: "#", SaucerPadding: ".", BarStart: "[", BarEnd: "]"}),
				progressbar.OptionSetWidth(30), progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true),
				progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		bar.ChangeMax64(total)
		bar.Set64(done)
	}
	return show, func() {
		if bar != nil {
			bar.Clear()
		}
	}
}

// stickError says what to do about a stick.
func stickError(err error, dir string) error {
	var known *admin.Error
	switch {
	case errors.As(err, &known) || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, courier.ErrNoCargo):
		return &admin.Error{Code: admin.CodeNotFound, Message: "there is no cargo in " + dir, Fix: "name the directory that holds " + courier.Dir}
	case errors.Is(err, courier.ErrBusy):
		return &admin.Error{Code: admin.CodeNotYet, Message: "another packhorse is using " + dir, Fix: "wait until it is done"}
	case errors.Is(err, courier.ErrFull):
		return &admin.Error{Code: admin.CodeQuota, Message: "there is no room on " + dir + " at all", Fix: "free space on it, or take another stick"}
	}
	return &admin.Error{Code: admin.CodeFailed, Message: err.Error(), Fix: "see that the stick is plugged in and that you may write to " + dir + "; what is complete on it stays good"}
}
