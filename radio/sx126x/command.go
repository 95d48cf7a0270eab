package sx126x

// Opcodes (SX1261/2 datasheet chapter 11).
const (
	opClearIRQ            = 0x02
	opClearErrors         = 0x07
	opDIOIRQ              = 0x08
	opWriteRegister       = 0x0D
	opWriteBuffer         = 0x0E
	opPacketType          = 0x11 // read; opSetPacketType writes
	opIRQ                 = 0x12
	opRxBuffer            = 0x13
	opPacketStatus        = 0x14
	opRSSI                = 0x15
	opErrors              = 0x17
	opReadRegister        = 0x1D
	opReadBuffer          = 0x1E
	opStandby             = 0x80
	opRx                  = 0x82
	opTx                  = 0x83
	opSleep               = 0x84
	opFrequency           = 0x86
	opCADParams           = 0x88
	opCalibrate           = 0x89
	opSetPacketType       = 0x8A
	opModulation          = 0x8B
	opPacketParams        = 0x8C
	opTxParams            = 0x8E
	opBufferBase          = 0x8F
	opFallback            = 0x93
	opPAConfig            = 0x95
	opRegulator           = 0x96
	opTCXO                = 0x97
	opCalibrateImage      = 0x98
	opDIO2Switch          = 0x9D
	opStatus              = 0xC0
	opCAD                 = 0xC5
	nop              byte = 0x00
)

const loRa = 1 // of SetPacketType; after a reset it is 0

// Registers (SX1261/2 datasheet section 12.1, and chapter 15 for those of workarounds).
const (
	regRetention    = 0x029F // how many registers warm sleep keeps, then their addresses
	regVersion      = 0x0320 // text, not in the datasheet
	regIQPolarity   = 0x0736
	regSyncWord     = 0x0740
	regHeader       = 0x076B // bit 4: the last header announced a checksum; bits 3-0 and the next two: frequency error
	regTxModulation = 0x0889
	regRxGain       = 0x08AC
	regTxClamp      = 0x08D8
	regOCP          = 0x08E7
	regTimer        = 0x0902
	regTimerEvent   = 0x0944
)

// Interrupt flags (SX1261/2 datasheet section 13.3).
const (
	irqTxDone      = 1 << 0
	irqRxDone      = 1 << 1
	irqPreamble    = 1 << 2
	irqHeaderValid = 1 << 4
	irqHeaderErr   = 1 << 5
	irqCRCErr      = 1 << 6
	irqCADDone     = 1 << 7
	irqCADDetected = 1 << 8
	irqTimeout     = 1 << 9
	irqAll         = 0x43FF
	// irqEvents go to DIO1. A preamble is only noted: the header says soon enough whether it was one.
	irqEvents = irqTxDone | irqRxDone | irqHeaderValid | irqHeaderErr | irqCRCErr | irqCADDone | irqCADDetected | irqTimeout
	irqNoted  = irqEvents | irqPreamble
)

// Device errors (SX1261/2 datasheet section 13.6.1).
const errXOSCStart = 1 << 5

// deviceErrors in the order of their bits; bit 7 is reserved.
var deviceErrors = [...]string{"RC64K_CALIB", "RC13M_CALIB", "PLL_CALIB", "ADC_CALIB", "IMG_CALIB", "XOSC_START", "PLL_LOCK", "bit 7", "PA_RAMP"}

// mode is bits 6-4 of a status octet (SX1261/2 datasheet section 13.5.1).
type mode byte

const (
	modeStandbyRC   mode = 2
	modeStandbyXOSC mode = 3
	modeFS          mode = 4
	modeRx          mode = 5
	modeTx          mode = 6
)

func (m mode) String() string {
	switch m {
	case modeStandbyRC:
		return "STDBY_RC"
	case modeStandbyXOSC:
		return "STDBY_XOSC"
	case modeFS:
		return "FS"
	case modeRx:
		return "RX"
	case modeTx:
		return "TX"
	}
	return "no mode"
}

// standby tells whether this is one of the two standby modes.
func (m mode) standby() bool { return m == modeStandbyRC || m == modeStandbyXOSC }

// status is the octet that comes with everything read. Bits 7 and 0 are reserved, and not always 0.
type status byte

func (s status) mode() mode { return mode(s >> 4 & 7) }

// late is a command that took too long, or a reception that found nothing.
func (s status) late() bool { return s>>1&7 == 3 }

// failure is what became of the command before, where it failed (bits 3-1).
func (s status) failure() string {
	switch s >> 1 & 7 {
	case 3:
		return "took too long to arrive"
	case 4:
		return "was not understood"
	case 5:
		return "could not be carried out"
	}
	return ""
}
