package cpace

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/gtank/ristretto255"
)

// The vectors of draft-irtf-cfrg-cpace-21 (23 April 2026), appendices A.1 and B.3.
const (
	vPassword  = "Password"
	vChannel   = "0b415f696e69746961746f720b425f726573706f6e646572"
	vSession   = "7e4b4791d6a8ef019b936c79fb7f2c57"
	vGenerator = "222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56"
	vYa        = "da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08"
	vMsgA      = "d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157"
	vYb        = "d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d"
	vMsgB      = "3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258"
	vK         = "80b69a8a76457ab6a4d7f887a4bf6b55a2f80ac19c333f917a05fc9887c8b40f"
	vISK       = "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd" +
		"2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func equal(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if hex.EncodeToString(got) != want {
		t.Errorf("%s\n got %x\nwant %s", what, got, want)
	}
}

func vectorParty(t *testing.T, r Role, scalar string) *State {
	t.Helper()
	s, err := New(r, []byte(vPassword), unhex(t, vSession), unhex(t, vChannel), bytes.NewReader(unhex(t, scalar)))
	if err != nil {
		t.Fatal(err)
	}
	s.Bind([]byte("ADa"), []byte("ADb"))
	return s
}

func TestLengthsAreLEB128(t *testing.T) {
	equal(t, "lv_cat of four", appendLV(nil, []byte("1234"), []byte("5"), nil, []byte("6789")), "04313233340135000436373839")
	seq := make([]byte, 128)
	for i := range seq {
		seq[i] = byte(i)
	}
	equal(t, "127 octets", appendLV(nil, seq[:127]), "7f"+hex.EncodeToString(seq[:127]))
	equal(t, "128 octets", appendLV(nil, seq), "8001"+hex.EncodeToString(seq))
	equal(t, "transcript_ir", appendLV(nil, []byte("123"), []byte("PartyA"), []byte("234"), []byte("PartyB")),
		"03313233065061727479410332333406506172747942")
}

func TestGeneratorVector(t *testing.T) {
	want := "11435061636552697374726574746f3235350850617373776f726464" + strings.Repeat("00", 100) +
		"180b415f696e69746961746f720b425f726573706f6e646572107e4b4791d6a8ef019b936c79fb7f2c57"
	equal(t, "generator string", generatorString([]byte(vPassword), unhex(t, vChannel), unhex(t, vSession)), want)
	g := generator([]byte(vPassword), unhex(t, vChannel), unhex(t, vSession))
	equal(t, "generator", g.Encode(nil), vGenerator)
}

func TestRunVector(t *testing.T) {
	a, b := vectorParty(t, Initiator, vYa), vectorParty(t, Responder, vYb)
	ma, mb := a.Message(), b.Message()
	equal(t, "message of A", ma[:], vMsgA)
	equal(t, "message of B", mb[:], vMsgB)
	k, err := agree(a.secret, mb[:])
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "K", k, vK)
	ka, err := a.Finish(mb[:])
	if err != nil {
		t.Fatal(err)
	}
	kb, err := b.Finish(ma[:])
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "ISK of A", ka[:], vISK)
	equal(t, "ISK of B", kb[:], vISK)
}

func TestScalarMultVector(t *testing.T) {
	s := ristretto255.NewScalar()
	if err := s.Decode(unhex(t, "7cd0e075fa7955ba52c02759a6c90dbbfc10e6d40aea8d283e407d88cf538a05")); err != nil {
		t.Fatal(err)
	}
	k, err := agree(s, unhex(t, "2c3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "s * X", k, "7c13645fe790a468f62c39beb7388e541d8405d1ade69d1778c5fe3e7f6b600e")
}

func TestBadSharesEndTheRun(t *testing.T) {
	own := vectorParty(t, Initiator, vYa).Message()
	for name, share := range map[string][]byte{
		"B.3.11 Y_i1, not an encoding": unhex(t, "2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c"),
		"B.3.11 Y_i2, the identity":    make([]byte, 32),
		"field element not reduced":    unhex(t, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"empty":                        nil,
		"31 octets":                    make([]byte, 31),
		"33 octets":                    append(unhex(t, vMsgB), 0),
		"our own":                      own[:],
	} {
		s := vectorParty(t, Initiator, vYa)
		k, err := s.Finish(share)
		if !errors.Is(err, ErrShare) || k != [KeySize]byte{} {
			t.Errorf("%s: got key %x, error %v; want no key and ErrShare", name, k, err)
		}
		if _, err := s.Finish(unhex(t, vMsgB)); err == nil || errors.Is(err, ErrShare) {
			t.Errorf("%s: then a good share: got %v, want the run to be over", name, err)
		}
	}
}

// Each input must separate: two parties that differ in one of them never meet in a key.
func TestEveryInputCounts(t *testing.T) {
	type in struct{ pw, sid, ci, ada, adb string }
	same := in{"K7QM2XTD", "session", "channel", "a", "b"}
	run := func(a, b in) bool {
		start := func(r Role, x in, scalar string) *State {
			s, err := New(r, []byte(x.pw), []byte(x.sid), []byte(x.ci), bytes.NewReader(unhex(t, scalar)))
			if err != nil {
				t.Fatal(err)
			}
			s.Bind([]byte(x.ada), []byte(x.adb))
			return s
		}
		p, q := start(Initiator, a, vYa), start(Responder, b, vYb)
		mp, mq := p.Message(), q.Message()
		kp, err1 := p.Finish(mq[:])
		kq, err2 := q.Finish(mp[:])
		return err1 == nil && err2 == nil && kp == kq
	}
	if !run(same, same) {
		t.Fatal("equal inputs: got different keys, want one")
	}
	for name, other := range map[string]in{
		"code":    {"K7QM2XTE", "session", "channel", "a", "b"},
		"session": {"K7QM2XTD", "sessioN", "channel", "a", "b"},
		"channel": {"K7QM2XTD", "session", "channeL", "a", "b"},
		"ADa":     {"K7QM2XTD", "session", "channel", "A", "b"},
		"ADb":     {"K7QM2XTD", "session", "channel", "a", "B"},
		"border":  {"K7QM2XTD", "sessionc", "hannel", "a", "b"},
	} {
		if run(same, other) {
			t.Errorf("another %s: got one key, want two", name)
		}
	}
}

func TestBrokenRandomSourceIsRefused(t *testing.T) {
	zero := make([]byte, 32)
	zero[31] = 0xf0
	for name, r := range map[string][]byte{"zero after the mask": zero, "short": zero[:31]} {
		if s, err := New(Initiator, nil, nil, nil, bytes.NewReader(r)); err == nil || s != nil {
			t.Errorf("%s: got %v, %v; want an error", name, s, err)
		}
	}
	if _, err := New(0, nil, nil, nil, bytes.NewReader(unhex(t, vYa))); err == nil {
		t.Error("role 0: got no error")
	}
}

func FuzzFinish(f *testing.F) {
	f.Add(unhex(f, vMsgB))
	f.Add(make([]byte, 32))
	f.Add([]byte{1})
	ya := unhex(f, vYa)
	f.Fuzz(func(t *testing.T, share []byte) {
		s, err := New(Initiator, []byte("x"), nil, nil, bytes.NewReader(ya))
		if err != nil {
			t.Fatal(err)
		}
		if k, err := s.Finish(share); (err == nil) == (k == [KeySize]byte{}) {
			t.Fatalf("got key %x with error %v", k, err)
		}
	})
}
