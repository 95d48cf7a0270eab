package link

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/flynn/noise"
)

// noiseVector is one handshake and what follows in the JSON of the Noise wiki that snow and cacophony use.
type noiseVector struct {
	Name             string         `json:"protocol_name"`
	InitPrologue     octets         `json:"init_prologue"`
	InitPSKs         []octets       `json:"init_psks,omitempty"`
	InitStatic       octets         `json:"init_static,omitempty"`
	InitEphemeral    octets         `json:"init_ephemeral"`
	InitRemoteStatic octets         `json:"init_remote_static,omitempty"`
	RespPrologue     octets         `json:"resp_prologue"`
	RespPSKs         []octets       `json:"resp_psks,omitempty"`
	RespStatic       octets         `json:"resp_static,omitempty"`
	RespEphemeral    octets         `json:"resp_ephemeral,omitempty"`
	RespRemoteStatic octets         `json:"resp_remote_static,omitempty"`
	Hash             octets         `json:"handshake_hash,omitempty"`
	Messages         []noiseMessage `json:"messages"`
}

type noiseMessage struct {
	Payload    octets `json:"payload"`
	Ciphertext octets `json:"ciphertext"`
}

type noiseFile struct {
	Vectors []*noiseVector `json:"vectors"`
}

// octets are hexadecimal in JSON.
type octets []byte

func (o octets) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(o)), nil }

func (o *octets) UnmarshalText(b []byte) (err error) {
	*o, err = hex.DecodeString(string(b))
	return err
}

// ours are the protocols that the link speaks: members, invites, codes.
var ours = map[string]noise.HandshakePattern{
	"Noise_KKpsk0_25519_ChaChaPoly_BLAKE2s": noise.HandshakeKK,
	"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s": noise.HandshakeIK,
	"Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s": noise.HandshakeNN,
}

var (
	noiseRecord  = filepath.Join("testdata", "noise.json")
	otherVectors = flag.String("vectors", "", "a file of Noise vectors in the JSON of snow and cacophony, to be replayed too")
	recordNoise  = flag.Bool("record", false, "write testdata/noise.json anew")
)

// state makes one side as a vector describes it.
func (v *noiseVector) state(initiator bool) (*noise.HandshakeState, error) {
	cfg := noise.Config{CipherSuite: suite, Pattern: ours[v.Name], Initiator: initiator}
	prologue, psks, static, remote, ephemeral := v.InitPrologue, v.InitPSKs, v.InitStatic, v.InitRemoteStatic, v.InitEphemeral
	if !initiator {
		prologue, psks, static, remote, ephemeral = v.RespPrologue, v.RespPSKs, v.RespStatic, v.RespRemoteStatic, v.RespEphemeral
	}
	cfg.Prologue, cfg.PeerStatic, cfg.Random = prologue, remote, bytes.NewReader(ephemeral)
	if len(psks) != 1 {
		return nil, fmt.Errorf("%d pre-shared keys", len(psks))
	}
	cfg.PresharedKey = psks[0]
	if strings.Contains(v.Name, "psk2") {
		cfg.PresharedKeyPlacement = 2
	}
	if len(static) > 0 {
		key, err := noise.DH25519.GenerateKeypair(bytes.NewReader(static))
		if err != nil {
			return nil, err
		}
		cfg.StaticKeypair = key
	}
	return noise.NewHandshakeState(cfg)
}

// replay plays a vector on both sides and compares every octet.
func (v *noiseVector) replay() error {
	a, err := v.state(true)
	if err != nil {
		return err
	}
	b, err := v.state(false)
	if err != nil {
		return err
	}
	got, err := converse(a, b, v.payloads())
	if err != nil {
		return err
	}
	for i, m := range got {
		if !bytes.Equal(m, v.Messages[i].Ciphertext) {
			return fmt.Errorf("message %d:\n got %x\nwant %x", i, m, []byte(v.Messages[i].Ciphertext))
		}
	}
	if len(v.Hash) > 0 && !bytes.Equal(a.ChannelBinding(), v.Hash) {
		return fmt.Errorf("handshake hash %x, want %x", a.ChannelBinding(), []byte(v.Hash))
	}
	return nil
}

