package rnode

// Commands (RNode_Firmware, Framing.h).
const (
	cmdData      = 0x00
	cmdFrequency = 0x01 // u32 Hz
	cmdBandwidth = 0x02 // u32 Hz
	cmdTxPower   = 0x03 // dBm
	cmdSpreading = 0x04
	cmdCoding    = 0x05 // 5..8
	cmdState     = 0x06
	cmdLock      = 0x07 // 1: a setting is missing
	cmdDetect    = 0x08
	cmdLeave     = 0x0A
	cmdShortLock = 0x0B // u16, airtime limit in hundredths of a percent; 0 = none
	cmdLongLock  = 0x0C
	cmdPromisc   = 0x0E
	cmdReady     = 0x0F
	cmdRSSI      = 0x23 // dBm + 157
	cmdSNR       = 0x24 // int8, quarters of a dB
	cmdChannel   = 0x25 // 11 octets, see channelReport
	cmdPhysical  = 0x26 // 12 octets, see physicalReport
	cmdBattery   = 0x27 // state, percent
	cmdContend   = 0x28 // band, least and most slots
	cmdTemper    = 0x29 // degrees Celsius + 120
	cmdBlink     = 0x30 // times
	cmdRandom    = 0x40
	cmdDrawing   = 0x41 // 1: the display shows what the host drew, 0: the modem's own
	cmdDrawn     = 0x42 // any octet but 0: asks for that, 512 octets
	cmdDraw      = 0x43 // line, 8 octets
	cmdPlatform  = 0x48
	cmdMCU       = 0x49
	cmdVersion   = 0x50
	cmdROM       = 0x51 // answers with 200 octets
	cmdReset     = 0x55
	cmdError     = 0x90

	detectAsk    = 0x73
	detectAnswer = 0x46
	stateOff     = 0x00
	stateOn      = 0x01
	stateAsk     = 0xFF
	leaveAll     = 0xFF
	resetKey     = 0xF8
	rssiOffset   = 157

	oldestMajor, oldestMinor = 1, 52
)

// bandwidthName is the bandwidth as the firmware calls it. It rounds a figure
// between two names up, so the exact value would select the next wider one.
func bandwidthName(hz uint32) uint32 {
	switch hz {
	case 7_812:
		return 7_800
	case 10_416:
		return 10_400
	case 15_625:
		return 15_600
	case 20_833:
		return 20_800
	case 41_666:
		return 41_700
	}
	return hz
}
