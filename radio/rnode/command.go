package rnode

import "fmt"

// Commands (RNode_Firmware, Framing.h).
const (
	cmdData      = 0x00
	cmdFrequency = 0x01 // u32 Hz
	cmdBandwidth = 0x02 // u32 Hz
	cmdTxPower   = 0x03 // dBm
	cmdSpreading = 0x04
	cmdCoding    = 0x05 // 5..8
	cmdState     = 0x06
	cmdDetect    = 0x08
	cmdLeave     = 0x0A
	cmdShortLock = 0x0B // u16, airtime limit in hundredths of a percent; 0 = none
	cmdLongLock  = 0x0C
	cmdPromisc   = 0x0E
	cmdReady     = 0x0F
	cmdRSSI      = 0x23 // dBm + 157
	cmdSNR       = 0x24 // int8, quarters of a dB
	cmdChannel   = 0x25 // airtime over 15 s in hundredths of a percent (u16), and nine octets more
	cmdPlatform  = 0x48
	cmdMCU       = 0x49
	cmdVersion   = 0x50
	cmdReset     = 0x55
	cmdError     = 0x90

	detectAsk    = 0x73
	detectAnswer = 0x46
	stateOff     = 0x00
	stateOn      = 0x01
	stateAsk     = 0xFF
	leaveAll     = 0xFF
	resetDone    = 0xF8
	rssiOffset   = 157

	oldestMajor, oldestMinor = 1, 52
)

// Info is what a modem says of itself.
type Info struct {
	Major, Minor  byte // firmware
	Platform, MCU byte
}

// String is the form for logs: "RNode firmware 1.86 (ESP32)".
func (i Info) String() string {
	platform := map[byte]string{0x90: "AVR", 0x80: "ESP32", 0x70: "nRF52"}[i.Platform]
	if platform == "" {
		platform = fmt.Sprintf("platform %02X", i.Platform)
	}
	return fmt.Sprintf("RNode firmware %d.%02d (%s)", i.Major, i.Minor, platform)
}

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
