package update

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"packhorse/board/card"
)

// member is one of an archive that a test puts together.
type member struct {
	name string
	data []byte
	kind byte
	link string
	size int64 // other than that of data
	pax  map[string]string
}

func archived(t testing.TB, all ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range all {
		h := tar.Header{Typeflag: tar.TypeReg, Name: m.name, Size: int64(len(m.data)), Mode: 0o600, Linkname: m.link, PAXRecords: m.pax}
		if m.kind != 0 {
			h.Typeflag = m.kind
		}
		if m.size != 0 {
			h.Size = m.size
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if m.size != 0 {
			return append(out.Bytes(), m.data...) // there is never as much
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipped(data []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(data)
	z.Close()
	return out.Bytes()
}

func hashed(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// signed is what a maintainer would put together by hand.
func (s signer) signed(t testing.TB, m Manifest, payload []byte) []member {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return s.signedText(t, text, payload)
}

func (s signer) signedText(t testing.TB, text, payload []byte) []member {
	t.Helper()
	sig, err := SignWith(s.priv)(text)
	if err != nil {
		t.Fatal(err)
	}
	return []member{{name: ManifestName, data: text}, {name: SignatureName, data: sig}, {name: PayloadName, data: payload}}
}

func manifestOf(raw, payload []byte) Manifest {
	return Manifest{Format: Format, Version: next.Version, Build: next.Build, Board: next.Board, Created: next.Created,
		Size: int64(len(raw)), SHA256: hashed(raw), GzipSize: int64(len(payload)), GzipSHA256: hashed(payload)}
}

// sector is a slot of one sector.
var sector = bytes.Repeat([]byte("slot"), card.SectorSize/4)

func TestWhatIsNoUpdateIsRefused(t *testing.T) {
	s, stranger := newSigner(t, 1), newSigner(t, 2)
	payload := gzipped(sector)
	m := manifestOf(sector, payload)
	good := s.signed(t, m, payload)
	bomb := gzipped(make([]byte, 4<<20))
	spoil := func(f func(*Manifest)) []byte {
		m := m
		f(&m)
		return archived(t, s.signed(t, m, payload)...)
	}
	with := func(i int, f func(*member)) []byte {
		all := slices.Clone(good)
		f(&all[i])
		return archived(t, all...)
	}
	text := string(good[0].data)
	for name, c := range map[string]struct {
		file []byte
		want error
		says string
	}{
		"empty":                       {nil, ErrFormat, "ends before manifest.json"},
		"text":                        {[]byte(strings.Repeat("not a tar\n", 200)), ErrFormat, ""},
		"only the end of a tar":       {make([]byte, 1024), ErrFormat, "ends before manifest.json"},
		"no signature":                {archived(t, good[0], good[2]), ErrFormat, "slot.img.gz\" stands where the plain file manifest.json.minisig belongs"},
		"no payload":                  {archived(t, good[:2]...), ErrFormat, "ends before slot.img.gz"},
		"reordered":                   {archived(t, good[1], good[0], good[2]), ErrFormat, "stands where"},
		"payload first":               {archived(t, good[2], good[0], good[1]), ErrFormat, "stands where"},
		"a fourth":                    {archived(t, append(slices.Clone(good), member{name: "x"})...), ErrFormat, "\"x\" follows the payload"},
		"payload twice":               {archived(t, append(slices.Clone(good), good[2])...), ErrFormat, "follows the payload"},
		"two updates in one":          {append(archived(t, good...), archived(t, good...)...), ErrFormat, "follows its end"},
		"a word after the end":        {append(archived(t, good...), "x"...), ErrFormat, "follows its end"},
		"too many zeros":              {append(archived(t, good...), make([]byte, tarFill+1)...), ErrFormat, "follows its end"},
		"manifest is a link":          {with(0, func(m *member) { m.kind, m.link, m.data = tar.TypeSymlink, "/etc/passwd", nil }), ErrFormat, "plain file"},
		"payload is a link":           {with(2, func(m *member) { m.kind, m.link, m.data = tar.TypeLink, ManifestName, nil }), ErrFormat, "plain file"},
		"payload is a directory":      {with(2, func(m *member) { m.kind, m.data = tar.TypeDir, nil }), ErrFormat, "plain file"},
		"payload is a device":         {with(2, func(m *member) { m.kind, m.data = tar.TypeBlock, nil }), ErrFormat, "plain file"},
		"a path":                      {with(0, func(m *member) { m.name = "../manifest.json" }), ErrFormat, "stands where"},
		"words of pax":                {with(2, func(m *member) { m.pax = map[string]string{"COMMENT.x": "y"} }), ErrFormat, "--format=ustar"},
		"a huge manifest":             {with(0, func(m *member) { m.size, m.data = 1<<32, nil }), ErrFormat, "at most 65536"},
		"a huge signature":            {with(1, func(m *member) { m.size, m.data = 1<<32, nil }), ErrFormat, "at most 4096"},
		"a huge payload":              {with(2, func(m *member) { m.size, m.data = 1<<32, nil }), ErrFormat, "slot.img.gz has 4294967296"},
		"a shorter payload":           {with(2, func(m *member) { m.data = m.data[:len(m.data)-1] }), ErrFormat, "the manifest says"},
		"a longer payload":            {with(2, func(m *member) { m.data = append(slices.Clone(m.data), 0) }), ErrFormat, "the manifest says"},
		"another payload":             {with(2, func(m *member) { m.data = bytes.Repeat([]byte{1}, len(m.data)) }), ErrFormat, ""},
		"somebody else's key":         {archived(t, stranger.signed(t, m, payload)...), ErrSignature, "trusted are " + KeyName(s.pub.ID())},
		"another manifest":            {with(0, func(m *member) { m.data = bytes.Replace(m.data, []byte("0.5.0"), []byte("0.6.0"), 1) }), ErrSignature, "the file was changed"},
		"no signature at all":         {with(1, func(m *member) { m.data = []byte("trust me") }), ErrSignature, "no minisign signature"},
		"manifest is no JSON":         {archived(t, s.signedText(t, []byte("{"), payload)...), nil, "is no packhorse-update/1"},
		"JSON goes on":                {archived(t, s.signedText(t, []byte(text+text), payload)...), nil, "goes on after its end"},
		"an unknown field":            {archived(t, s.signedText(t, []byte(strings.Replace(text, "{", `{"delta":"yes",`, 1)), payload)...), nil, "unknown field"},
		"a format to come":            {archived(t, s.signedText(t, []byte(strings.Replace(text, "update/1", "update/2", 1)), payload)...), nil, "update to a version between them first"},
		"no format":                   {spoil(func(m *Manifest) { m.Format = "" }), nil, "format in the manifest"},
		"no version":                  {spoil(func(m *Manifest) { m.Version = "" }), nil, "version in the manifest"},
		"a version with a line":       {spoil(func(m *Manifest) { m.Version = "1\n2" }), nil, "version in the manifest"},
		"no build":                    {spoil(func(m *Manifest) { m.Build = "xyz" }), nil, "build in the manifest"},
		"no board":                    {spoil(func(m *Manifest) { m.Board = "" }), nil, "board in the manifest"},
		"no date":                     {spoil(func(m *Manifest) { m.Created = "yesterday" }), nil, "created in the manifest"},
		"a local date":                {spoil(func(m *Manifest) { m.Created = "2026-11-22T00:00:00+01:00" }), nil, "created in the manifest"},
		"no size":                     {spoil(func(m *Manifest) { m.Size = 0 }), nil, "size_bytes in the manifest"},
		"a negative size":             {spoil(func(m *Manifest) { m.Size = -512 }), nil, "size_bytes in the manifest"},
		"half a sector":               {spoil(func(m *Manifest) { m.Size = 700 }), nil, "size_bytes in the manifest"},
		"larger than a slot":          {spoil(func(m *Manifest) { m.Size = card.SlotSize + 512 }), nil, "size_bytes in the manifest"},
		"a payload larger than those": {spoil(func(m *Manifest) { m.GzipSize = MaxPayload + 1 }), nil, "gzip_bytes in the manifest"},
		"another hash":                {spoil(func(m *Manifest) { m.SHA256 = hashed(nil) }), ErrFormat, "not the one that was signed"},
		"another hash of the gzip":    {spoil(func(m *Manifest) { m.GzipSHA256 = hashed(nil) }), ErrFormat, "not the one that was signed"},
		"a hash in capitals":          {spoil(func(m *Manifest) { m.SHA256 = strings.ToUpper(m.SHA256) }), nil, "sha256 in the manifest"},
		"more than it says":           {archived(t, s.signed(t, manifestOf(sector, gzipped(append(slices.Clone(sector), 1))), gzipped(append(slices.Clone(sector), 1)))...), ErrFormat, "more than the 512"},
		"less than it says":           {spoil(func(m *Manifest) { m.Size = 1024 }), ErrFormat, "the slot has 512 octets"},
		"a bomb":                      {archived(t, s.signed(t, manifestOf(sector, bomb), bomb)...), ErrFormat, "more than the 512"},
	} {
		f, err := Open(bytes.NewReader(c.file), s.keys())
		var out bytes.Buffer
		if err == nil {
			err = f.CopyTo(&out)
		}
		if err == nil || (c.want != nil && !errors.Is(err, c.want)) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v with %q", name, err, c.want, c.says)
		}
		if out.Len() > len(sector) {
			t.Errorf("%s: wrote %d octets", name, out.Len())
		}
	}
}

func TestTarsOfOthersAreTaken(t *testing.T) {
	s, payload := newSigner(t, 1), gzipped(sector)
	good := archived(t, s.signed(t, manifestOf(sector, payload), payload)...)
	for name, file := range map[string][]byte{
		"as it is":                 good,
		"filled to a record":       append(slices.Clone(good), make([]byte, tarFill-len(good)%tarFill)...),
		"two streams in a payload": nil,
	} {
		if file == nil {
			two := append(gzipped(sector[:200]), gzipped(sector[200:])...)
			file = archived(t, s.signed(t, manifestOf(sector, two), two)...)
		}
		if _, got, err := read(file, Keys{newSigner(t, 3).pub, s.pub}); err != nil || !bytes.Equal(got, sector) {
			t.Errorf("%s: got %d octets, %v", name, len(got), err)
		}
	}
}

func TestNoKeysTrustNobody(t *testing.T) {
	s := newSigner(t, 1)
	if _, _, err := read(updateOf(t, next, sector, s), nil); !errors.Is(err, ErrNoKeys) {
		t.Errorf("got %v", err)
	}
}

// TestEveryOctetFlipped flips one bit of each octet of a file: nothing else than the signed system may ever come out.
func TestEveryOctetFlipped(t *testing.T) {
	s := newSigner(t, 1)
	file := updateOf(t, next, sector, s)
	want, _, err := read(file, s.keys())
	if err != nil {
		t.Fatal(err)
	}
	passed := 0
	for i := 0; i < len(file); i += stride() {
		file[i] ^= 1 << (i % 8)
		m, got, err := read(file, s.keys())
		file[i] ^= 1 << (i % 8)
		if err != nil {
			continue
		}
		if passed++; m != want || !bytes.Equal(got, sector) {
			t.Fatalf("octet %d: another system came out", i)
		}
		if where := inside(file, i); where == ManifestName || where == PayloadName {
			t.Errorf("octet %d of %s may be anything", i, where)
		}
	}
	// Padding of the archive, the comment that nobody signed and a few fields of headers are free.
	if passed == 0 || passed > len(file)/stride()/2 {
		t.Errorf("%d of %d octets may be anything", passed, len(file))
	}
}

// stride is how many octets lie between two that are tried: the race detector has little to find here and takes its time.
func stride() int {
	if testing.Short() {
		return 31
	}
	return 1
}

// inside names the member whose data an octet belongs to; empty: header or padding.
func inside(file []byte, at int) string {
	r := bytes.NewReader(file)
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err != nil {
			return ""
		}
		begin := len(file) - r.Len()
		if at >= begin && at < begin+int(h.Size) {
			return h.Name
		}
	}
}

func TestEveryTruncation(t *testing.T) {
	s := newSigner(t, 1)
	file := updateOf(t, next, sector, s)
	for n := 0; n < len(file); n += stride() {
		if _, _, err := read(file[:n], s.keys()); !errors.Is(err, ErrFormat) && !errors.Is(err, ErrSignature) {
			t.Fatalf("the first %d octets of %d: got %v", n, len(file), err)
		}
	}
}

// TestErrorsOfTheSourceStayWhatTheyAre: a broken line is not a broken file, wherever it breaks.
func TestErrorsOfTheSourceStayWhatTheyAre(t *testing.T) {
	s := newSigner(t, 1)
	file := updateOf(t, next, sector, s)
	gone := errors.New("the line went dead")
	for n := 0; n < len(file); n += 7 {
		f, err := Open(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(gone)), s.keys())
		if err == nil {
			err = f.CopyTo(io.Discard)
		}
		if !errors.Is(err, gone) || errors.Is(err, ErrFormat) {
			t.Fatalf("after %d octets: got %v", n, err)
		}
	}
	f, err := Open(iotest.OneByteReader(bytes.NewReader(file)), s.keys())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.CopyTo(failing{gone}); !errors.Is(err, gone) || errors.Is(err, ErrFormat) {
		t.Errorf("a writer that fails: got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestSignatureIsVerifiedBeforeThePayloadIsRead gives a file whose payload must not be touched.
func TestSignatureIsVerifiedBeforeThePayloadIsRead(t *testing.T) {
	s := newSigner(t, 1)
	file := updateOf(t, next, slotOf(1), s)
	r := bytes.NewReader(file)
	if _, err := Open(r, newSigner(t, 2).keys()); !errors.Is(err, ErrSignature) {
		t.Fatalf("got %v", err)
	}
	if read := len(file) - r.Len(); read > 64<<10 {
		t.Errorf("read %d octets of a file that nobody trusted signed", read)
	}
}

// TestSignaturesOfTheTool reads what minisign 0.11 wrote, in both ways that it can sign.
func TestSignaturesOfTheTool(t *testing.T) {
	file := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	keys, err := ParseKeys(file("key.pub"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("got %v, %v", keys, err)
	}
	text := file("manifest.json")
	if _, err := ParseManifest(text); err != nil {
		t.Error(err)
	}
	for name, comment := range map[string]string{"hashed.minisig": "release 0.5.0", "legacy.minisig": "release 0.5.0, legacy"} {
		sig := file(name)
		if id, got, err := keys.verify(text, sig); err != nil || got != comment || KeyName(id) != "C150083C8EAA2782" {
			t.Errorf("%s: got %x, %q, %v", name, id, got, err)
		}
		if _, _, err := keys.verify(append(slices.Clone(text), ' '), sig); !errors.Is(err, ErrSignature) {
			t.Errorf("%s of another text: got %v", name, err)
		}
		forged := bytes.Replace(sig, []byte("trusted comment: release"), []byte("trusted comment: RELEASE"), 1)
		if _, _, err := keys.verify(text, forged); !errors.Is(err, ErrSignature) {
			t.Errorf("%s with another comment: got %v", name, err)
		}
	}
}
