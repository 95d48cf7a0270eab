package ramftest

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/cms"
	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

// HostileID is a message id that somebody may choose.
type HostileID struct {
	ID      string
	Allowed bool // 0 to 64 visible ASCII characters are
}

// HostileIDs look like paths, patterns or commands, or are not what Awala allows.
func HostileIDs() (ids []HostileID) {
	for _, id := range []string{"", ".", "..", "../../x", "/etc/passwd", "a/../../b", `..\..\x`, "C:", "%2e%2e%2fx", "*", "~", "-rf", "$(id)", "`id`", "a b", "'\"<>&|;",
		strings.Repeat("/", 64), strings.Repeat("../", 21) + "x", strings.Repeat("a", 64)} {
		ids = append(ids, HostileID{id, true})
	}
	for _, id := range []string{strings.Repeat("a", 65), strings.Repeat("../", 22), strings.Repeat("\x01", 64), strings.Repeat("\xff", 64), strings.Repeat("é", 32),
		"\x00", "a\x00b", "a\nb", "\x1b[2J", "\x7f", "../../x\x00"} {
		ids = append(ids, HostileID{id, false})
	}
	return ids
}

// Parcel signs a parcel with any message id, also one that ramf.Sign refuses to write. It lives for an hour.
func Parcel(t testing.TB, id string, to pki.NodeID, created time.Time, sender *pki.Certificate, chain []*pki.Certificate, key string) []byte {
	t.Helper()
	fields := ber.Encode(0x30,
		ber.Encode(0xa0, ber.Bytes(0x80, []byte(to))),
		ber.Bytes(0x81, []byte(id)),
		ber.Bytes(0x82, []byte(created.UTC().Format("20060102150405"))),
		ber.Bytes(0x83, []byte{0x0e, 0x10}),
		ber.Bytes(0x84, []byte("payload")),
	).Join()
	signed, err := cms.Sign(fields, sender, chain, pkitest.Key(t, key), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return append(ber.Pieces{[]byte("Awala\x50\x00")}, signed...).Join()
}
