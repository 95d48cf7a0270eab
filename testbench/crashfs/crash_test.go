//go:build linux

package crashfs

import (
	"os"
	"testing"
	"time"
)

// Four writers, and the store opened anew after some batches of each; or one with small values.
var (
	plain  = script{Writers: 4, Batches: 20, Phases: 4}
	killed = script{Writers: 4, Batches: 10, Phases: 10, Kill: true}
	alone  = script{Writers: 1, Batches: 60, Phases: 6, Kill: true, Small: true, Bucket: 128 << 10}
)

var workloads = []workload{
	{title: "data=ordered", script: plain},
	{title: "data=ordered, killed", script: killed},
	{title: "data=ordered, killed at a sync", script: killed, atSync: true},
	{title: "data=ordered, 1 KiB blocks, killed", options: Options{BlockSize: 1024}, script: killed},
	{title: "data=ordered, small and alone, killed", script: alone},
	{title: "data=writeback", options: Options{Data: "writeback"}, script: plain, alarms: true},
	{title: "data=writeback, killed", options: Options{Data: "writeback"}, script: killed, alarms: true},
}

// Of the cuts of a workload every eleventh is cut again four times while it recovers: 315 images in all.
const cutsOfWorkload, imagesOfWorkload = 33, 33 + 4*3

// try plays a workload and judges images of it.
func (w workload) try(t *testing.T, seed uint64) verdict {
	t.Helper()
	w.script.Seed = seed
	h := w.perform(t)
	v := h.examine(t, seed, cutsOfWorkload, 11, 4)
	if !w.alarms {
		v.damaged, v.alarms = v.damaged+v.alarms, 0
	}
	return v
}

func TestOnExt4WhatWasAcknowledgedOutlivesThePower(t *testing.T) {
	need(t)
	for i, w := range workloads {
		t.Run(w.title, func(t *testing.T) {
			v := w.try(t, uint64(i))
			t.Logf("%s: %v", w.title, v)
			if v.found() > 0 || v.images < imagesOfWorkload {
				t.Errorf("got %d faults in %d images, want 0 in %d", v.found(), v.images, imagesOfWorkload)
			}
		})
	}
}

// TestOnExt4WithoutSyncsTheSameTestFails is the positive control: the same writers on the same store and disk, but
// strace answers their syncs without doing them, as a store would that forgot to ask. The file system itself
// syncs as it should, so whatever is missing was lost for want of the store's syncs, and seen to be.
func TestOnExt4WithoutSyncsTheSameTestFails(t *testing.T) {
	need(t)
	w := workload{title: "no syncs", script: plain, quiet: true, commit: 45, wrapper: tracing("retval=0")}
	v := w.try(t, 1)
	t.Logf("%s: %v", w.title, v)
	if v.bad < v.images/2 || v.lost == 0 {
		t.Errorf("got %d bad images of %d with %d values lost, want at least half bad", v.bad, v.images, v.lost)
	}
}

// TestSoak is the same with more seeds.
func TestSoak(t *testing.T) {
	if os.Getenv("PACKHORSE_SOAK") == "" {
		t.Log("no long run was made: set PACKHORSE_SOAK=1")
		return
	}
	need(t)
	const images = 10_000
	sums := make([]verdict, len(workloads))
	begun := time.Now()
	for done, seed := 0, uint64(100); done < images; seed++ {
		i := int(seed) % len(workloads)
		v := workloads[i].try(t, seed)
		sums[i].add(v)
		done += v.images
		if v.found() > 0 {
			t.Errorf("%s, seed %d: %v", workloads[i].title, seed, v)
		}
		if i == 0 {
			left := time.Duration(float64(time.Since(begun)) / float64(done) * float64(max(0, images-done)))
			t.Logf("%d of %d images, %v left", done, images, left.Round(time.Second))
		}
	}
	for i, v := range sums {
		t.Logf("%s: %v", workloads[i].title, v)
	}
}
