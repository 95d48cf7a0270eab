package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"
)

// result is what one suite came to.
type result struct {
	count
	took time.Duration
}

// abreast is how many suites run at once of those that need the processor: each ends with packages that keep one core
// busy and no more.
const abreast = 2

// inLanes runs suites, a few at once and begun in their order, and beside them, one after the other, those that wait for
// the clock: they need little of the processor, but at once, so the others give way to them.
func (r *runner) inLanes(ctx context.Context, suites []suite) []result {
	results, ready := make([]result, len(suites)), make([]bool, len(suites))
	var busy, waiting []int
	for i, s := range suites {
		if results[i].count, ready[i] = r.prepare(ctx, s); !ready[i] {
			continue
		}
		if s.waits {
			waiting = append(waiting, i)
		} else {
			busy = append(busy, i)
		}
	}
	play := func(r *runner, lane iter.Seq[int]) {
		for i := range lane {
			results[i] = r.timed(ctx, suites[i])
		}
	}
	out := &shared{to: r.out}
	beside, inLine := &runner{out: out, ci: r.ci}, &runner{out: out, ci: r.ci, givesWay: len(waiting) > 0}
	next := make(chan int, len(busy))
	for _, i := range busy {
		next <- i
	}
	close(next)
	var done sync.WaitGroup
	done.Go(func() { play(beside, slices.Values(waiting)) })
	for range abreast {
		done.Go(func() { play(inLine, taken(next)) })
	}
	done.Wait()
	return results
}

// taken are the values of a channel until it is closed; others may take from it too.
func taken(c <-chan int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range c {
			if !yield(i) {
				return
			}
		}
	}
}

// prepare installs what a suite needs; without it the suite counts as skipped, or as failed in CI.
func (r *runner) prepare(ctx context.Context, s suite) (count, bool) {
	for _, name := range s.needs {
		err := r.ensure(ctx, components[name])
		if err == nil {
			continue
		}
		if r.ci {
			fmt.Fprintf(r.out, "%s: %s is missing: %v\n", s.name, name, err)
			return count{failed: 1}, false
		}
		fmt.Fprintf(r.out, "%s: skipped, %s is missing: %v\n", s.name, name, err)
		return count{skipped: 1}, false
	}
	return count{}, true
}

// timed runs one suite unless all is over, and tells why it broke, which counts as a failure.
func (r *runner) timed(ctx context.Context, s suite) result {
	if ctx.Err() != nil {
		return result{}
	}
	fmt.Fprintf(r.out, "== %s: %s\n", s.name, s.what)
	begun := time.Now()
	c, err := s.run(ctx, r)
	if err != nil {
		fmt.Fprintf(r.out, "%s: %v\n", s.name, err)
		c.failed = max(c.failed, 1)
	}
	return result{c, time.Since(begun)}
}

// shared is a writer for both lanes; what one call writes stays together.
type shared struct {
	mu sync.Mutex
	to io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(p)
}
