package main

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// steps tells on a terminal or log what is being done and how long it took. Steps may run beside each other.
type steps struct {
	mu    sync.Mutex
	log   io.Writer
	begun time.Time
	took  map[string]float64
}

func newSteps(log io.Writer) *steps {
	return &steps{log: log, begun: time.Now(), took: map[string]float64{}}
}

// do runs one step. Its error names the step.
func (s *steps) do(name string, f func() error) error {
	s.say("       %s", name)
	begun := time.Now()
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d := time.Since(begun).Seconds()
	s.mu.Lock()
	s.took[name] = d
	s.mu.Unlock()
	s.say("%5.1f s %s: done", d, name)
	return nil
}

func (s *steps) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.log, format+"\n", args...)
}

func (s *steps) total() float64 { return time.Since(s.begun).Seconds() }

// beside does several things at once and waits for all.
func beside(parts ...func() error) error {
	errs := make([]error, len(parts))
	var all sync.WaitGroup
	for i, f := range parts {
		all.Go(func() { errs[i] = f() })
	}
	all.Wait()
	return errors.Join(errs...)
}
