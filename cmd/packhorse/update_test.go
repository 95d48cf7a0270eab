package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"packhorse/board/card"
	"packhorse/board/update"
	"packhorse/cmd/packhorse/internal/appliance/control"
	"packhorse/gateway/admin"
)

// boxBench is an appliance in files: its card, its keys and its init.
type boxBench struct {
	*bench
	own   ownBox
	card  update.Card
	pub   minisign.PublicKey
	priv  minisign.PrivateKey
	asked []string // of the init
	says  error    // the init, to a restart
}

var (
	boxRuns = card.Release{Version: "0.4.1", Build: "aaaaaaaa", Board: card.BoardPi, Created: "2026-11-01T00:00:00Z"}
	boxNext = card.Release{Version: "0.5.0", Build: "bbbbbbbb", Board: card.BoardPi, Created: "2026-11-22T00:00:00Z"}
)

func newBoxBench(t *testing.T) *boxBench {
	t.Helper()
	b := &boxBench{bench: newBench(t, nil)}
	var err error
	if b.pub, b.priv, err = minisign.GenerateKey(rand.NewChaCha8([32]byte{7})); err != nil {
		t.Fatal(err)
	}
	b.own = ownBox{release: b.path("release.json"), keys: b.path("keys"), boot: b.path("boot"), history: b.path("history"), dpkg: b.path("dpkg"), ask: b.init}
	b.card = update.Card{Disk: b.path("card"), Running: card.SlotA, Release: boxRuns, BootDir: b.own.boot, History: b.own.history}
	b.box = &b.own
	autoboot, err := card.Autoboot{Default: card.SlotA, Trial: card.SlotB}.AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(b.own.boot, 0o755); err != nil {
		t.Fatal(err)
	}
	b.file("boot/"+card.AutobootFile, autoboot)
	b.file("card3", bytes.Repeat([]byte{1}, 256<<10))
	b.file("keys", []byte(b.pub.String()+"\n"))
	b.runsNow(card.SlotA, boxRuns)
	return b
}

