package sim

// Registers of the SX1276 (datasheet section 6.4), in LoRa mode.
const (
	sxFIFO          = 0x00
	sxOpMode        = 0x01
	sxFrfMSB        = 0x06
	sxFrfLSB        = 0x08
	sxPaConfig      = 0x09
	sxOCP           = 0x0B
	sxFIFOAddr      = 0x0D
	sxTxBase        = 0x0E
	sxRxBase        = 0x0F
	sxRxCurrent     = 0x10
	sxIrqMask       = 0x11
	sxIrqFlags      = 0x12
	sxRxBytes       = 0x13
	sxHeaderCount   = 0x14 // two octets
	sxPacketCount   = 0x16 // two octets
	sxModemStat     = 0x18
	sxPktSNR        = 0x19
	sxPktRSSI       = 0x1A
	sxRSSI          = 0x1B
	sxHopChannel    = 0x1C
	sxModemConfig1  = 0x1D
	sxModemConfig2  = 0x1E
	sxSymbTimeout   = 0x1F
	sxPreamble      = 0x20 // two octets
	sxPayloadLength = 0x22
	sxMaxPayload    = 0x23
	sxHopPeriod     = 0x24
	sxRxByteAddr    = 0x25
	sxModemConfig3  = 0x26
	sxFEI           = 0x28 // three octets
	sxIfFreq2       = 0x2F
	sxIfFreq1       = 0x30
	sxDetect        = 0x31
	sxInvertIQ      = 0x33
	sxHighBW1       = 0x36
	sxThreshold     = 0x37
	sxSyncWord      = 0x39
	sxHighBW2       = 0x3A
	sxInvertIQ2     = 0x3B
	sxDIOMapping1   = 0x40
	sxVersion       = 0x42
	sxPaDac         = 0x4D
)

const (
	sxWrite      = 0x80 // first octet of a transaction, bit 7: write
	sxLoRa       = 0x80 // OpMode bit 7; changes only in sleep mode
	sxShared     = 0x40 // OpMode bit 6: the FSK page from LoRa mode
	sxLowFreq    = 0x08 // OpMode bit 3
	sxModeBits   = 0x07
	sxCRCOn      = 0x04 // ModemConfig2
	sxImplicit   = 0x01 // ModemConfig1
	sxLowRate    = 0x08 // ModemConfig3
	sxPaBoost    = 0x80
	sxOCPOn      = 0x20
	sxHopCRC     = 0x40
	sxFirstPaged = 0x0D // 0x0D to 0x3F are two pages: FSK and LoRa
	sxLastPaged  = 0x3F
)

// Modes: OpMode bits 2-0.
const (
	sxSleep = iota
	sxStandby
	sxFSTx
	sxTx
	sxFSRx
	sxRxCont
	sxRxSingle
	sxCAD
)

var sxModeNames = [...]string{"sleep", "standby", "FSTX", "TX", "FSRX", "RXCONT", "RXSINGLE", "CAD"}

// Interrupts: bits of IrqFlags.
const (
	sxRxTimeout   = 0x80
	sxRxDone      = 0x40
	sxCRCError    = 0x20
	sxValidHeader = 0x10
	sxTxDone      = 0x08
	sxCADDone     = 0x04
	sxFHSSChange  = 0x02
	sxCADDetected = 0x01
)

// sxBandwidths are those of ModemConfig1 bits 7-4, in Hz rounded down.
var sxBandwidths = [...]uint32{7_812, 10_416, 15_625, 20_833, 31_250, 41_666, 62_500, 125_000, 250_000, 500_000}

// sxReset are the registers after reset that are not zero.
var sxReset = map[byte]byte{
	sxOpMode: 0x09, 0x02: 0x1A, 0x03: 0x0B, 0x05: 0x52, sxFrfMSB: 0x6C, 0x07: 0x80,
	sxPaConfig: 0x4F, 0x0A: 0x09, sxOCP: 0x2B, 0x0C: 0x20, sxTxBase: 0x80, sxModemStat: 0x10,
	sxModemConfig1: 0x72, sxModemConfig2: 0x70, sxSymbTimeout: 0x64, sxPreamble + 1: 0x08, sxPayloadLength: 0x01,
	sxMaxPayload: 0xFF, sxModemConfig3: 0x04, sxIfFreq2: 0x45, sxIfFreq1: 0x55, sxDetect: 0xC3, sxInvertIQ: 0x27,
	sxHighBW1: 0x03, sxThreshold: 0x0A, sxSyncWord: 0x12, sxHighBW2: 0x49, sxInvertIQ2: 0x1D, 0x44: 0x2D, 0x4B: 0x09,
	sxPaDac: 0x84,
}

// readOnly tells whether the host's writes have no effect.
func sxReadOnly(address byte) bool {
	switch {
	case address == sxRxCurrent, address >= sxRxBytes && address <= sxHopChannel, address == sxRxByteAddr:
		return true
	case address >= sxFEI && address <= sxFEI+2, address == sxVersion:
		return true
	}
	return false
}

// anyMode tells whether a register may be written while the chip sends or receives.
func sxAnyMode(address byte) bool {
	switch address {
	case sxFIFO, sxOpMode, sxFIFOAddr, sxIrqMask, sxIrqFlags, sxDIOMapping1, sxDIOMapping1 + 1:
		return true
	}
	return false
}
