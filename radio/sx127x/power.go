package sx127x

import "fmt"

const (
	leastBoost, mostBoost = 2, 20
	leastRFO, mostRFO     = -4, 15
	mostPlain             = 17 // on PABoost without the high power settings
)

func (o Opts) checkPower(dBm int) error {
	least, most := leastBoost, mostBoost
	if o.Output == RFO {
		least, most = leastRFO, mostRFO
	}
	if o.MaxDBm != 0 {
		most = min(most, o.MaxDBm)
	}
	if dBm < least || dBm > most {
		return fmt.Errorf("sx127x: a power of %d dBm: this board gives %d to %d dBm", dBm, least, most)
	}
	return nil
}

// paConfig is RegPaConfig, and the lower bits of RegPaDac (SX1276 datasheet sections 5.4.2 and 5.4.3). On RFO the power is
// 10.8 + 0.6·MaxPower - 15 + OutputPower dBm.
func (o Opts) paConfig(dBm int) (config, dac byte) {
	const plain, high = 0x04, 0x07
	switch {
	case o.Output == PABoost && dBm > mostPlain:
		return bitPaBoost | 0x70 | byte(dBm-5), high
	case o.Output == PABoost:
		return bitPaBoost | 0x70 | byte(dBm-2), plain
	case dBm >= 0:
		return 0x70 | byte(dBm), plain
	case dBm > leastRFO:
		return 0x20 | byte(dBm+3), plain
	}
	return 0, plain
}

// ocp is RegOcp: a limit that trips before the amplifier is hurt, and not at what it needs: 120 mA at 20 dBm, 87 mA at
// 17 dBm (SX1276 datasheet table 6 and section 5.4.4).
func (o Opts) ocp(dBm int) byte {
	mA := o.CurrentLimit
	if mA == 0 {
		mA = 100
		if dBm > mostPlain {
			mA = 140
		}
	}
	if mA <= 120 {
		return bitOcpOn | byte((mA-45)/5)
	}
	return bitOcpOn | byte((mA+30)/10)
}