func (b *boxBench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *boxBench) file(name string, data []byte) string {
	b.t.Helper()
	if err := os.WriteFile(b.path(name), data, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return b.path(name)
}

func (b *boxBench) runsNow(slot int, r card.Release) {
	b.t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.file("release.json", text)
	b.card.Running, b.card.Release = slot, r
}

// init answers as the init of the appliance does.
func (b *boxBench) init(_ context.Context, q control.Request) (control.Reply, error) {
	if q.Do == control.DoStatus {
		return control.Reply{OK: true, Status: &control.Status{Partition: b.card.Running, Disk: b.card.Disk}}, nil
	}
	b.asked = append(b.asked, fmt.Sprint(q.Do, " ", q.Trial))
	if b.says != nil {
		return control.Reply{}, b.says
	}
	return control.Reply{OK: true}, b.card.Try(time.Now())
}

func (b *boxBench) updateOf(r card.Release) []byte {
	b.t.Helper()
	slot := make([]byte, 100<<10)
	rand.NewChaCha8([32]byte{1}).Read(slot)
	var out bytes.Buffer
	if _, err := update.Write(&out, r, bytes.NewReader(slot), update.SignWith(b.priv)); err != nil {
		b.t.Fatal(err)
	}
	return out.Bytes()
}

func TestUpdateIsStagedAndTried(t *testing.T) {
	b := newBoxBench(t)
	file := b.file("new.phup", b.updateOf(boxNext))
	b.want(0, []string{"slot A runs 0.4.1 of 2026-11-01T00:00:00Z, the default", "holds nothing that is known to be whole"}, "update", "--status")
	b.want(4, []string{"holds no system", "fix: packhorse update FILE"}, "update", "--other")
	b.want(0, []string{"0.5.0 of 2026-11-22T00:00:00Z, signed by key " + update.KeyName(b.pub.ID()), "writing: 100 % of 102.4 kB", "checking: 100 % of 262.1 kB",
		"0.5.0 is in slot B; the box restarts to try it", "if it does not become ready, 0.4.1 runs again"}, "update", file)
	if fmt.Sprint(b.asked) != "[reboot true]" {
		t.Errorf("the init was asked %v", b.asked)
	}
	b.want(5, []string{"a restart into the other slot was asked for already"}, "update", file)
	b.runsNow(card.SlotB, boxNext)
	if _, err := b.card.Started(time.Now()); err != nil {
		t.Fatal(err)
	}
	b.want(0, []string{"slot B runs 0.5.0", "on trial; slot A is the default", "last update: 0.5.0 is being tried"}, "update", "--status")
	b.want(5, []string{"is on trial", "fix: wait two minutes"}, "update", "--other")
	b.want(0, []string{"0.5.0 runs already, this very build: nothing to do"}, "update", file)
	if err := b.card.Commit(time.Now()); err != nil {
		t.Fatal(err)
	}
	b.want(0, []string{"the default", "the other slot holds 0.4.1", "last update: 0.5.0 was tried and is kept", "AT ", "asked"}, "update")
	b.want(4, []string{"older than what runs", "fix: --allow-older"}, "update", b.file("old.phup", b.updateOf(boxRuns)))
	b.want(0, []string{"0.4.1 is in slot A; the box restarts"}, "update", "--other")
	b.runsNow(card.SlotB, boxNext)
	if _, err := b.card.Started(time.Now()); err != nil {
		t.Fatal(err)
	}
	b.want(0, []string{"last update: 0.4.1 was tried and did not become ready (it did not start, or the power failed meanwhile); 0.5.0 runs again"}, "update", "--status")
}

func TestUpdateMayWaitForItsRestart(t *testing.T) {
	b := newBoxBench(t)
	file := b.file("new.phup", b.updateOf(boxNext))
	b.want(0, []string{"packhorse update --other restarts into it"}, "update", file, "--stage-only")
	if len(b.asked) != 0 {
		t.Errorf("the init was asked %v", b.asked)
	}
	b.says = &admin.Error{Code: admin.CodeRefused, Message: "not now"}
	b.want(4, []string{"0.5.0 is in slot B, but: not now", "fix: packhorse update --other"}, "update", file)
	b.says = nil
	b.want(0, []string{"the box restarts"}, "update", "--other")
}

func TestUpdateFromStdinAndTheWeb(t *testing.T) {
	b := newBoxBench(t)
	data := b.updateOf(boxNext)
	b.in = string(data)
	b.want(0, []string{"0.5.0 is in slot B"}, "update", "-", "--stage-only")
	b.in = string(data[:5000])
	b.want(1, []string{"not an update file, or not all of it", "fix: get the file again; what runs is as it was"}, "update", "-", "--stage-only")
	asked := 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/new.phup" {
			http.NotFound(w, r)
			return
		}
		if asked++; asked == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			w.Write(data[:60_000])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "new.phup", time.Time{}, bytes.NewReader(data))
	}))
	defer web.Close()
	b.want(0, []string{"the connection broke after 60.0 kB (unexpected EOF): trying again", "0.5.0 is in slot B"}, "update", web.URL+"/new.phup", "--stage-only")
	b.want(1, []string{"the server answers 404 Not Found", "fix: check the address"}, "update", web.URL+"/old.phup")
}

func TestUpdateRefusesWhatIsNotForThisBox(t *testing.T) {
	b := newBoxBench(t)
	other := boxNext
	other.Board = "toaster"
	b.want(4, []string{"for another kind of board: toaster", "fix: take the update for this board"}, "update", b.file("t.phup", b.updateOf(other)))
	b.file("keys", []byte("# none\n"))
	good := b.file("new.phup", b.updateOf(boxNext))
	b.want(4, []string{"no key is trusted", "appliance.update_keys"}, "update", good)
	config := b.file("p.toml", []byte(fmt.Sprintf("[appliance]\nupdate_keys = [%q]\n", b.pub.String())))
	b.want(0, []string{"is in slot B"}, "update", good, "--stage-only", "--config", config)
	b.file("keys", []byte("RWQBphKvLbIy5S9jJ8/eUpz3pGZpyyG+6YtMZLuDg1dJrFqZNc4vYLqk\n"))
	b.want(4, []string{"it is by key " + update.KeyName(b.pub.ID()), "fix: take the file from who makes your updates"}, "update", good)
	b.want(2, []string{"fix: name a file, an https address, or - for stdin"}, "update", b.path("none.phup"))
	b.want(2, []string{"is a directory"}, "update", b.dir)
	b.want(2, []string{"three different things"}, "update", good, "--other")
	b.want(2, []string{"three different things"}, "update", "--stage-only")
	if got, _ := os.ReadFile(b.path("card3")); len(b.asked) > 0 || len(got) == 0 {
		t.Errorf("asked %v", b.asked)
	}
}

