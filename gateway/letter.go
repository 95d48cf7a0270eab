package gateway

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"packhorse/gateway/pki"
	"packhorse/store"
)

// letterRecord is the head of a letter.
//
//	octets  field
//	1       version, 1
//	1       1 when nobody read it yet
//	4       octets of the content
//	8       when it was written, seconds since 1970
//	8       when it arrived, seconds since 1970
//	4 + n   each: sender id, type, file name
type letterRecord struct {
	Key      string // hex SHA-256 of the parcel
	Sender   pki.NodeID
	Type     string
	Filename string
	Size     int
	Written  time.Time
	Arrived  time.Time
	New      bool
	leaving  bool // its deletion is on its way
}

const (
	letterVersion = 1
	maxType       = 4096
	shownID       = 12 // hex digits of an id as people see it
)

func (l *letterRecord) append(b []byte) []byte {
	b = append(b, letterVersion, 0)
	if l.New {
		b[len(b)-1] = 1
	}
	b = append(b, byte(l.Size>>24), byte(l.Size>>16), byte(l.Size>>8), byte(l.Size))
	b = appendTime(appendTime(b, l.Written), l.Arrived)
	b = appendCounted(b, string(l.Sender))
	b = appendCounted(b, l.Type)
	return appendCounted(b, l.Filename)
}

func parseLetterRecord(key string, b []byte) (letterRecord, error) {
	l := letterRecord{Key: key}
	o := octets{b: b}
	version, fresh := o.u8(), o.u8()
	l.New = fresh == 1
	l.Size = int(o.u32())
	l.Written, l.Arrived = o.time(), o.time()
	l.Sender = pki.NodeID(o.text(maxNodeID))
	l.Type = o.text(maxType)
	l.Filename = o.text(maxFilename)
	if version != letterVersion || fresh > 1 || l.Size < 0 || l.Size > maxParcel || len(key) < shownID {
		return letterRecord{}, errOctets
	}
	return l, o.end()
}

func (l *letterRecord) put() store.Op {
	return store.Op{Kind: KindLetter, Key: l.Key, Value: l.append(nil)}
}

func (c *Core) letterView(l *letterRecord) Letter {
	return Letter{ID: l.Key[:shownID], Sender: l.Sender, From: c.endpointName(l.Sender), Type: l.Type, Filename: l.Filename,
		Size: l.Size, Written: l.Written, Arrived: l.Arrived, New: l.New}
}

// Letters lists the inbox, newest first, without content.
func (c *Core) Letters() []Letter {
	out := make([]Letter, 0, len(c.box.letters))
	for _, l := range c.box.letters {
		out = append(out, c.letterView(l))
	}
	slices.SortFunc(out, func(a, b Letter) int {
		return cmp.Or(b.Arrived.Compare(a.Arrived), cmp.Compare(a.ID, b.ID))
	})
	return out
}

func (c *Core) findLetter(id string) (*letterRecord, error) {
	key, err := uniquePrefix(sortedKeys(c.box.letters), id, "letter", "packhorse inbox")
	return c.box.letters[key], err
}

// uniquePrefix finds the only key that begins with what a person typed.
func uniquePrefix(keys []string, prefix, what, list string) (string, error) {
	prefix = strings.ToLower(prefix)
	i, _ := slices.BinarySearch(keys, prefix)
	switch {
	case prefix == "" || i == len(keys) || !strings.HasPrefix(keys[i], prefix):
		return "", &Error{Code: "not_found", Message: "no " + what + " " + prefix, Fix: list}
	case i+1 < len(keys) && strings.HasPrefix(keys[i+1], prefix) && keys[i][:shownID] != keys[i+1][:shownID]:
		return "", &Error{Code: "usage", Message: "more than one " + what + " begins with " + prefix, Fix: "type more digits: " + list}
	}
	return keys[i], nil
}
