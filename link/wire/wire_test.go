package wire

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
)

// fill returns n octets that rise from first.
func fill(n int, first byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

// frames is one of each frame, with the size it must have.
func frames() map[string]struct {
	b    []byte
	size int
} {
	var short [8]byte
	copy(short[:], fill(8, 0x10))
	mac := fill(MACSize, 0xf0)
	type f = struct {
		b    []byte
		size int
	}
	return map[string]f{
		"beacon":      {append(AppendBeacon(nil, Beacon{Short: short, Boot: 0x01020304, Seq: 0x0506, Urgent: true, Clock: 5}), mac...), 23},
		"query":       {append(AppendQuery(nil, short), mac...), 17},
		"clear":       {append(AppendClear(nil, Clear{0x0102, 0x0304, [2]byte{5, 6}, 0x0708}), mac...), 17},
		"record":      {append(AppendRecord(nil, fill(150, 0)), mac...), 159},
		"handshake 1": {AppendHandshake1(nil, Handshake1{[4]byte{1, 2, 3, 4}, 0x0506, fill(52, 0)}), 59},
		"handshake 2": {AppendHandshake2(nil, Handshake2{0x0102, 0x0304, fill(52, 0)}), 57},
		"control":     {append(AppendControl(nil, Control{0x0102, 0x0304}), fill(16, 0)...), 21},
		"data":        {append(AppendData(nil, Data{Block: 0xabc, Stream: 0x1234, First: 56}), fill(4*61+4, 0)...), 253},
		"data poll":   {append(AppendData(nil, Data{Poll: true, Block: 1, Stream: 2, First: 3}), fill(61+4, 0)...), 70},
		"data full":   {append(AppendData(nil, Data{Full: true, Block: 1, Stream: 2, First: 3}), fill(61+16, 0)...), 82},
		"data check":  {append(AppendData(nil, Data{Check: true, Block: 1, Stream: 2, First: 3}), fill(61+4, 0)...), 70},
		"cast":        {append(AppendCast(nil, Cast{Block: 0xabc, Stream: 0x1234, First: 56}), fill(4*61+4, 0)...), 253},
		"cast poll":   {append(AppendCast(nil, Cast{Poll: true, Block: 1, Stream: 2, First: 3}), fill(61+4, 0)...), 70},
		"alive":       {append(AppendAliveHeader(nil, 7), fill(4, 1)...), 6},
		"pake 1":      {AppendPAKE(nil, PAKE{Type: TypePAKE1}), 37},
		"pake 2":      {AppendPAKE(nil, PAKE{Type: TypePAKE2, Lock: [8]byte{9}}), 45},
		"reject":      {AppendReject(nil, Reject{Left: 4, Key: [8]byte{8}}), 14},
		"pairing nn":  {AppendPairing(nil, Pairing{Type: TypePairing1, Noise: fill(48, 0)}), 55},
		"pairing ik":  {AppendPairing(nil, Pairing{Type: TypePairing1, Noise: fill(96, 0)}), 103},
		"pairing 2":   {AppendPairing(nil, Pairing{Type: TypePairing2, Noise: fill(48, 0)}), 55},
	}
}

// again parses any frame and appends what it read.
func again(b []byte) ([]byte, error) {
	switch TypeOf(b) {
	case TypeBeacon:
		f, err := ParseBeacon(b)
		_, mac := SplitMAC(b)
		return append(AppendBeacon(nil, f), mac...), err
	case TypeQuery:
		if IsClear(b) {
			f, err := ParseClear(b)
			_, mac := SplitMAC(b)
			return append(AppendClear(nil, f), mac...), err
		}
		f, err := ParseQuery(b)
		_, mac := SplitMAC(b)
		return append(AppendQuery(nil, f), mac...), err
	case TypeRecord:
		f, err := ParseRecord(b)
		_, mac := SplitMAC(b)
		return append(AppendRecord(nil, f), mac...), err
	case TypeHandshake1:
		f, err := ParseHandshake1(b)
		return AppendHandshake1(nil, f), err
	case TypeHandshake2:
		f, err := ParseHandshake2(b)
		return AppendHandshake2(nil, f), err
	case TypeControl:
		if IsAlive(b) {
			f, err := ParseAlive(b)
			return append(AppendAliveHeader(nil, f.Heard), f.Tag[:]...), err
		}
		f, rest, err := ParseControl(b)
		return append(AppendControl(nil, f), rest...), err
	case TypePAKE1:
		f, err := ParsePAKE(b)
		return AppendPAKE(nil, f), err
	case TypePAKE2:
		if b[0]&15 == rejectNibble {
			f, err := ParseReject(b)
			return AppendReject(nil, f), err
		}
		f, err := ParsePAKE(b)
		return AppendPAKE(nil, f), err
	case TypeCast:
		f, rest, err := ParseCast(b)
		return append(AppendCast(nil, f), rest...), err
	case TypePairing1, TypePairing2:
		f, err := ParsePairing(b)
		return AppendPairing(nil, f), err
	}
	f, rest, err := ParseData(b)
	return append(AppendData(nil, f), rest...), err
}

func TestFramesRoundTripAtTheirSize(t *testing.T) {
	for name, f := range frames() {
		if len(f.b) != f.size {
			t.Errorf("%s: got %d octets, want %d", name, len(f.b), f.size)
		}
		if got, err := again(f.b); err != nil || !bytes.Equal(got, f.b) {
			t.Errorf("%s: got %x, %v, want %x", name, got, err, f.b)
		}
	}
}

func TestTruncatedFixedFramesAreRefused(t *testing.T) {
	for name, f := range frames() {
		open := name == "control" || TypeOf(f.b) == TypeRecord || name[:4] == "data" || name[:4] == "cast"
		for n := range f.b {
			if open && n > 21 {
				break // their length is what is left of the frame
			}
			if name == "pairing ik" && n == PairingOverhead+NoiseNN {
				continue // as long as the other kind
			}
			if _, err := again(f.b[:n]); err == nil && !open {
				t.Errorf("%s cut to %d octets parses", name, n)
			}
		}
	}
}

func TestDataNonceNamesThePlaintext(t *testing.T) {
	seen := map[[NonceSize]byte]Data{}
	for _, f := range []Data{{}, {Poll: true}, {Full: true}, {Full: true, Poll: true}, {Check: true}, {Block: 1}, {Block: 256}, {Stream: 1}, {Stream: 256}, {First: 1}} {
		for _, n := range []int{61, 122} {
			nonce := f.Nonce(n)
			if other, ok := seen[nonce]; ok {
				t.Errorf("%+v and %+v share nonce %x", f, other, nonce)
			}
			seen[nonce] = f
			if alive := f.AliveNonce(n); alive[0]>>4 != byte(TypeControl) || seen[alive] != (Data{}) {
				t.Errorf("%+v: its answer shares nonce %x with data", f, alive)
			}
		}
	}
}

// messages is one of each message, with its octets.
var messages = []struct {
	m    Message
	want string
}{
	{Message{Kind: KindOffer, Flags: FlagFollows, Stream: 0x1234, Digest: [16]byte{1, 2, 3}, ItemKind: 1, Priority: 2, Size: 10240, Lifetime: 1440, Cost: 7},
		"111234" + "01020300000000000000000000000000" + "0102" + "8050" + "a00b" + "0007"},
	{Message{Kind: KindAnswer, Stream: 0x1234, Code: CodeHave}, "02123401"},
	{Message{Kind: KindAnswer, Flags: FlagHeld, Stream: 0x1234, Upto: 3, Needs: []BlockNeed{{0, 4}, {2, 56}}}, "12123400" + "0302" + "0004" + "0238"},
	{Message{Kind: KindNeed, Stream: 1, Upto: 300, Needs: []BlockNeed{{10, 1}, {299, 64}}}, "030001" + "ac0202" + "0a01" + "a10240"},
	{Message{Kind: KindPush, Stream: 2, ItemKind: 3, Priority: 0, Lifetime: 60, Cost: 1, Body: []byte("abc")}, "040002" + "0300" + "3c" + "0001" + "03616263"},
	{Message{Kind: KindCustody, Flags: FlagHad, Stream: 2}, "15000200"},
	{Message{Kind: KindCancel, Stream: 2}, "060002"},
	{Message{Kind: KindPoll, Stream: 2, Upto: 3}, "07000203"},
	{Message{Kind: KindBye}, "08"},
	{Message{Kind: KindUrgent}, "0d"},
	{Message{Kind: KindSymbols, Stream: 2, Code: 17, Body: []byte("abc")}, "090002" + "11" + "03616263"},
	{Message{Kind: KindCast, Stream: 2, Cast: Membership{Group: 0x7fff, Place: 3}}, "0a0002" + "7fff" + "03"},
	{Message{Kind: KindCast, Flags: FlagKey, Stream: 2, Cast: Membership{Group: 1, Key: [16]byte{7}}}, "1a0002" + "0001" + "00" + "07000000000000000000000000000000"},
	{Message{Kind: KindMove, Excursion: Excursion{Setting: [6]byte{0x36, 0xed, 0x48, 0xa0, 1, 0x85}, Number: 7, Span: 60, SNRdB: -3}}, "0b" + "36ed48a00185" + "073cfd"},
	{Message{Kind: KindMove, Flags: FlagBack}, "1b"},
	{Message{Kind: KindMoved, Code: MovedWeak, Excursion: Excursion{Number: 7, Span: 20, SNRdB: UnknownSNR}}, "0c02071480"},
}

func TestMessagesRoundTrip(t *testing.T) {
	for _, tt := range messages {
		b := AppendMessage(nil, &tt.m)
		if got := hex.EncodeToString(b); got != tt.want {
			t.Errorf("%+v:\n got %s\nwant %s", tt.m, got, tt.want)
		}
		var m Message
		rest, err := ParseMessage(append(b, 0xee), &m)
		if err != nil || len(rest) != 1 {
			t.Errorf("%s: rest %x, %v", tt.want, rest, err)
		}
		if len(m.Needs) == 0 {
			m.Needs = nil
		}
		if !reflect.DeepEqual(m, tt.m) {
			t.Errorf("got %+v, want %+v", m, tt.m)
		}
	}
}

func TestTruncatedMessagesAreRefused(t *testing.T) {
	var m Message
	for _, tt := range messages {
		b := AppendMessage(nil, &tt.m)
		for n := range b {
			if _, err := ParseMessage(b[:n], &m); err == nil {
				t.Errorf("%s cut to %d octets parses", tt.want, n)
			}
		}
	}
}

func TestBadMessagesAreRefused(t *testing.T) {
	for what, s := range map[string]string{
		"kind 0":                  "000000",
		"kind 15":                 "0f0000",
		"group stream of 16 bits": "0a0002" + "8000" + "00",
		"block beyond upto":       "030001" + "0301" + "0301",
		"block twice":             "030001" + "0302" + "0101" + "0001",
		"need of nothing":         "030001" + "0301" + "0000",
		"too many needs":          "030001" + "0341",
		"upto beyond all blocks":  "070002" + "8120",
		"varint in a longer form": "070002" + "8000",
	} {
		b, _ := hex.DecodeString(s)
		var m Message
		if _, err := ParseMessage(b, &m); err == nil {
			t.Errorf("%s parses as %+v", what, m)
		}
	}
}

func FuzzFrames(f *testing.F) {
	for _, v := range frames() {
		f.Add(v.b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := again(b)
		if err == nil && !bytes.Equal(got, b) {
			t.Errorf("got %x, want %x", got, b)
		}
	})
}

func FuzzMessage(f *testing.F) {
	for _, tt := range messages {
		f.Add(AppendMessage(nil, &tt.m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Message
		rest, err := ParseMessage(b, &m)
		if err != nil {
			return
		}
		used := b[:len(b)-len(rest)]
		if m.Kind == KindBye || m.Flags&^0xf0 != 0 {
			return
		}
		if got := AppendMessage(nil, &m); !bytes.Equal(got, used) {
			t.Errorf("got %x, want %x", got, used)
		}
	})
}

func TestCastNonceNamesThePlaintext(t *testing.T) {
	seen := map[[NonceSize]byte]Cast{}
	for _, f := range []Cast{{}, {Poll: true}, {Block: 1}, {Block: 256}, {Stream: 1}, {Stream: 256}, {Stream: 1, Poll: true}, {First: 1}} {
		for _, n := range []int{61, 122} {
			nonce := f.Nonce(n)
			if other, ok := seen[nonce]; ok {
				t.Errorf("%+v and %+v share nonce %x", f, other, nonce)
			}
			seen[nonce] = f
		}
	}
}
