package config

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Place is a key that one value can be given for.
type Place struct {
	Key    string // as people write it: poweb.listen, lora0.power_dbm
	Unit   string // dBm, Hz, octets; empty: none
	Secret bool

	path  []string // where it is written
	value reflect.Value
	at    string // its key in Origins
	radio int    // -1: of no radio
}

// Radio is the number of the radio that the key is of; false: of none.
func (p Place) Radio() (int, bool) { return p.radio, p.radio >= 0 }

// IsSet tells whether the key has a value of its own: what is not set is decided elsewhere.
func (p Place) IsSet() bool {
	return p.value.Kind() != reflect.Pointer && (p.radio < 0 || !p.value.IsZero()) || p.value.Kind() == reflect.Pointer && !p.value.IsNil()
}

// Text is the value for people, a list with commas. Secrets are in it.
func (p Place) Text() string {
	v := reflect.Indirect(p.value)
	switch {
	case !v.IsValid():
		return ""
	case v.Kind() == reflect.Slice:
		return strings.Join(v.Interface().([]string), ",")
	}
	return fmt.Sprint(v.Interface())
}

// Origin is where the value came from.
func (p Place) Origin(l *Loaded) string { return l.Origin(p.at) }

// Find finds a key: one of the documented that is not in double brackets, or RADIO.KEY for a key of a radio. Units may be
// left out where that names one key: lora0.power.
func (l *Loaded) Find(key string) (Place, error) {
	for i, r := range l.Radio {
		if rest, ok := strings.CutPrefix(key, r.Name+"."); ok {
			return l.findRadio(i, rest)
		}
	}
	v, ok := field(reflect.ValueOf(&l.Config).Elem(), strings.Split(key, "."))
	if !ok || !settable(v.Type()) {
		return Place{}, l.unknown(key)
	}
	return Place{Key: key, Unit: unitOf(key), Secret: Secret(key), path: strings.Split(key, "."), value: v, at: key, radio: -1}, nil
}

func (l *Loaded) findRadio(i int, key string) (Place, error) {
	r := l.Radio[i]
	v := reflect.ValueOf(&l.Radio[i]).Elem()
	var names []string
	for j := range v.NumField() {
		name := v.Type().Field(j).Tag.Get("toml")
		if name == key {
			names = []string{name}
			break
		}
		if base, _, ok := cutUnit(name); ok && base == key {
			names = append(names, name)
		}
	}
	if len(names) != 1 || names[0] == "name" {
		return Place{}, &Error{Where: r.Name + "." + key, Message: "a radio has no such key that can be set", Fix: nearest("radio." + key)}
	}
	f, _ := field(v, names)
	return Place{Key: r.Name + "." + names[0], Unit: unitOf("[[radio]]." + names[0]), path: []string{"adjust", r.Name, names[0]}, value: f,
		at: fmt.Sprintf("radio.%d.%s", i, names[0]), radio: i}, nil
}

// cutUnit takes the unit off a key's name.
func cutUnit(name string) (base, unit string, ok bool) {
	for _, unit := range []string{"_dbm", "_dbi", "_db", "_hz", "_bytes", "_ms"} {
		if base, ok := strings.CutSuffix(name, unit); ok {
			return base, unit[1:], true
		}
	}
	return name, "", false
}

func unitOf(key string) string {
	i := slices.IndexFunc(Keys, func(k Key) bool { return k.Name == key })
	if i < 0 || Keys[i].Unit == "path" || Keys[i].Unit == "address" || Keys[i].Unit == "URL" {
		return ""
	}
	return Keys[i].Unit
}

// field follows TOML names through structs.
func field(v reflect.Value, path []string) (reflect.Value, bool) {
	for _, name := range path {
		if v.Kind() != reflect.Struct {
			return v, false
		}
		i := slices.IndexFunc(reflect.VisibleFields(v.Type()), func(f reflect.StructField) bool { return f.Tag.Get("toml") == name })
		if i < 0 {
			return v, false
		}
		v = v.Field(i)
	}
	return v, true
}

func settable(t reflect.Type) bool {
	return t.Kind() != reflect.Struct && t.Kind() != reflect.Map && (t.Kind() != reflect.Slice || t.Elem().Kind() == reflect.String)
}

func (l *Loaded) unknown(key string) error {
	fix := strings.TrimPrefix(nearest(key), "remove it; ")
	table, _, dotted := strings.Cut(key, ".")
	if known := slices.ContainsFunc(Keys, func(k Key) bool { return strings.HasPrefix(k.Name, table+".") }); dotted && !known {
		fix = l.radioFix() + "; docs/CONFIG.md lists every key"
	} else if i := slices.IndexFunc(Keys, func(k Key) bool { return strings.HasPrefix(k.Name, key+".") }); i >= 0 {
		fix = "name one of its keys, such as " + Keys[i].Name
	}
	return &Error{Where: key, Message: "there is no key of this name that has one value", Fix: fix}
}

// Parse reads a value for the key as people write it.
func (p Place) Parse(text string) (any, error) {
	t := p.value.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var v any
	var err error
	switch t.Kind() {
	case reflect.String:
		return text, nil
	case reflect.Slice:
		return splitList(text), nil
	case reflect.Bool:
		v, err = ParseBool(text)
	case reflect.Float64:
		v, err = strconv.ParseFloat(p.bare(text), 64)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		var n uint64
		n, err = strconv.ParseUint(p.bare(text), 10, t.Bits())
		v = int64(n)
	default:
		v, err = strconv.ParseInt(p.bare(text), 10, t.Bits())
	}
	if err != nil {
		return nil, &Error{Where: p.Key, Message: fmt.Sprintf("%q is no value for it", text), Fix: "give " + strings.TrimSuffix(wanted(t.Kind().String()), ", without quotes")}
	}
	return v, nil
}

// bare takes off a unit that a person wrote.
func (p Place) bare(text string) string {
	if p.Unit != "" && len(text) > len(p.Unit) && strings.EqualFold(text[len(text)-len(p.Unit):], p.Unit) {
		text = text[:len(text)-len(p.Unit)]
	}
	return strings.TrimSpace(text)
}

// ParseBool reads a switch as people write it: on, off, yes, no, true, false.
func ParseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "on", "yes":
		return true, nil
	case "off", "no":
		return false, nil
	}
	return strconv.ParseBool(text)
}

func splitList(text string) []string {
	list := []string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// Edit answers the text of a file in which the key has this value, or none of its own where v is nil. All else in the file
// stays but comments, and is sorted. head is what the file begins with, as comments.
func (p Place) Edit(head string, file []byte, v any) ([]byte, error) {
	tree := map[string]any{}
	if err := toml.Unmarshal(file, &tree); err != nil {
		return nil, err
	}
	put(tree, p.path, v)
	return Write(head, tree)
}

// Write is a tree of tables as TOML, sorted. An empty one is nil.
func Write(head string, tree map[string]any) ([]byte, error) {
	if len(tree) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	b.WriteString(head)
	e := toml.NewEncoder(&b)
	e.SetIndentTables(false)
	err := e.Encode(tree)
	return b.Bytes(), err
}

// put sets or, where v is nil, removes a value; tables that become empty go with it.
func put(tree map[string]any, path []string, v any) {
	if len(path) == 1 {
		if tree[path[0]] = v; v == nil {
			delete(tree, path[0])
		}
		return
	}
	sub, ok := tree[path[0]].(map[string]any)
	if !ok {
		sub = map[string]any{}
	}
	if put(sub, path[1:], v); len(sub) == 0 {
		delete(tree, path[0])
		return
	}
	tree[path[0]] = sub
}
