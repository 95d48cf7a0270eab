package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"packhorse/cmd/packhorse/internal/config"
)

// setupFrom reads what is configured, and with --from the owner's file, which becomes a part of it. It fills in what the [setup]
// tables want and the command line does not.
func (a *app) setupFrom(w *setupWanted, r *setupReport) (*config.Loaded, error) {
	l, err := a.setupFiles(w.from, r)
	if err != nil {
		return nil, err
	}
	if w.from != "" {
		if w.Domain+w.Join == "" {
			w.Domain, w.Join = l.Setup.Domain, l.Setup.Join
		}
		if l.Origin("name") != "default" {
			w.Name = cmp.Or(w.Name, l.Name)
		}
	}
	return l, nil
}

func (a *app) setupFiles(from string, r *setupReport) (*config.Loaded, error) {
	if from == "" {
		l, err := a.load()
		if err == nil {
			err = a.lawful(l)
		}
		return l, err
	}
	text, err := readOwners(from)
	if err != nil {
		return nil, err
	}
	main := config.MainPath(a.configOptions())
	if sameFile(main, from) {
		return a.loadWith(nil)
	}
	copied := filepath.Join(filepath.Dir(main), config.PartsDir, bootPart)
	done, err := a.change(map[string][]byte{copied: append(text, "\n# Copied by `packhorse setup` from "+from+": change it there.\n"...)})
	if err != nil {
		return nil, elsewhere(err, copied, from)
	}
	r.copied = len(done.old) > 0
	if r.copied {
		r.Files = append(r.Files, copied)
	}
	r.changed = done
	return done.now, nil
}

// readOwners reads the owner's file.
func readOwners(path string) ([]byte, error) {
	b, err := readUpTo(path, maxOwners)
	switch {
	case errors.Is(err, os.ErrNotExist):
		fix := "check the path"
		if _, err := os.Stat(path + ".txt"); err == nil {
			fix = "rename " + path + ".txt: the editor added the ending"
		}
		return nil, usage(fix, "%s is not there", path)
	case err != nil:
		return nil, err
	case len(b) > maxOwners:
		return nil, usage("this is not a configuration: check the path", "%s is larger than 1 MiB", path)
	case bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")):
		return nil, usage("save it as UTF-8", "%s is written in UTF-16", path)
	}
	return bytes.TrimRight(b, "\n"), nil
}

// maxOwners bounds the owner's file, in octets.
const maxOwners = 1 << 20

// readUpTo reads one octet more than limit at most: a file may be as large as the card.
func readUpTo(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}

// elsewhere names the owner's file in a mistake that was found in its copy: the lines are the same.
func elsewhere(err error, copied, from string) error {
	var c *config.Error
	if errors.As(err, &c) {
		moved := *c
		moved.Where = strings.Replace(c.Where, copied, from, 1)
		moved.Message = strings.ReplaceAll(c.Message, copied, from)
		return &moved
	}
	return err
}

// answersTree is what conf.d/90-setup.toml becomes. What is there already or in another file stays as it is: it answers what
// was so already, and refuses to replace a region or a radio.
func answersTree(tree map[string]any, l *config.Loaded, regionInForce string, w setupWanted, r *setupReport) error {
	if err := regionAnswer(tree, l, regionInForce, w, r); err != nil {
		return err
	}
	if err := radioAnswer(tree, l, w, r); err != nil {
		return err
	}
	if w.Name != "" && w.Name != l.Name {
		tree["name"] = w.Name
	}
	keys := append([]string{}, l.Appliance.SSHKeys...)
	for _, k := range w.Keys {
		if !strings.Contains("\n"+strings.Join(keys, "\n")+"\n", "\n"+k+"\n") {
			keys = append(keys, k)
			r.done("added a key for SSH")
		}
	}
	if len(keys) > len(l.Appliance.SSHKeys) {
		putTable(tree, "appliance", "ssh_keys", keys)
	}
	return nil
}

func putTable(tree map[string]any, table, key string, v any) {
	sub, _ := tree[table].(map[string]any)
	if sub == nil {
		sub = map[string]any{}
		tree[table] = sub
	}
	sub[key] = v
}

func regionAnswer(tree map[string]any, l *config.Loaded, inForce string, w setupWanted, r *setupReport) error {
	was := cmp.Or(l.Region, inForce)
	switch {
	case w.Region == "":
	case strings.EqualFold(was, w.Region):
		r.already("region " + was)
	case was != "":
		return refused("to change it: packhorse set region "+w.Region, "region %s is in force%s, and setup does not replace it by %s", was, fromWhere(l, "region"), w.Region)
	default:
		tree["region"] = strings.ToUpper(w.Region)
		r.done("region " + strings.ToUpper(w.Region))
	}
	return nil
}

func fromWhere(l *config.Loaded, key string) string {
	if o := l.Origin(key); o != "default" {
		return " (" + o + ")"
	}
	return ""
}

func radioAnswer(tree map[string]any, l *config.Loaded, w setupWanted, r *setupReport) error {
	if w.Radio == "" || w.Radio == "none" {
		return nil
	}
	radio := map[string]any{"name": "lora0", "board": w.Radio}
	if strings.HasPrefix(w.Radio, "/") {
		radio = map[string]any{"name": "lora0", "port": w.Radio}
	}
	for i, have := range l.Radio {
		if have.Board == w.Radio || have.Port == w.Radio {
			r.already(fmt.Sprintf("radio %s on %s", have.Name, w.Radio))
			return nil
		}
		if i == len(l.Radio)-1 {
			return refused("change its [[radio]] section there, or add another one: docs/RADIOS.md", "radio %s is configured in %s, and setup does not replace it", have.Name, l.Origin(fmt.Sprintf("radio.%d.name", i)))
		}
	}
	tree["radio"] = []map[string]any{radio}
	r.done("radio lora0: " + w.Radio)
	return nil
}
