package sx127x

// Registers in LoRa mode (SX1276 datasheet section 6.4).
const (
	regFIFO            = 0x00
	regOpMode          = 0x01
	regFrfMsb          = 0x06
	regPaConfig        = 0x09
	regOcp             = 0x0B
	regLna             = 0x0C
	regFIFOAddr        = 0x0D
	regFIFOTxBase      = 0x0E
	regFIFORxBase      = 0x0F
	regRxCurrent       = 0x10
	regIrqMask         = 0x11
	regIrqFlags        = 0x12
	regRxNbBytes       = 0x13
	regModemStat       = 0x18
	regPktSnr          = 0x19
	regPktRssi         = 0x1A
	regRssi            = 0x1B
	regHopChannel      = 0x1C
	regModemConfig1    = 0x1D
	regModemConfig2    = 0x1E
	regSymbTimeout     = 0x1F
	regPreambleMsb     = 0x20
	regPreambleLsb     = 0x21
	regPayloadLength   = 0x22
	regMaxPayload      = 0x23
	regHopPeriod       = 0x24
	regModemConfig3    = 0x26
	regPpmCorrection   = 0x27
	regFeiMsb          = 0x28
	regIfFreq1         = 0x2F // these two: errata note 2.3
	regIfFreq2         = 0x30
	regDetectOptimize  = 0x31
	regInvertIQ        = 0x33
	regHighBwOptimize1 = 0x36 // errata note 2.1
	regDetectThreshold = 0x37
	regSyncWord        = 0x39
	regHighBwOptimize2 = 0x3A // errata note 2.1
	regInvertIQ2       = 0x3B
	regDioMapping1     = 0x40
	regVersion         = 0x42
	regTcxo            = 0x4B
	regPaDac           = 0x4D
)

// Bits of RegIrqFlags.
const (
	irqRxTimeout   = 0x80
	irqRxDone      = 0x40
	irqCRCError    = 0x20
	irqValidHeader = 0x10
	irqTxDone      = 0x08
	irqCadDone     = 0x04
	irqCadDetected = 0x01
	irqAll         = 0xFF
)

// RegDioMapping1: what DIO0 tells, and DIO1 of channel activity detection.
const (
	dioRxDone  = 0x00
	dioTxDone  = 0x40
	dioCadDone = 0xA0
)

const (
	bitLoRa         = 0x80 // RegOpMode
	bitLowFrequency = 0x08
	bitImplicit     = 0x01 // RegModemConfig1
	bitRxCRC        = 0x04 // RegModemConfig2
	bitLowDataRate  = 0x08 // RegModemConfig3
	bitAGC          = 0x04
	bitHeaderCRC    = 0x40 // RegHopChannel: the header promises a checksum
	bitsSignal      = 0x03 // RegModemStat: signal detected (a preamble), synchronised (after it)
	bitAutoIF       = 0x80 // RegDetectOptimize
	bitPaBoost      = 0x80 // RegPaConfig
	bitOcpOn        = 0x20
	bitTcxo         = 0x10
	lnaBoost        = 0x03
	writeBit        = 0x80
)

// mode is the lower part of RegOpMode.
type mode byte

const (
	modeSleep    mode = 0
	modeStandby  mode = 1
	modeFSTx     mode = 2
	modeTx       mode = 3
	modeFSRx     mode = 4
	modeRx       mode = 5
	modeRxSingle mode = 6
	modeCAD      mode = 7
)

func (m mode) String() string {
	return [...]string{"sleep", "standby", "FSTX", "transmit", "FSRX", "receive", "single reception", "activity detection"}[m&7]
}
