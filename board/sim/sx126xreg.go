package sim

import "time"

// sx6RegisterSpace is how far the registers reach that anybody uses.
const sx6RegisterSpace = 0x1000

// Registers (SX1261/2 datasheet, list of registers, and chapter 15 on known limitations).
const (
	regRetention    = 0x029F // how many registers sleep keeps; their addresses follow
	regVersion      = 0x0320
	regIQPolarity   = 0x0736
	regSyncWord     = 0x0740
	regHeaderCR     = 0x0749 // of the header that was received, in bits 6 to 4
	regHeaderCRC    = 0x076B // bit 4: it tells of a checksum; then 20 bits of frequency error
	regRandom       = 0x0819
	regTxModulation = 0x0889
	regRxGain       = 0x08AC
	regTxClamp      = 0x08D8
	regOCP          = 0x08E7
	regRTCControl   = 0x0902
	regEventClear   = 0x0944

	bitTxModulation = 1 << 2
	bitIQPolarity   = 1 << 2
	maskTxClamp     = 0x1E
	bitEventTimeout = 1 << 1
	gainSaving      = 0x94
	ocpLow, ocpHigh = 0x18, 0x38 // 60 and 140 mA
)

func (c *sx126x) resetRegisters() {
	c.regs = [sx6RegisterSpace]byte{
		regIQPolarity: 0x0D, regSyncWord: 0x14, regSyncWord + 1: 0x24, regTxModulation: 0x01, regRxGain: gainSaving,
		regTxClamp: 0xC8, regOCP: ocpLow, 0x0911: 0x05, 0x0912: 0x05,
	}
	copy(c.regs[regVersion:], sx6Versions[c.o.Model])
}

// sx6Versions are the texts as chips have them: an SX1262 calls itself SX1261 (RadioLib, SX1262.h).
var sx6Versions = [...]string{SX1262: "SX1261 V2D 2D02\x00", SX1261: "SX1261 V2D 2D02\x00", SX1268: "SX1268 V2D 2D02\x00", LLCC68: "LLCC68 V2D 2D02\x00"}

func (c *sx126x) readRegister(address uint16) byte {
	switch {
	case address >= regRandom && address < regRandom+4:
		return byte(c.rand.Uint32())
	case address >= sx6RegisterSpace:
		return 0
	case address == regTxModulation:
		c.seen0889 = true
	}
	return c.regs[address]
}

func (c *sx126x) writeRegisters(_ time.Time, p []byte) sx6Status {
	address := uint16(p[0])<<8 | uint16(p[1])
	for i, v := range p[2:] {
		c.writeRegister(address+uint16(i), v)
	}
	return sx6OK
}

func (c *sx126x) writeRegister(address uint16, v byte) {
	lost := map[uint16]SX126xMutation{
		regTxModulation: LosesTxQuality, regTxClamp: LosesClamp, regIQPolarity: LosesIQPolarity, regRTCControl: LosesTimerStop, regEventClear: LosesTimerStop,
	}
	switch {
	case address >= sx6RegisterSpace:
		c.violate("write to register %04X, which there is not", address)
		return
	case address >= regVersion && address < regVersion+16:
		c.violate("write to the version text at %04X", address)
		return
	case address == regTxModulation:
		c.seen0889 = true
	}
	if m := lost[address]; m != Genuine && m == c.o.Mutation {
		return
	}
	c.regs[address] = v
	if address == regEventClear && v&bitEventTimeout != 0 && c.regs[regRTCControl] == 0 {
		c.ghost = time.Time{}
	}
}

// retainedGain is what sleep leaves of the receiver's gain: with its address in the retention list, all.
func (c *sx126x) retainedGain() byte {
	n := min(int(c.regs[regRetention]), 4)
	for i := range n {
		at := regRetention + 1 + 2*i
		if uint16(c.regs[at])<<8|uint16(c.regs[at+1]) == regRxGain {
			return c.regs[regRxGain]
		}
	}
	return gainSaving
}
