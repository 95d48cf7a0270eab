package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"packhorse/board"
	"packhorse/gateway/admin"
)

type hatInfo struct {
	Vendor    string `json:"vendor"`
	Product   string `json:"product"`
	ProductID string `json:"product_id,omitempty"`
}

type gpioInfo struct {
	Path  string `json:"path"`
	Label string `json:"label"`
	Lines int    `json:"lines"`
}

type boardInfo struct {
	admin.Head
	Model        string     `json:"model,omitempty"`
	Compatible   string     `json:"compatible,omitempty"`
	SoC          string     `json:"soc,omitempty"`
	CPU          string     `json:"cpu"`
	Cores        int        `json:"cores,omitempty"`
	RAMBytes     uint64     `json:"ram_bytes,omitempty"`
	Kernel       string     `json:"kernel,omitempty"`
	OS           string     `json:"os,omitempty"`
	HAT          *hatInfo   `json:"hat,omitempty"`
	Boards       []string   `json:"boards"`
	SPI          []string   `json:"spi"`
	GPIO         []gpioInfo `json:"gpio"`
	PPS          []string   `json:"pps"`
	TemperatureC *float64   `json:"temperature_celsius,omitempty"`
	Undervoltage *bool      `json:"undervoltage,omitempty"`
}

// showBoard tells what computer this is.
func (a *app) showBoard(h board.Host) error {
	list, err := a.profiles()
	if err != nil {
		return err
	}
	m, hat := h.Model(), h.HAT()
	v := boardInfo{Head: a.head("packhorse.board/1"), Model: m.Name, Compatible: m.Compatible, SoC: m.SoC, CPU: m.CPU, Cores: m.Cores, RAMBytes: m.RAMBytes,
		Kernel: m.Kernel, OS: m.OS, Boards: []string{}, SPI: append([]string{}, h.SPI()...), GPIO: []gpioInfo{}, PPS: append([]string{}, h.PPS()...)}
	if hat.Product != "" {
		v.HAT = &hatInfo{hat.Vendor, hat.Product, hat.ProductID}
	}
	for _, p := range hat.Known(list) {
		v.Boards = append(v.Boards, p.Name)
	}
	chips, gpioErr := h.GPIO()
	for _, c := range chips {
		v.GPIO = append(v.GPIO, gpioInfo{c.Path, c.Label, len(c.Lines)})
	}
	if t, known := h.Temperature(); known {
		v.TemperatureC = &t
	}
	if low, known := h.Undervoltage(); known {
		v.Undervoltage = &low
	}
	return a.answer(v, func() { a.sayBoard(v, gpioErr) })
}

func (a *app) sayBoard(v boardInfo, gpioErr error) {
	a.sayPart("computer", v.Model, "not named")
	a.sayPart("system", strings.Trim(v.OS+", Linux "+v.Kernel, ", "), "")
	a.sayPart("memory", fmt.Sprintf("%d MiB", v.RAMBytes>>20), "")
	hat := ""
	if v.HAT != nil {
		hat = strings.TrimSpace(v.HAT.Vendor + " " + v.HAT.Product)
		if len(v.Boards) > 0 {
			hat += ", board " + strings.Join(v.Boards, " or ")
		}
	}
	a.sayPart("hat", hat, "no EEPROM; packhorse board probe looks for the radio")
	a.sayPart("spi", strings.Join(v.SPI, " "), "none")
	var labels []string
	for _, c := range v.GPIO {
		labels = append(labels, fmt.Sprintf("%s (%s, %d lines)", c.Label, filepath.Base(c.Path), c.Lines))
	}
	a.sayPart("gpio", strings.Join(labels, ", "), "none")
	if gpioErr != nil {
		a.hint("%v", gpioErr)
	}
	a.sayPart("pps", strings.Join(v.PPS, " "), "none")
	if v.TemperatureC != nil {
		a.sayPart("heat", fmt.Sprintf("%.0f C", *v.TemperatureC), "")
	}
	if v.Undervoltage != nil {
		a.sayPart("supply", map[bool]string{true: "too weak: it sagged below 4.63 V", false: "ok"}[*v.Undervoltage], "")
	}
}

func (a *app) sayPart(what, value, otherwise string) {
	if value == "" {
		value = otherwise
	}
	a.say("%-9s %s", what, clean(value))
}
