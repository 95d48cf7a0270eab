package sim

import (
	"fmt"
	"time"
)

// The commands (SX1261/2 datasheet, chapter 13).
const (
	opResetStats          = 0x00 // with fewer than six parameters: no operation
	opClearIrqStatus      = 0x02
	opClearDeviceErrors   = 0x07
	opSetDioIrqParams     = 0x08
	opWriteRegister       = 0x0D
	opWriteBuffer         = 0x0E
	opGetStats            = 0x10
	opGetPacketType       = 0x11
	opGetIrqStatus        = 0x12
	opGetRxBufferStatus   = 0x13
	opGetPacketStatus     = 0x14
	opGetRssiInst         = 0x15
	opGetDeviceErrors     = 0x17
	opReadRegister        = 0x1D
	opReadBuffer          = 0x1E
	opSetStandby          = 0x80
	opSetRx               = 0x82
	opSetTx               = 0x83
	opSetSleep            = 0x84
	opSetRfFrequency      = 0x86
	opSetCadParams        = 0x88
	opCalibrate           = 0x89
	opSetPacketType       = 0x8A
	opSetModulationParams = 0x8B
	opSetPacketParams     = 0x8C
	opSetTxParams         = 0x8E
	opSetBufferBase       = 0x8F
	opSetFallback         = 0x93
	opSetRxDutyCycle      = 0x94
	opSetPaConfig         = 0x95
	opSetRegulatorMode    = 0x96
	opSetDIO3AsTCXO       = 0x97
	opCalibrateImage      = 0x98
	opSetDIO2AsRfSwitch   = 0x9D
	opSetSymbolTimeout    = 0xA0
	opGetStatus           = 0xC0
	opSetFs               = 0xC1
	opSetCad              = 0xC5
	opSetContinuousWave   = 0xD1
)

// sx6Command is what the chip makes of an opcode.
type sx6Command struct {
	name        string
	asks        bool // it only reads
	least, most int  // octets of parameters
	in          uint // the modes that it belongs into, as bits; it works in others
	do          func(c *sx126x, now time.Time, p []byte) sx6Status
}

const (
	inRC      = 1 << sx6StandbyRC
	inStandby = inRC | 1<<sx6StandbyXOSC
	inRest    = inStandby | 1<<sx6FS // neither sending nor receiving
	inRestRx  = inRest | 1<<sx6RX
	inAny     = inRestRx | 1<<sx6TX | 1<<sx6CAD
)

var sx6Commands = map[byte]sx6Command{
	opResetStats:          {"ResetStats", false, 6, 6, inAny, (*sx126x).resetStats},
	opClearIrqStatus:      {"ClearIrqStatus", false, 2, 2, inAny, (*sx126x).clearIrq},
	opClearDeviceErrors:   {"ClearDeviceErrors", false, 2, 2, inAny, (*sx126x).clearErrors},
	opSetDioIrqParams:     {"SetDioIrqParams", false, 8, 8, inAny, keep},
	opWriteRegister:       {"WriteRegister", false, 3, sx6Longest, inRest, (*sx126x).writeRegisters},
	opWriteBuffer:         {"WriteBuffer", false, 2, sx6Longest, inRest, (*sx126x).writeBuffer},
	opGetStats:            {name: "GetStats", asks: true},
	opGetPacketType:       {name: "GetPacketType", asks: true},
	opGetIrqStatus:        {name: "GetIrqStatus", asks: true},
	opGetRxBufferStatus:   {name: "GetRxBufferStatus", asks: true},
	opGetPacketStatus:     {name: "GetPacketStatus", asks: true},
	opGetRssiInst:         {name: "GetRssiInst", asks: true},
	opGetDeviceErrors:     {name: "GetDeviceErrors", asks: true},
	opReadRegister:        {name: "ReadRegister", asks: true},
	opReadBuffer:          {name: "ReadBuffer", asks: true},
	opGetStatus:           {name: "GetStatus", asks: true},
	opSetStandby:          {"SetStandby", false, 1, 1, inAny, (*sx126x).setStandby},
	opSetRx:               {"SetRx", false, 3, 3, inRestRx, (*sx126x).setRx},
	opSetTx:               {"SetTx", false, 3, 3, inRestRx, (*sx126x).setTx},
	opSetSleep:            {"SetSleep", false, 1, 1, inStandby, (*sx126x).setSleep},
	opSetRfFrequency:      {"SetRfFrequency", false, 4, 4, inRest, keep},
	opSetCadParams:        {"SetCadParams", false, 7, 7, inRest, (*sx126x).setCadParams},
	opCalibrate:           {"Calibrate", false, 1, 1, inRC, (*sx126x).calibrate},
	opSetPacketType:       {"SetPacketType", false, 1, 1, inRest, (*sx126x).setPacketType},
	opSetModulationParams: {"SetModulationParams", false, 4, 8, inRest, (*sx126x).setModulation},
	opSetPacketParams:     {"SetPacketParams", false, 6, 9, inRest, (*sx126x).setPacketParams},
	opSetTxParams:         {"SetTxParams", false, 2, 2, inRest, (*sx126x).setTxParams},
	opSetBufferBase:       {"SetBufferBaseAddress", false, 2, 2, inRest, (*sx126x).setBufferBase},
	opSetFallback:         {"SetRxTxFallbackMode", false, 1, 1, inRest, (*sx126x).setFallback},
	opSetRxDutyCycle:      {"SetRxDutyCycle", false, 6, 6, inRest, (*sx126x).setRxDutyCycle},
	opSetPaConfig:         {"SetPaConfig", false, 4, 4, inRest, (*sx126x).setPaConfig},
	opSetRegulatorMode:    {"SetRegulatorMode", false, 1, 1, inRC, keep},
	opSetDIO3AsTCXO:       {"SetDIO3AsTcxoCtrl", false, 4, 4, inRC, keep},
	opCalibrateImage:      {"CalibrateImage", false, 2, 2, inStandby, (*sx126x).calibrateImage},
	opSetDIO2AsRfSwitch:   {"SetDIO2AsRfSwitchCtrl", false, 1, 1, inRest, keep},
	opSetSymbolTimeout:    {"SetLoRaSymbNumTimeout", false, 1, 1, inRest, keep},
	opSetFs:               {"SetFs", false, 0, 0, inRestRx, (*sx126x).setFS},
	opSetCad:              {"SetCad", false, 0, 0, inRestRx, (*sx126x).setCad},
	opSetContinuousWave:   {"SetTxContinuousWave", false, 0, 0, inRest, (*sx126x).setContinuousWave},
}

