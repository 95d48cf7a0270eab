package appliance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"packhorse/board"
	"packhorse/board/card"
	"packhorse/board/update"
	"packhorse/cmd/packhorse/internal/appliance/clock"
	"packhorse/cmd/packhorse/internal/appliance/devices"
	"packhorse/cmd/packhorse/internal/appliance/plan"
)

// prepareLimit bounds all that is done before the loop feeds the watchdog: a factory reset and an update write the most.
const prepareLimit = 15 * time.Minute

// prepare does what comes before the gateway. Its error says why there can be none.
func (b *box) prepare() error {
	defer b.armDog()()
	text, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		b.complain("the kernel's command line cannot be read", err)
	}
	b.cmdline = plan.ParseCmdline(string(text))
	_ = os.WriteFile("/etc/cmdline.txt", text, 0o644) // beside config.txt, for packhorse doctor
	if b.release, err = readRelease(card.ReleasePath); err != nil {
		b.complain("this system does not say what it is", err)
	}
	if err := b.mountCard(); err != nil {
		if b.boot != nil && b.slot != 0 {
			b.onTrialAnyway(b.updates())
		}
		_ = b.configure() // what can be read of it, so that who comes over the network still gets in
		b.serve()
		return err
	}
	b.note("the card is mounted: " + b.card.disk)
	made, _ := time.Parse(time.RFC3339, b.release.Created) // zero where it does not say
	if _, err := clock.Forward(clockFile, made); err != nil {
		b.complain("the time of the last start is not known", err)
	}
	b.startUpdates()
	err = b.configure()
	if e := devices.Settle(devices.Config{UID: userID, GID: groupID}, b.log); e != nil {
		b.complain("not all devices are the gateway's", e)
	}
	b.setConsoles(b.consoles().without(b.settings.ports)) // now that serial ports have their names
	b.serve()
	return err
}

// armDog arms the watchdog and has it fed until the loop does, for a bounded time.
func (b *box) armDog() (handOver func()) {
	dog, err := board.OpenWatchdog("/dev/watchdog0", plan.DogTimeout)
	if err != nil {
		b.log.Info("no watchdog: a kernel that hangs is not restarted", "error", err)
		return func() {}
	}
	b.dog = dog
	ctx, stop := context.WithTimeout(context.Background(), prepareLimit)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			b.feed()
			select {
			case <-ctx.Done():
			case <-time.After(plan.DogEvery):
			}
		}
	}()
	return func() { stop(); <-done }
}

func (b *box) feed() {
	if b.dog == nil {
		return
	}
	if err := b.dog.Feed(); err != nil {
		b.complain("the watchdog takes no food", err)
	}
}

// mountCard finds the card and mounts what the gateway needs of it.
func (b *box) mountCard() error {
	var err error
	if b.card, err = findCard(context.Background(), func() { b.say("waiting for the card") }); err != nil {
		return err
	}
	if b.card.others {
		b.log.Warn("more than one disk looks like the card; take the others out", "taken", b.card.disk)
	}
	b.boot = newBoot(b.card.part(card.Boot))
	if err := b.boot.do(); err != nil {
		b.boot = nil
		return fmt.Errorf("%w: %w\nfix: look at the card on another computer, or flash it anew", errNoBoot, err)
	}
	b.findSlot()
	if err := b.resetIfAsked(); err != nil {
		return err
	}
	return b.mountData()
}

func (b *box) findSlot() {
	firmware, _ := os.ReadFile("/proc/device-tree/chosen/bootloader/partition") // absent where the firmware is another
	b.slot = plan.BootedSlot(b.cmdline, firmware, b.release, nil)
	if b.slot == 0 {
		b.slot = plan.BootedSlot(b.cmdline, nil, b.release, b.card.slotReleases(readRelease))
	}
	if b.slot == 0 {
		b.log.Warn("nobody tells which of the two systems runs: updates are off")
	}
}

// resetIfAsked erases the data partition where somebody at the box wants that.
func (b *box) resetIfAsked() error {
	file := resetFile(card.BootDir)
	if file == "" && !b.cmdline.Reset {
		return nil
	}
	b.say("factory reset: erasing the data partition")
	if err := b.card.reset(b.boot, file, func(percent int) { b.say("factory reset: %d %%", percent) }); err != nil {
		return err
	}
	if b.cmdline.Reset {
		b.say("factory reset done; take %s=1 out of %s, or the next start does it again", card.CmdReset, card.CmdlineFile)
	} else {
		b.say("factory reset done")
	}
	return nil
}

// mountData mounts the data partition and lets it fill the card.
func (b *box) mountData() error {
	if err := b.card.growPartition(); err != nil {
		b.complain("the data partition stays as small as it is", err)
	}
	readOnly, err := mountData(b.card.part(card.Data))
	if err != nil {
		how := "It is left as it is."
		if readOnly {
			how = "It is mounted read-only: packhorse backup may still save it."
		}
		return fmt.Errorf("the data partition cannot be used: %w. %s\nfix: copy the card; then erase the data partition: type reset here, or put a file %s on the boot partition", err, how, card.ResetFile)
	}
	if err := b.card.growData(); err != nil {
		b.complain("the data partition stays as small as it is", err)
	}
	if err := makeDirs(); err != nil {
		return fmt.Errorf("the data partition cannot be written: %w\nfix: copy the card and flash a new one: cards that wear out become read-only", err)
	}
	return nil
}

// onTrialAnyway finds out without the data partition whether this start is a trial: a new system that cannot mount it must not
// wait for a person, since the one before may.
func (b *box) onTrialAnyway(u update.Card) {
	if st, err := u.State(); err == nil && st.Trial {
		b.keeper = plan.NewKeeper(time.Now(), true)
	}
}

// startUpdates notes a trial that began or failed, and takes an update that lies on the boot partition: then the board
// restarts and this does not return.
func (b *box) startUpdates() {
	if b.slot == 0 {
		return
	}
	u := b.updates()
	st, err := u.Started(time.Now())
	if err != nil {
		b.complain("updates are not as they should be", err)
	}
	if st.Mended {
		b.log.Warn(card.AutobootFile + " was damaged and was written anew: leave it as it is")
	}
	b.keeper = plan.NewKeeper(time.Now(), st.Trial)
	if st.Trial {
		b.say("slot %s is on trial: version %s", card.SlotName(b.slot), b.version)
		return
	}
	if err := b.takeUpdate(u); err != nil {
		b.log.Error("the update was not taken", "error", err)
		b.updateSaid = "The update was not taken.\n" + err.Error()
		b.result("")
	}
}

func (b *box) takeUpdate(u update.Card) error {
	name, err := update.Pending(card.BootDir)
	if err != nil || name == "" {
		return err
	}
	more, _ := b.updateKeys()
	keys, err := update.LoadKeys(card.KeysPath, more)
	if err != nil {
		return err
	}
	b.say("taking the update %s", filepath.Base(name))
	last := int64(-1)
	progress := func(step update.Step, done, total int64) {
		if quarter := done * 4 / max(total, 1); quarter != last {
			last = quarter
			b.say("update: %s, %d %%", step, quarter*25)
		}
	}
	took, err := u.TakePending(context.Background(), update.TakeOptions{Keys: keys, Now: time.Now(), Progress: progress})
	if err != nil || !took {
		return err
	}
	if err := u.Try(time.Now()); err != nil {
		return err
	}
	b.end(plan.Trial)
	return errors.New("the board did not restart")
}
