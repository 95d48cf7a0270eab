package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

var adjustKeys = []Key{
	{"adjust", "none", "", "tables that change keys of the `[[radio]]` of that name, wherever it is, such as `[adjust.lora0]` with `power_dbm = 14`; `packhorse set lora0.power_dbm 14` writes it"},
}

// adjustment is one key that an [adjust.NAME] gives.
type adjustment struct {
	radio, key string // key in TOML
	value      reflect.Value
	where      string
}

// collectAdjust notes what a file just located adjusts, in the order of names, so that mistakes are found in the same order
// each time.
func (l *Loaded) collectAdjust(tables map[string]Radio) {
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		v := reflect.ValueOf(tables[name])
		for i := range v.NumField() {
			key := v.Type().Field(i).Tag.Get("toml")
			at := "adjust." + name + "." + key
			if where, given := l.Origins[at]; given {
				l.adjust = append(l.adjust, adjustment{name, key, v.Field(i), where})
				delete(l.Origins, at)
			}
		}
	}
}

// applyAdjust puts the adjustments into the radios, those of later files last.
func (l *Loaded) applyAdjust() error {
	for _, a := range l.adjust {
		i := slices.IndexFunc(l.Radio, func(r Radio) bool { return r.Name == a.radio })
		switch {
		case a.key == "name":
			return &Error{Where: a.where, Message: "name: a radio's name cannot be adjusted", Fix: "change it where the [[radio]] is"}
		case i < 0:
			return &Error{Where: a.where, Message: fmt.Sprintf("adjust.%s: there is no radio of that name", a.radio), Fix: l.radioFix()}
		}
		setField(reflect.ValueOf(&l.Radio[i]).Elem(), a.key, a.value)
		l.Origins[fmt.Sprintf("radio.%d.%s", i, a.key)] = a.where
	}
	return nil
}

// radioFix names the radios that there are.
func (l *Loaded) radioFix() string {
	var names []string
	for _, r := range l.Radio {
		names = append(names, r.Name)
	}
	if len(names) == 0 {
		return "define it first as [[radio]], or remove this"
	}
	return "use one of " + strings.Join(names, ", ")
}

// setField sets the field of a struct that has a TOML name.
func setField(v reflect.Value, key string, to reflect.Value) {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("toml") == key {
			v.Field(i).Set(to)
		}
	}
}