func commandName(op byte) string {
	if cmd, ok := sx6Commands[op]; ok {
		return cmd.name
	}
	return fmt.Sprintf("opcode %02X, which there is not", op)
}

// sx6Answers are what follows the status of the commands that ask.
var sx6Answers = map[byte]func(c *sx126x, now time.Time) []byte{
	opGetStats: func(c *sx126x, _ time.Time) []byte {
		s := c.stats
		return []byte{byte(s[0] >> 8), byte(s[0]), byte(s[1] >> 8), byte(s[1]), byte(s[2] >> 8), byte(s[2])}
	},
	opGetPacketType: func(c *sx126x, _ time.Time) []byte { return []byte{c.packetType()} },
	opGetIrqStatus:  func(c *sx126x, _ time.Time) []byte { return []byte{byte(c.irq >> 8), byte(c.irq)} },
	opGetRxBufferStatus: func(c *sx126x, _ time.Time) []byte {
		return []byte{c.packet.length, c.packet.start}
	},
	opGetPacketStatus: func(c *sx126x, _ time.Time) []byte {
		return []byte{c.packet.rssi, c.packet.snr, c.packet.despRSS}
	},
	opGetRssiInst:     (*sx126x).rssiNow,
	opGetDeviceErrors: func(c *sx126x, _ time.Time) []byte { return []byte{byte(c.errors >> 8), byte(c.errors)} },
}

// keep is a command that only leaves its parameters.
func keep(*sx126x, time.Time, []byte) sx6Status { return sx6OK }

func (c *sx126x) resetStats(time.Time, []byte) sx6Status {
	c.stats = [3]uint16{}
	return sx6OK
}

func (c *sx126x) clearIrq(_ time.Time, p []byte) sx6Status {
	c.irq &^= uint16(p[0])<<8 | uint16(p[1])
	return sx6OK
}

func (c *sx126x) clearErrors(time.Time, []byte) sx6Status {
	c.errors = 0
	return sx6OK
}

func (c *sx126x) writeBuffer(_ time.Time, p []byte) sx6Status {
	for i, b := range p[1:] {
		c.buffer[p[0]+byte(i)] = b
	}
	return sx6OK
}

func (c *sx126x) setBufferBase(_ time.Time, p []byte) sx6Status {
	c.rxNext = p[1]
	return sx6OK
}

const sx6LoRa = 1

// packetType is FSK, 0, after reset.
func (c *sx126x) packetType() byte {
	if p := c.sent[opSetPacketType]; p != nil {
		return p[0]
	}
	return 0
}

func (c *sx126x) setPacketType(_ time.Time, p []byte) sx6Status {
	if p[0] > sx6LoRa {
		return sx6Failed
	}
	return sx6OK
}

// setModulation takes LoRa only, and what this chip can.
func (c *sx126x) setModulation(_ time.Time, p []byte) sx6Status {
	c.seen0889 = false
	bw, known := sx6Bandwidths[p[1]]
	switch {
	case c.packetType() != sx6LoRa:
		c.violate("SetModulationParams: the packet type is not LoRa")
		return sx6Failed
	case p[0] < 5 || p[0] > 12 || !known || p[2] < 1 || p[2] > 4 || p[3] > 1:
		c.violate("SetModulationParams % X: there is no such modulation", p)
		return sx6Failed
	case c.o.Model == LLCC68 && p[0] > sx6LLCC68Limit[bw]:
		c.violate("SetModulationParams: an LLCC68 has no SF%d at %d Hz", p[0], bw)
		return sx6Failed
	}
	return sx6OK
}

// sx6LLCC68Limit is the highest spreading factor of an LLCC68 at its bandwidths.
var sx6LLCC68Limit = map[uint32]byte{125_000: 9, 250_000: 10, 500_000: 11}

func (c *sx126x) setPacketParams(_ time.Time, p []byte) sx6Status {
	switch {
	case c.packetType() != sx6LoRa:
		c.violate("SetPacketParams: the packet type is not LoRa")
		return sx6Failed
	case p[0] == 0 && p[1] == 0 || p[2] > 1 || p[4] > 1 || p[5] > 1:
		c.violate("SetPacketParams % X: there is no such packet", p)
		return sx6Failed
	}
	return sx6OK
}

func (c *sx126x) setCadParams(_ time.Time, p []byte) sx6Status {
	if p[0] > 4 || p[3] != sx6CadOnly && p[3] != sx6CadRx && p[3] != sx6CadLBT {
		c.violate("SetCadParams % X: there is no such detection", p)
		return sx6Failed
	}
	return sx6OK
}

func (c *sx126x) setFallback(_ time.Time, p []byte) sx6Status {
	if p[0] != 0x20 && p[0] != 0x30 && p[0] != 0x40 {
		return sx6Failed
	}
	return sx6OK
}
