package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Line is one key of a configuration with its value as TOML would write it.
type Line struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// Lines lists every key with its value and origin, in the order of the struct. Of a radio, what was not given and has
// no value is left out: the region's plan decides it, or its kind has no such thing.
func (l *Loaded) Lines() []Line {
	var out []Line
	walk(reflect.ValueOf(l.Config), "", func(key string, v reflect.Value) {
		_, given := l.Origins[key]
		if text, ok := format(v); ok && (given || !strings.HasPrefix(key, "radio.") || !v.IsZero()) {
			out = append(out, Line{Key: key, Value: text, Origin: l.Origin(key)})
		}
	})
	return out
}

// walk visits the leaves of a struct by their TOML names; elements are numbered.
func walk(v reflect.Value, at string, f func(string, reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), join(at, v.Type().Field(i).Tag.Get("toml")), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), join(at, fmt.Sprint(i)), f)
		}
	case reflect.Map: // of adjustments, which are in the radios
	default:
		f(at, v)
	}
}

func join(at, name string) string { return strings.TrimPrefix(at+"."+name, ".") }

func format(v reflect.Value) (string, bool) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", false
		}
		v = v.Elem()
		return fmt.Sprint(v.Interface()), true
	}
	if v.Kind() == reflect.String {
		return fmt.Sprintf("%q", v.String()), true
	}
	return fmt.Sprint(v.Interface()), true
}
