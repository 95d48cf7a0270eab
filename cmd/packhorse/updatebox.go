package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"packhorse/board/card"
	"packhorse/board/update"
	"packhorse/cmd/packhorse/internal/appliance/control"
	"packhorse/gateway/admin"
)

// ownBox is where an appliance has what updates need.
type ownBox struct {
	release, keys string
	boot, history string
	dpkg          string // there when the program came in a package
	ask           func(context.Context, control.Request) (control.Reply, error)
	open          func(path string) (update.Device, error) // nil: the real ones
}

// realBox is this computer, if it is an appliance.
var realBox = ownBox{release: card.ReleasePath, keys: card.KeysPath, boot: card.BootDir, history: card.DataDir + "/update.json",
	dpkg: "/var/lib/dpkg/info/packhorse.list", ask: control.Ask}

func (a *app) ownBox() ownBox {
	if a.box == nil {
		return realBox
	}
	return *a.box
}

// thisBox is the appliance that this command runs on.
type thisBox struct {
	ownBox
	update.Card
}

// thisBox finds the appliance, or says how this machine is updated instead.
func (a *app) thisBox(ctx context.Context) (thisBox, error) {
	b := thisBox{ownBox: a.ownBox()}
	release, err := b.runs()
	if err != nil {
		return b, err
	}
	r, err := b.ask(ctx, control.Request{Do: control.DoStatus})
	if err != nil {
		return b, err
	}
	if r.Status == nil || !card.IsSlot(r.Status.Partition) || r.Status.Disk == "" {
		return b, &admin.Error{Code: admin.CodeFailed, Message: "nobody tells which of the two systems runs", Fix: "flash the card anew, or put " + card.CmdPartition + "=2 into " + card.CmdlineFile + " of slot A and =3 into that of slot B"}
	}
	b.Card = update.Card{Disk: r.Status.Disk, Running: r.Status.Partition, Release: release, BootDir: b.boot, History: b.history, Open: b.open}
	return b, nil
}

// runs reads which system this is.
func (b ownBox) runs() (card.Release, error) {
	var r card.Release
	text, err := os.ReadFile(b.release)
	if errors.Is(err, fs.ErrNotExist) {
		return r, b.noSlots()
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}

// noSlots says how a machine is updated that is no appliance.
func (b ownBox) noSlots() error {
	if there, _ := exist(b.dpkg); there {
		return &admin.Error{Code: admin.CodeRefused, Message: "packhorse was installed by the package here, and there are no slots",
			Fix: "sudo apt install ./packhorse_VERSION_ARCHITECTURE.deb, the newer package"}
	}
	return &admin.Error{Code: admin.CodeRefused, Message: "there are no slots on this machine: it does not run the flash image",
		Fix: "put the new program in the place of the old one; packhorse update check FILE reads an update anywhere"}
}

// updateKeys are those of the image and those that the owner trusts. A configuration that is wrong leaves those of the image.
func (a *app) updateKeys(b thisBox) (update.Keys, error) {
	l, err := a.load()
	if err != nil {
		a.hint("note: keys of the configuration are left out: %v", err)
		return update.LoadKeys(b.keys, nil)
	}
	return update.LoadKeys(b.keys, l.Appliance.UpdateKeys)
}
