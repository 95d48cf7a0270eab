package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"packhorse/testbench/hil"
	"packhorse/testbench/hil/report"
	"packhorse/testbench/hil/suite"
)

const (
	// openLimit is how long a rig may take to be there, startLimit all its nodes to be ready: a virtual machine makes its
	// keys at the first start.
	openLimit  = 5 * time.Minute
	startLimit = 5 * time.Minute
	// deployLimit is for an image through a slow card; endLimit for collecting and switching off.
	deployLimit = 20 * time.Minute
	endLimit    = 3 * time.Minute
	// watchEvery is how fine the time line of frames is.
	watchEvery = time.Second
)

// visit is one rig while suites run on it.
type visit struct {
	*runner
	place   *Place
	marks   *suite.Recorder
	entry   report.Rig
	rig     hil.Rig
	bench   *suite.Bench
	banners map[string]hil.Banner
	unfit   string // why no case can run any more
}

// visit answers why the cases that are left cannot run, or nothing.
func (v *visit) visit(ctx context.Context) (reason string) {
	if v.place.Lock != nil {
		var unlock func() error
		if err := v.step("lock", func() (err error) {
			var note string
			if unlock, note, err = v.place.Lock(); note != "" {
				v.say(report.Case{}, note)
			}
			return err
		}); err != nil {
			return "the bench could not be locked: " + err.Error()
		}
		defer func() { v.step("unlock", unlock) }()
	}
	if err := v.step("open", func() error { return v.open(ctx) }); err != nil {
		return v.absent(err, "the rig could not be opened")
	}
	defer func() { v.step("switch off", v.rig.Close) }()
	defer v.leave(ctx)
	if err := v.step("switch on", func() error { return v.start(ctx) }); err != nil {
		return v.absent(err, "not all nodes came up")
	}
	if len(v.place.Deploy) > 0 {
		if err := v.step("deploy", func() error { return v.deploy(ctx) }); err != nil {
			return v.absent(err, "what is to be tested could not be deployed")
		}
	}
	v.suites(ctx)
	return ""
}

// absent is the reason of cases that did not run. A rig that says what it lacks was not there; any other error has failed
// a case of its own already.
func (v *visit) absent(err error, what string) string {
	var unable *hil.Unable
	if errors.As(err, &unable) {
		v.entry.Skipped = unable.Error()
		return v.entry.Skipped
	}
	return what
}

func (v *visit) open(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	v.rig, err = v.place.Open(ctx, filepath.Join(v.Out, v.place.Kind))
	if err == nil {
		v.bench = suite.NewBench(v.rig, v.place.Params, v.marks)
	}
	return err
}

// start takes the power from every node that has a switch, gives it back, and waits for all.
func (v *visit) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	peers := v.bench.Peers()
	v.banners = map[string]hil.Banner{}
	errs := make([]error, len(peers))
	var all sync.WaitGroup
	var mu sync.Mutex
	for i, p := range peers {
		all.Go(func() {
			b, err := cycle(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			v.banners[p.Name()], errs[i] = b, err
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func cycle(ctx context.Context, p *suite.Peer) (hil.Banner, error) {
	b, err := p.Cycle(ctx)
	var unable *hil.Unable
	if errors.As(err, &unable) { // no switch: it has power already
		return p.On(ctx)
	}
	return b, err
}

// deploy brings the artifacts to every node and starts it again on them.
func (v *visit) deploy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, deployLimit)
	defer cancel()
	for _, p := range v.bench.Peers() {
		for _, a := range v.place.Deploy {
			if err := p.Deploy(ctx, a); err != nil {
				return err
			}
		}
	}
	return v.start(ctx)
}

// suites runs the cases, while the frames of all nodes are counted.
func (v *visit) suites(ctx context.Context) {
	watched, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { v.marks.Watch(watched, v.rig, watchEvery) })
	defer watch.Wait()
	defer stop()
	for _, s := range v.Suites {
		for _, c := range s.Cases {
			if v.unfit != "" {
				v.pass(s.Name, c.Name, v.unfit)
				continue
			}
			failed := v.run(ctx, s.Name, c)
			v.putRight(ctx, s.Name+"/"+c.Name, failed)
		}
	}
	if v.unfit != "" {
		v.say(report.Case{}, fmt.Sprintf("%s: the cases left are skipped: %s", v.place.Kind, v.unfit))
	}
}

// putRight makes the rig fit for the next case: what one has left behind must not fail another. After a case that has failed
// nothing is taken for granted. It is a case of its own in the report, when there was something to do.
func (v *visit) putRight(ctx context.Context, after string, failed bool) {
	if ctx.Err() != nil || !failed && v.bench.Right() {
		return
	}
	err := v.step("put right after "+after, func() error {
		limited, cancel := context.WithTimeout(ctx, startLimit)
		defer cancel()
		err := v.bench.Restore(limited)
		if err != nil && ctx.Err() != nil {
			return &hil.Unable{What: "put the rig right", Why: "the run was interrupted"}
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		v.unfit = "the rig could not be put right after " + after + ": " + err.Error()
	}
}

// run runs one case and tells whether it has failed.
func (v *visit) run(ctx context.Context, name string, c suite.Case) (failed bool) {
	out := report.Case{Rig: v.place.Kind, Suite: name, Name: c.Name, FromS: v.marks.Since()}
	v.say(out, "")
	v.bench.Figures = map[string]float64{}
	limited, cancel := context.WithTimeout(ctx, v.place.Params.Limit)
	err := guarded(func() error { return c.Run(limited, v.bench) })
	cancel()
	out.Outcome, out.Reason = judge(ctx, err)
	out.TookS, out.Figures = v.marks.Since()-out.FromS, v.bench.Figures
	if out.Outcome == report.Failed {
		out.Output = v.lastWords()
	}
	if out.Outcome != report.Skipped {
		v.typical, v.took = v.typical+c.Typical, v.took+time.Duration(out.TookS*float64(time.Second))
		v.marks.Case(v.nodes(), name+": "+c.Name, out.FromS, out.Outcome == report.Failed)
	}
	v.done++
	v.report.Cases = append(v.report.Cases, out)
	v.say(out, "")
	return out.Outcome == report.Failed
}

// judge makes an outcome of what a case has answered.
func judge(ctx context.Context, err error) (outcome, reason string) {
	var unable *hil.Unable
	switch {
	case err == nil:
		return report.Passed, ""
	case ctx.Err() != nil:
		return report.Skipped, "the run was interrupted"
	case errors.As(err, &unable):
		return report.Skipped, unable.Error()
	}
	return report.Failed, err.Error()
}

// guarded makes an error of a panic: the rig must still be switched off and the report written.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the bench itself has failed: %v", p)
		}
	}()
	return f()
}

