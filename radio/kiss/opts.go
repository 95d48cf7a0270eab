package kiss

import (
	"fmt"
	"time"

	"packhorse/radio/phy"
)

// Opts says what the TNC is connected to, and how it uses the channel. All but LicenceFree may be left zero.
type Opts struct {
	// LicenceFree states that the transmitter behind the TNC works on a band that needs no amateur licence, where
	// encrypted traffic is allowed. Open refuses without it.
	LicenceFree bool
	// Callsign of this station, such as "AB1CDE-7"; AX.25 has no frames without. Default "N0CALL".
	Callsign string
	// Network is the destination by which stations of ours know each other's frames. Default "PKHRSE".
	Network string
	// Port of a TNC with several, 0 to 15.
	Port int
	// TXDelay is from the key to the first octet, TXTail from the last one to the end of the carrier; in steps of 10 ms up to
	// 2.55 s. Defaults 300 ms and 100 ms, those of Direwolf.
	TXDelay, TXTail time.Duration
	// On a free channel the TNC draws once each Slot and sends with a chance of (Persistence+1)/256. Defaults 100 ms and 63.
	Slot        time.Duration
	Persistence uint8
}

const (
	step     = 10 * time.Millisecond
	mostStep = 255
)

func (o Opts) withDefaults() Opts {
	set := func(v *time.Duration, to time.Duration) {
		if *v == 0 {
			*v = to
		}
	}
	set(&o.TXDelay, 300*time.Millisecond)
	set(&o.TXTail, 100*time.Millisecond)
	set(&o.Slot, 100*time.Millisecond)
	if o.Persistence == 0 {
		o.Persistence = 63
	}
	if o.Callsign == "" {
		o.Callsign = "N0CALL"
	}
	if o.Network == "" {
		o.Network = "PKHRSE"
	}
	return o
}

// Validate says what is wrong, in words for the person who wrote it.
func (o Opts) Validate() error {
	o = o.withDefaults()
	if !o.LicenceFree {
		return ErrEncrypted
	}
	if o.Port < 0 || o.Port > 15 {
		return fmt.Errorf("kiss: port %d: a TNC has ports 0 to 15", o.Port)
	}
	for _, t := range []struct {
		name  string
		value time.Duration
	}{{"TX delay", o.TXDelay}, {"TX tail", o.TXTail}, {"slot", o.Slot}} {
		if t.value < 0 || t.value%step != 0 || t.value > mostStep*step {
			return fmt.Errorf("kiss: %s %v: give a multiple of 10 ms up to 2.55 s", t.name, t.value)
		}
	}
	if _, err := parseAddress(o.Network); err != nil {
		return err
	}
	_, err := parseAddress(o.Callsign)
	return err
}

// overhead bounds what a full frame takes besides its information: AX.25's header, checksum and flags, and a stuffed bit for
// every five.
const overhead = headerLen + fcsLen + flagBits/8 + ((headerLen+maxInfo+fcsLen)*8/5+7)/8

// Modulation is how frames go out on this carrier at this rate (1200 for AFSK, 9600 for G3RUH), for the ledger: never shorter
// than they are. bandwidthHz is what the transmitter occupies.
func (o Opts) Modulation(frequencyHz, bandwidthHz, bitRate uint32) phy.Modulation {
	o = o.withDefaults()
	return phy.Modulation{FrequencyHz: frequencyHz, BandwidthHz: bandwidthHz, BitRate: bitRate, Overhead: overhead, Lead: o.TXDelay + o.TXTail}
}

// access is the mean wait on a free channel: the first draw comes after one slot.
func (o Opts) access() time.Duration { return o.Slot * 256 / time.Duration(int(o.Persistence)+1) }

// commands sets the TNC up.
func (o Opts) commands() []byte {
	port := byte(o.Port)
	var b []byte
	for _, c := range []struct{ command, value byte }{
		{cmdTXDelay, byte(o.TXDelay / step)},
		{cmdPersist, o.Persistence},
		{cmdSlot, byte(o.Slot / step)},
		{cmdTXTail, byte(o.TXTail / step)},
		{cmdDuplex, 0},
	} {
		b = appendFrame(b, port, c.command, c.value)
	}
	return b
}