func (v *noiseVector) payloads() (all [][]byte) {
	for _, m := range v.Messages {
		all = append(all, m.Payload)
	}
	return all
}

// converse says the payloads in turn, the initiator first: two in the handshake, the rest under its keys.
func converse(a, b *noise.HandshakeState, payloads [][]byte) (sent [][]byte, err error) {
	var keys [2][2]*noise.CipherState // of either side: initiator's, responder's
	sides := [2]*noise.HandshakeState{a, b}
	for i, p := range payloads {
		from, to := i%2, 1-i%2
		var msg, heard []byte
		if i < 2 {
			if msg, keys[from][0], keys[from][1], err = sides[from].WriteMessage(nil, p); err != nil {
				return nil, err
			}
			heard, keys[to][0], keys[to][1], err = sides[to].ReadMessage(nil, msg)
		} else {
			if msg, err = keys[from][from].Encrypt(nil, nil, p); err != nil {
				return nil, err
			}
			heard, err = keys[to][from].Decrypt(nil, nil, msg)
		}
		if err != nil || !bytes.Equal(heard, p) {
			return nil, fmt.Errorf("message %d: heard %x: %w", i, heard, err)
		}
		sent = append(sent, msg)
	}
	return sent, nil
}

// fixed is n octets that begin with b.
func fixed(b byte, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = b + byte(i)
	}
	return out
}

// both are two cores with a path to each other on a radio; what is random next is an ephemeral key.
func both(t *testing.T) (a, b *node) {
	w := newWorld(t, 1)
	w.domain = Domain{ID: [16]byte(fixed(0x10, 16)), Epoch: 7, Key: [32]byte(fixed(0x20, 32))}
	ch := w.radio(0)
	a, b = w.node("a", ch), w.node("b", ch)
	w.acquaintAll()
	a.core.cfg.Rand, b.core.cfg.Rand = bytes.NewReader(fixed(0x40, 32)), bytes.NewReader(fixed(0x60, 32))
	return a, b
}

// memberVector is the handshake between members as the link makes it, with its payloads.
func memberVector(t *testing.T) *noiseVector {
	a, b := both(t)
	toB, toA := a.core.path(a.core.peers[0], a.core.ports[0]), b.core.path(b.core.peers[0], b.core.ports[0])
	x, err := a.core.handshake(toB, true)
	y, err2 := b.core.handshake(toA, false)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	v := &noiseVector{Name: "Noise_KKpsk0_25519_ChaChaPoly_BLAKE2s", InitPSKs: []octets{a.core.domain.Key[:]},
		InitPrologue: a.core.prologue(a.id, b.id, Radio), InitStatic: a.static[:], RespStatic: b.static[:],
		InitRemoteStatic: b.public[:], RespRemoteStatic: a.public[:]}
	return v.record(t, x, y, a.core.appendBoot(nil), b.core.appendBoot(nil))
}

// guestVector is a pairing by invite, or by code with a key as CPace gives it.
func guestVector(t *testing.T, invite bool) *noiseVector {
	a, b := both(t)
	tag, psk := [4]byte{1, 2, 3, 4}, fixed(0x80, 32)
	v := &noiseVector{Name: "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s"}
	if invite {
		psk = invitePSK(fixed(0x80, secretSize))
		v = &noiseVector{Name: "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s", InitStatic: a.static[:], RespStatic: b.static[:], InitRemoteStatic: b.public[:]}
	}
	x, err := a.core.pairingNoise(true, a.core.ports[0], tag, psk, invite, b.public[:])
	y, err2 := b.core.pairingNoise(false, b.core.ports[0], tag, psk, invite, nil)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	v.InitPSKs, v.InitPrologue = []octets{psk}, append(append([]byte(protocol+" pairing"), tag[:]...), byte(Radio))
	return v.record(t, x, y, nil, nil)
}

// record lets the two speak and notes it.
func (v *noiseVector) record(t *testing.T, a, b *noise.HandshakeState, first, second []byte) *noiseVector {
	t.Helper()
	payloads := [][]byte{first, second, []byte("what the opener seals"), []byte("what the answerer seals")}
	sent, err := converse(a, b, payloads)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range sent {
		v.Messages = append(v.Messages, noiseMessage{payloads[i], m})
	}
	v.RespPrologue, v.RespPSKs, v.Hash = v.InitPrologue, v.InitPSKs, a.ChannelBinding()
	v.InitEphemeral, v.RespEphemeral = fixed(0x40, 32), fixed(0x60, 32)
	return v
}