// step is a case of the rig's own.
func (v *visit) step(name string, f func() error) error {
	out := report.Case{Rig: v.place.Kind, Suite: benchSuite, Name: name, FromS: v.marks.Since()}
	v.say(out, "")
	if v.bench != nil {
		v.bench.Figures = map[string]float64{}
	}
	err := guarded(f)
	out.Outcome, out.Reason = judge(context.Background(), err)
	if v.bench != nil {
		out.Figures = v.bench.Figures
	}
	if out.Outcome == report.Failed {
		out.Output = v.lastWords()
	}
	out.TookS = v.marks.Since() - out.FromS
	v.report.Cases = append(v.report.Cases, out)
	v.say(out, "")
	return err
}

// skip accounts for the cases that did not run.
func (v *visit) skip(reason string) {
	for _, s := range v.Suites {
		for _, c := range s.Cases {
			v.pass(s.Name, c.Name, reason)
		}
	}
	v.say(report.Case{}, fmt.Sprintf("%s: %d cases skipped: %s", v.place.Kind, v.perPlace, reason))
}

// pass accounts for one case that does not run.
func (v *visit) pass(name, c, reason string) {
	v.report.Cases = append(v.report.Cases, report.Case{Rig: v.place.Kind, Suite: name, Name: c, Outcome: report.Skipped, Reason: reason, FromS: v.marks.Since()})
	v.done++
}

// nodes are the names that a case ran on.
func (v *visit) nodes() (names []string) {
	for _, p := range v.bench.Peers() {
		names = append(names, p.Name())
	}
	return names
}

// lastWords are the ends of the consoles.
func (v *visit) lastWords() (text string) {
	if v.bench == nil {
		return ""
	}
	for _, p := range v.bench.Peers() {
		if c := p.Console(); c != nil {
			text += "console of " + p.Name() + ":\n" + c.Tail(40) + "\n"
		}
	}
	return text
}

// leave collects, and notes what the rig was. It works also when the run was interrupted.
func (v *visit) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	v.step("collect", func() error { return v.collect(ctx) })
	v.entry.Identity = v.rig.Identity()
	v.entry.Kind = v.place.Kind
	if v.entry.Name == "" {
		v.entry.Name = v.place.Name
	}
	for i, p := range v.bench.Peers() {
		id := p.Identity()
		facts := maps.Clone(id.Facts)
		if b, ok := v.banners[p.Name()]; ok && b.Version != "" {
			if facts == nil {
				facts = map[string]string{}
			}
			facts["version"] = b.Version
			if b.Uptime > 0 {
				facts["boot_s"] = fmt.Sprintf("%.1f", b.Uptime.Seconds())
			}
		}
		id.Facts = facts
		node := report.Node{Identity: id, Marks: v.marks.Marks(p.Name())}
		if i < len(v.entry.Nodes) {
			node.Files = v.entry.Nodes[i].Files
			v.entry.Nodes[i] = node
		}
	}
}
