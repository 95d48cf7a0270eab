package appliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"packhorse/board"
	"packhorse/board/card"
	"packhorse/board/update"
	"packhorse/cmd/packhorse/internal/appliance/control"
	"packhorse/cmd/packhorse/internal/appliance/plan"
	"packhorse/cmd/packhorse/internal/appliance/session"
	"packhorse/cmd/packhorse/internal/config"
)

// box is the init. Everything that changes after start-up belongs to the goroutine of loop; others post to it.
type box struct {
	version string
	exe     string
	release card.Release
	cmdline plan.Cmdline

	ring  ring
	log   *slog.Logger
	procs *procs
	host  session.Host
	shown atomic.Pointer[consoles] // goroutines of services show warnings
	dog   *board.Watchdog

	card     theCard
	boot     *bootPartition
	slot     int // 0: nobody could tell
	settings settings
	// updateSaid is why the update on the boot partition was not taken at this start; empty: there was none, or it was.
	updateSaid string
	name       string // of the gateway, once it has told; of the configuration before

	gateway gateway
	keeper  *plan.Keeper
	posts   chan func(now time.Time)
	ending  atomic.Bool // what is killed now did not fail

	services context.CancelFunc
	serving  sync.WaitGroup
}

// Main is process 1. It returns only when the kernel refuses to end.
func Main(version string) int {
	b := newBox(version)
	err := b.prepare()
	b.listen()
	if err != nil {
		b.keeper.Unfit(time.Now(), err.Error())
	} else {
		b.keeper.Begin(time.Now())
	}
	if startsAgain(err) {
		time.AfterFunc(noCardPause, func() { b.post(func(now time.Time) { b.keeper.Stop(now, plan.Reboot) }) })
	}
	b.loop()
	return 1
}

// noCardPause is after how long a box without a card, or without its boot partition, starts again: nothing is lost.
const noCardPause = 5 * time.Minute

func newBox(version string) *box {
	b := &box{version: version, posts: make(chan func(time.Time), 64), keeper: plan.NewKeeper(time.Now(), false),
		name: "packhorse", settings: settings{Appliance: config.ApplianceDefaults()}}
	early := mountKernel()
	b.note("the init begins")
	b.exe, _ = os.Executable()
	b.exe = cmp.Or(b.exe, "/init")
	b.log = slog.New(newLog(b.heard))
	b.procs = newProcs()
	go b.procs.bury()
	b.host = session.Host{Exe: b.exe, Env: environment("/root"), Start: b.procs.start, Ask: b.ask}
	b.setConsoles(openConsoles(&b.host))
	b.gateway = gateway{procs: b.procs, exe: b.exe, heard: b.heard}
	if err := errors.Join(early, writeBase()); err != nil {
		b.complain("not all is in place", err)
	}
	tune()
	return b
}

// consoles are those that are open; nil: none yet.
func (b *box) consoles() consoles {
	if c := b.shown.Load(); c != nil {
		return *c
	}
	return nil
}

func (b *box) setConsoles(c consoles) { b.shown.Store(&c) }

// say shows a line to whoever is at the box.
func (b *box) say(format string, v ...any) {
	b.consoles().say("packhorse: " + fmt.Sprintf(format, v...))
}

// complain is for what went wrong and stops nothing.
func (b *box) complain(what string, err error) { b.log.Error(what, "error", err) }

// heard takes a line of a log. Warnings are shown.
func (b *box) heard(line string) {
	n, text := level(line)
	b.note(text)
	if n <= 4 {
		b.consoles().say(text)
	}
}

// note keeps a line of a log, with the seconds since the start as the kernel's log has them: the clock may still jump.
func (b *box) note(text string) { b.ring.add(fmt.Sprintf("[%8.2f] %s", uptime().Seconds(), text)) }

func uptime() time.Duration {
	_, up := board.Boot()
	return up
}

// post has the loop do something. It gives up when the loop is gone.
func (b *box) post(f func(now time.Time)) { b.posts <- f }

// listen begins to take questions, signals and what the gateway tells.
func (b *box) listen() {
	if err := b.gateway.listen(b.told); err != nil {
		b.complain("the gateway cannot tell how it is", err)
	}
	if l, err := control.Listen(card.InitSocket); err != nil {
		b.complain("commands cannot ask the init", err)
	} else {
		go control.Serve(l, func(q control.Request) control.Reply { return b.ask(context.Background(), q) })
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGUSR2, unix.SIGPWR)
	go func() {
		for s := range signals {
			b.post(func(now time.Time) { b.keeper.Stop(now, endingOf(s)) })
		}
	}()
}

// endingOf is what a signal asks for: Ctrl-Alt-Del and SIGTERM restart; SIGUSR2 and SIGPWR switch off, as with BusyBox's init.
func endingOf(s os.Signal) plan.Ending {
	if s == unix.SIGUSR2 || s == unix.SIGPWR {
		return plan.PowerOff
	}
	return plan.Reboot
}

// loop gives time and events to the keeper and does what it says.
func (b *box) loop() {
	for {
		for a, ok := b.keeper.Poll(); ok; a, ok = b.keeper.Poll() {
			b.do(a)
		}
		wake := time.NewTimer(time.Until(b.keeper.PollTimeout()))
		select {
		case f := <-b.posts:
			f(time.Now())
		case <-wake.C:
			b.keeper.Timeout(time.Now())
		}
		wake.Stop()
	}
}

// readyLine is what people and benches wait for.
func (b *box) readyLine() string {
	slot := "?"
	if b.slot != 0 {
		slot = card.SlotName(b.slot)
	}
	return fmt.Sprintf("packhorse: ready %s %s slot %s uptime %.1f s", b.name, b.version, slot, uptime().Seconds())
}

// updates is the card as the update code sees it.
func (b *box) updates() update.Card {
	return update.Card{Disk: b.card.disk, Running: b.slot, Release: b.release, BootDir: card.BootDir, History: card.DataDir + "/update.json", Writable: b.boot.writable}
}

// result leaves words on the boot partition for who looks at the card elsewhere: about this start's update, if that went
// wrong, and about the gateway. What is there already is not written again.
func (b *box) result(text string) {
	if b.boot == nil {
		return
	}
	text = resultFile(b.updateSaid, text)
	path := card.BootDir + "/" + card.ResultFile
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return
	}
	if err := b.boot.write(func() error { return os.WriteFile(path, []byte(text), 0o644) }); err != nil {
		b.complain("the result cannot be written to the boot partition", err)
	}
}

// resultFile joins what there is to say; Windows shows it too.
func resultFile(parts ...string) string {
	var all []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, p)
		}
	}
	text := strings.ReplaceAll(strings.Join(all, "\n\n"), "\r\n", "\n")
	return strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"
}