func TestUpdateOnAMachineWithoutSlots(t *testing.T) {
	b := newBoxBench(t)
	b.own.release = b.path("none")
	for _, args := range [][]string{{"update", "x.phup"}, {"update"}, {"update", "--other"}} {
		b.want(4, []string{"there are no slots on this machine"}, args...)
	}
	b.file("dpkg", nil)
	b.want(4, []string{"installed by the package", "fix: sudo apt install ./packhorse_VERSION_ARCHITECTURE.deb, the newer package"}, "update", "x.phup")
}

func TestUpdateSaysWhatLiesOnTheBootPartition(t *testing.T) {
	b := newBoxBench(t)
	file := b.file("boot/new.phup", b.updateOf(boxNext))
	b.want(0, []string{"new.phup is taken at the next start, or now: packhorse update " + file}, "update")
}

func TestUpdateStopsWhenInterrupted(t *testing.T) {
	b := newBoxBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.own.open = func(path string) (update.Device, error) {
		cancel()
		return update.OpenSlot(path)
	}
	if code := b.runIn(ctx, "update", b.file("new.phup", b.updateOf(boxNext))); code != 130 || !strings.Contains(b.err, "interrupted: the other slot holds nothing now") {
		t.Errorf("got exit %d, %q", code, b.err)
	}
	got, err := os.ReadFile(b.path("card3"))
	if err != nil || !bytes.Equal(got[:card.SectorSize], make([]byte, card.SectorSize)) {
		t.Errorf("the slot would be booted (%v)", err)
	}
}

func TestUpdateCheckWorksAnywhere(t *testing.T) {
	b := newBoxBench(t)
	file := b.file("new.phup", b.updateOf(boxNext))
	b.want(0, []string{"whole and signed: 0.5.0 of 2026-11-22T00:00:00Z for raspberrypi-arm64, build bbbbbbbb", "signed comment: packhorse-update/1", "this box would take it"}, "update", "check", file)
	b.want(0, []string{"this box runs it already"}, "update", "check", b.file("same.phup", b.updateOf(boxRuns)))
	b.own.release, b.own.keys = b.path("none"), b.path("none")
	b.want(4, []string{"no key is trusted", "--key"}, "update", "check", file)
	b.want(0, []string{"whole and signed"}, "update", "check", file, "--key", b.pub.String())
	pub, err := b.pub.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	b.want(0, []string{"whole and signed"}, "update", "check", file, "--key", b.file("minisign.pub", pub))
	if strings.Contains(b.out, "this box") {
		t.Errorf("there is no box: %q", b.out)
	}
	b.want(2, []string{"neither a file nor a key"}, "update", "check", file, "--key", "nonsense")
	data := b.updateOf(boxNext)
	data[len(data)-3000] ^= 1
	b.want(1, []string{"fix: get the file again"}, "update", "check", b.file("bad.phup", data), "--key", b.pub.String())
}

func TestStepLine(t *testing.T) {
	for _, c := range []struct {
		done int64
		took time.Duration
		want string
	}{
		{0, 0, "writing: 0 % of 60.0 MB"}, {30e6, 999 * time.Millisecond, "writing: 50 % of 60.0 MB"}, {0, time.Second, "writing: 0 % of 60.0 MB"}, {30e6, 4 * time.Second, "writing: 50 % of 60.0 MB, 7.5 MB/s, 4s left"}, {60e6, 8 * time.Second, "writing: 100 % of 60.0 MB, 7.5 MB/s, 0s left"},
	} {
		if got := stepLine(update.Writing, c.done, 60e6, c.took); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// sayBox has every answer of update checked against its schema.
func sayBox(t *testing.T, s *schemas) {
	t.Helper()
	b := newBoxBench(t)
	run := func(code int, args ...string) {
		t.Helper()
		b.want(code, nil, append(args, "--json")...)
		s.check(strings.Join(args, " "), b.out)
		if code == 0 && b.err != "" {
			t.Errorf("%v: stderr is %q", args, b.err)
		}
	}
	file := b.file("boot/new.phup", b.updateOf(boxNext))
	run(0, "update")
	run(0, "update", "check", file)
	run(0, "update", file, "--stage-only")
	run(0, "update", file)
	run(5, "update", file)
	b.runsNow(card.SlotB, boxNext)
	if _, err := b.card.Started(time.Now()); err != nil {
		t.Fatal(err)
	}
	run(0, "update", "--status")
	run(0, "update", file)
	if err := errors.Join(b.card.Commit(time.Now())); err != nil {
		t.Fatal(err)
	}
	run(0, "update", "--status")
	run(0, "update", "--other")
	run(0, "update", "check", file)
}
