// Command image builds the card of the appliance for Raspberry Pi 3, 4, 5 and Zero 2 W, as an image to be flashed, and
// what goes with it: docs/IMAGE.md. Run it with `make image` or
//
//	go -C tools/image run . -version V -out DIRECTORY
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	var o options
	flag.StringVar(&o.version, "version", "", "version of the image; empty asks git")
	flag.StringVar(&o.out, "out", "dist/image", "directory for what is built, from the top of the tree")
	flag.StringVar(&o.binary, "binary", "", "a packhorse for linux/arm64 that was built already; empty builds one")
	flag.BoolVar(&o.raw, "raw", false, "only make card.img and slot.img, for emulators and tests")
	flag.StringVar(&o.key, "key", "", "secret key of minisign that signs the update file; "+passwordVar+" has its password. Without it, and without -update-key, one is made for development")
	flag.Func("update-key", "public key of minisign, or a file of them, that may sign updates too; may be given again", func(k string) error {
		o.updateKeys = append(o.updateKeys, k)
		return nil
	})
	flag.StringVar(&o.url, "url", "", "what goes before the name of the image in the list for Raspberry Pi Imager, such as https://example.org/packhorse/")
	asJSON := flag.Bool("json", false, "print a summary as JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	sum, err := build(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
	if *asJSON {
		err = json.NewEncoder(os.Stdout).Encode(sum)
	} else {
		err = sum.print(os.Stdout)
	}
	if err != nil {
		os.Exit(1)
	}
}
