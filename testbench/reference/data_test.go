package reference

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"packhorse/radio/phy"
)

// recording is all runs of one chip.
type recording struct {
	Chip string
	Runs []run
}

// run is one recorded session: what was asked of the driver, step by step, and what came of it.
type run struct {
	Name, Scenario string
	Params         params
	Steps          []string
	Results        []result
	States         []state
}

type params struct {
	FreqMHz  float64 `json:"freq_mhz"`
	BWkHz    float64 `json:"bw_khz"`
	SF, CR   uint8
	Sync     string
	PowerDBm int `json:"power_dbm"`
	Preamble uint16
	CRC      bool
	OCPmA    int `json:"ocp_ma"`
	Errata   bool

	TCXOVolts    float64 `json:"tcxo_v"`
	BoardHasTCXO bool    `json:"board_has_tcxo"`
	DIO2Switch   bool    `json:"dio2_switch"`
	Regulator    string
	RxBoosted    bool `json:"rx_boosted"`
}

// wave is the setting that the parameters name.
func (p params) wave() phy.Wave {
	hz := map[float64]uint32{7.8: 7812, 10.4: 10_416, 15.6: 15_625, 20.8: 20_833, 31.25: 31_250, 41.7: 41_666, 62.5: 62_500, 125: 125_000, 250: 250_000, 500: 500_000}
	sync, _ := strconv.ParseUint(p.Sync, 16, 8)
	return phy.Wave{Modulation: phy.Modulation{FrequencyHz: uint32(p.FreqMHz*1e6 + 0.5), BandwidthHz: hz[p.BWkHz],
		SpreadingFactor: p.SF, CodingRate: p.CR, PreambleSymbols: p.Preamble}, SyncWord: byte(sync), CRC: p.CRC}
}

// result is what a call of the recorded driver returned.
type result struct {
	Call       string
	Code       int
	Result     int
	Len        int
	Inject     *packet
	Length     int
	Data       string
	RSSIdBm    float64 `json:"rssi_dbm"`
	SNRdB      float64 `json:"snr_db"`
	FreqError  float64 `json:"freq_error_hz"`
	Reg        int
	DBm        float64
	HeaderCode int `json:"header_code"`
}

// packet is what the model of the chip put into its registers for a reception.
type packet struct {
	Len         int
	RSSI        byte `json:"rssi_reg"`
	SNR         byte `json:"snr_reg"`
	SignalRSSI  byte `json:"signal_rssi_reg"`
	FEI         int  `json:"fei_raw20"`
	CROnAir     byte `json:"cr"`
	CRC         bool `json:"crc_on"`
	CRCError    bool `json:"crc_error"`
	HeaderError bool `json:"header_error"`
}

// state is a chip at the moment in which something starts.
type state struct {
	At   string
	Regs map[string]string
	FIFO string
	Must []must

	Arg, From, Freq, Mod, Pkt, PA, TxP, Base, DIOIRQ, DIO2, TCXO, Regulator, Fallback, Cal, CalImg, CAD, IRQ, Err, Buf string
	PacketType                                                                                                         string `json:"packet_type"`
}

// must is an operation that is to have been issued since the last reset.
type must struct {
	Reg, Op, Mask, Value, Data string
	AfterOp                    string `json:"after_op"`
	IRQCleared                 bool   `json:"irq_cleared"`
}

// masks are the bits to compare, by state and register or field.
type masks map[string]map[string]string

func load[T any](t *testing.T, file string) (v T) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// payload is n octets as all runs send and receive them.
func payload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(7*i + n)
	}
	return b
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// number follows the last word of a step that begins as given: "transmit len=51".
func number(step, prefix string) (int, bool) {
	rest, ok := strings.CutPrefix(step, prefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(rest)
	return n, err == nil
}

// change applies a step of a "reconfigure" run, such as "set bw 125, sf 11, crc off".
func (p params) change(t *testing.T, step string) params {
	t.Helper()
	step = strings.TrimPrefix(strings.TrimPrefix(step, "standby, "), "set ")
	for _, part := range strings.Split(step, ", ") {
		key, value, ok := strings.Cut(part, " ")
		x, err := strconv.ParseFloat(value, 64)
		switch {
		case !ok:
			t.Fatalf("step %q", step)
		case key == "sync":
			p.Sync = value
		case key == "crc":
			p.CRC = value == "on"
		case err != nil:
			t.Fatalf("step %q: %v", step, err)
		case key == "freq":
			p.FreqMHz = x
		case key == "bw":
			p.BWkHz = x
		case key == "sf":
			p.SF = uint8(x)
		case key == "power":
			p.PowerDBm = int(x)
		case key == "preamble":
			p.Preamble = uint16(x)
		default:
			t.Fatalf("step %q", step)
		}
	}
	return p
}