// TestNoiseAsRecorded holds the link's own handshakes, prologue, keys and payloads, to the octets in testdata/noise.json.
// They change only with the protocol: go test ./link -run=Noise -record.
func TestNoiseAsRecorded(t *testing.T) {
	f := noiseFile{[]*noiseVector{memberVector(t), guestVector(t, true), guestVector(t, false)}}
	got, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *recordNoise {
		if err := os.WriteFile(noiseRecord, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(noiseRecord)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("the handshakes are not those of %s: %v\n%s", noiseRecord, err, firstOther(string(got), string(want)))
	}
}

func firstOther(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return ""
}

// TestNoiseVectorsReplay replays recorded vectors without the link's own code.
func TestNoiseVectorsReplay(t *testing.T) {
	files := []string{noiseRecord}
	if *otherVectors != "" {
		files = append(files, *otherVectors)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var f noiseFile
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatal(err)
		}
		replayed := map[string]int{}
		for _, v := range f.Vectors {
			if _, ok := ours[v.Name]; !ok {
				continue
			}
			if err := v.replay(); err != nil {
				t.Errorf("%s: %s: %v", name, v.Name, err)
			}
			replayed[v.Name]++
		}
		if len(replayed) != len(ours) {
			t.Errorf("%s: only %v are in it", name, replayed)
		}
		t.Logf("%s: %v", name, replayed)
	}
}

// TestNoiseKnownVectors replays those that come with the module flynn/noise, of the protocols that the link speaks.
func TestNoiseKnownVectors(t *testing.T) {
	source, _ := runtime.FuncForPC(reflect.ValueOf(noise.NewCipherSuite).Pointer()).FileLine(reflect.ValueOf(noise.NewCipherSuite).Pointer())
	f, err := os.Open(filepath.Join(filepath.Dir(source), "vectors.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	replayed := map[string]int{}
	for _, v := range knownVectors(t, f) {
		if err := v.replay(); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
		replayed[v.Name]++
	}
	for name := range ours {
		if replayed[name] < 4 {
			t.Errorf("%s: %d vectors", name, replayed[name])
		}
	}
}

// knownVectors reads name=value lines; an empty line ends a vector.
func knownVectors(t *testing.T, r io.Reader) (all []*noiseVector) {
	v := &noiseVector{}
	for lines := bufio.NewScanner(r); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			continue
		}
		if key == "handshake" {
			if v = (&noiseVector{Name: value}); ours[value].Name != "" {
				all = append(all, v)
			}
			continue
		}
		if ours[v.Name].Name != "" {
			v.field(t, key, value)
		}
	}
	return all
}

func (v *noiseVector) field(t *testing.T, key, value string) {
	t.Helper()
	b, err := hex.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	knowsUs := strings.HasPrefix(ours[v.Name].Name, "K")
	switch key {
	case "prologue":
		v.InitPrologue, v.RespPrologue = b, b
	case "preshared_key":
		v.InitPSKs, v.RespPSKs = []octets{b}, []octets{b}
	case "gen_init_ephemeral":
		v.InitEphemeral = b
	case "gen_resp_ephemeral":
		v.RespEphemeral = b
	case "init_static":
		if v.InitStatic = b; knowsUs {
			v.RespRemoteStatic = publicOf(t, b)
		}
	case "resp_static":
		v.RespStatic, v.InitRemoteStatic = b, publicOf(t, b)
	default:
		if strings.HasSuffix(key, "_payload") {
			v.Messages = append(v.Messages, noiseMessage{Payload: b})
		} else {
			v.Messages[len(v.Messages)-1].Ciphertext = b
		}
	}
}

func publicOf(t *testing.T, private []byte) []byte {
	t.Helper()
	k, err := noise.DH25519.GenerateKeypair(bytes.NewReader(private))
	if err != nil {
		t.Fatal(err)
	}
	return k.Public
}
