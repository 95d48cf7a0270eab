//go:build linux

package appliance

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"packhorse/board/card"
	"packhorse/gateway/admin"
)

// updatable is the configuration of a box that takes updates signed with a key.
func updatable(key string) func(name string) string {
	return func(name string) string {
		return fmt.Sprintf("name = %q\ntrust_clock = true\n[appliance]\nupdate_keys = [%q]\n", name, key)
	}
}

// says waits for words of the console.
func (b *box) says(words string) {
	b.t.Helper()
	_, _, err := b.Console().Expect(b.ctx, regexp.MustCompile(words))
	b.must(err)
}

// runs checks what runs, in which slot.
func (b *box) runs(version, slot string) {
	b.t.Helper()
	if banner := b.ready(); banner.Version != version || banner.Slot != slot {
		b.t.Fatalf("%s runs %s in slot %s, not %s in %s", b.Name(), banner.Version, banner.Slot, version, slot)
	}
}

// takenBack checks what the box says of an update that it has tried, and why it does not run.
func (b *box) takenBack(version, why string) {
	b.t.Helper()
	b.runs(release(b.t, firstSlot()).Version, "A")
	s := ask[struct {
		Default string `json:"default_slot"`
		Trial   bool
		Result  string
	}](b, "update", "--status")
	if s.Default != "A" || s.Trial || !strings.HasPrefix(s.Result, version+" was tried and did not become ready ("+why) {
		b.t.Errorf("%s: after %s was taken back: %+v", b.Name(), version, s)
	}
	b.t.Logf("%s: %s", b.Name(), s.Result)
}

// owner makes a key for SSH, and the line of it for the configuration.
func owner(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
}

// TestUpdateIsKeptAndAForgedOneIsNot also erases the box, at the end.
func TestUpdateIsKeptAndAForgedOneIsNot(t *testing.T) {
	t.Parallel()
	ours, strange, public := keys(t)
	person, line := owner(t)
	b := openWith(t, person, func(name string) string { return updatable(public)(name) + fmt.Sprintf("ssh_keys = [%q]\n", line) }, "cleo").boxes[0]
	b.on()
	slot := system(t, "hil-2", "")
	id := ask[admin.Status](b, "status").ID
	r, err := b.RunWith(b.ctx, nil, "status", "--json")
	if b.must(err); parse[admin.Status](b, r.Output).ID != id {
		t.Errorf("over SSH: exit %d\n%s", r.Exit, r.Output)
	}
	b.shutDown()

	b.install(pack(t, slot, ours))
	b.runs("hil-2", "B")
	b.says("slot B is kept")
	b.off()
	b.must(b.Power().On(b.ctx))
	b.runs("hil-2", "B")
	b.shutDown()

	b.install(pack(t, firstSlot(), strange))
	b.says("not signed by a key that is trusted here")
	b.runs("hil-2", "B")
	b.shutDown()

	b.must(b.WriteBoot(b.ctx, card.ResetFile, nil))
	b.must(b.Power().On(b.ctx))
	b.runs("hil-2", "B")
	if now := ask[admin.Status](b, "status").ID; now == id || id == "" {
		t.Errorf("the gateway is %q, as before the factory reset", now)
	}
}

func TestUpdateThatIsNeverReadyIsTakenBack(t *testing.T) {
	t.Parallel()
	ours, _, public := keys(t)
	b := open(t, updatable(public), "dora").boxes[0]
	b.install(pack(t, system(t, "hil-mute", neverReady), ours))
	b.says("slot B, a trial")
	b.says("the trial of slot B is given up")
	b.takenBack("hil-mute", "the gateway was not ready within 2m")
}

// TestUpdateThatCannotMountItsDataIsTakenBack: the data partition has the history, so that such a system has to know without it
// that it is on trial, and cannot leave a reason.
func TestUpdateThatCannotMountItsDataIsTakenBack(t *testing.T) {
	t.Parallel()
	ours, _, public := keys(t)
	b := open(t, updatable(public), "gina").boxes[0]
	b.install(pack(t, blind(t), ours))
	b.says("slot B, a trial")
	b.says("failed the data partition cannot be used")
	b.says("the trial of slot B is given up")
	b.takenBack("hil-blind", "it did not start, or the power failed")
}

func TestUpdateThatPanicsIsTakenBack(t *testing.T) {
	t.Parallel()
	ours, _, public := keys(t)
	b := open(t, updatable(public), "emil").boxes[0]
	b.install(pack(t, panicking(t), ours))
	b.says("slot B, a trial")
	b.says("Kernel panic")
	b.takenBack("hil-panics", "it did not start, or the power failed")
}

func TestUpdateThatHangsIsTakenBackByTheWatchdog(t *testing.T) {
	t.Parallel()
	ours, _, public := keys(t)
	b := open(t, updatable(public), "fred").boxes[0]
	b.install(pack(t, system(t, "hil-frozen", freezes), ours))
	b.says("slot B, a trial")
	b.says("reset by its watchdog")
	b.takenBack("hil-frozen", "it did not start, or the power failed")
}
