package meshtastic

// Field numbers of the messages that are used, of meshtastic/protobufs (mesh.proto, config.proto, channel.proto).
const (
	toPacket     = 1 // ToRadio
	toWantConfig = 3
	toDisconnect = 4
	toHeartbeat  = 7

	fromPacket         = 2 // FromRadio
	fromMyInfo         = 3
	fromConfig         = 5
	fromConfigComplete = 7
	fromRebooted       = 8
	fromChannel        = 10
	fromQueueStatus    = 11
	fromMetadata       = 13
	fromNotification   = 16

	packetFrom      = 1 // MeshPacket
	packetTo        = 2
	packetDecoded   = 4
	packetID        = 6
	packetSNR       = 8
	packetHopLimit  = 9
	packetRSSI      = 12
	packetViaMQTT   = 14
	packetTransport = 21

	dataPort    = 1 // Data
	dataPayload = 2

	statusResult = 1 // QueueStatus
	statusFree   = 2
	statusSize   = 3
	statusPacket = 4

	portPrivate   = 256 // PortNum.PRIVATE_APP
	broadcast     = 0xFFFFFFFF
	transportLora = 1 // to 4: the radios of a node
	lastLora      = 4

	configLora       = 6 // Config.lora
	notificationText = 4
)

// heard is a packet from the air that may be ours.
type heard struct {
	from    uint32
	payload []byte // part of the message that it came in
	port    uint64
	snr     float64
	rssi    int32
	onAir   bool // it came by radio, not over the Internet
}

func parsePacket(b []byte) (heard, error) {
	h := heard{onAir: true}
	err := fields(b, func(f field) error {
		switch {
		case f.number == packetFrom && f.wire == wire32:
			h.from = uint32(f.value)
		case f.number == packetDecoded && f.wire == wireBytes:
			return h.data(f.bytes)
		case f.number == packetSNR && f.wire == wire32:
			h.snr = f.float()
		case f.number == packetRSSI && f.wire == wireVarint:
			h.rssi = f.int32()
		case f.number == packetViaMQTT && f.wire == wireVarint:
			h.onAir = h.onAir && f.value == 0
		case f.number == packetTransport && f.wire == wireVarint:
			h.onAir = h.onAir && f.value <= lastLora
		}
		return nil
	})
	return h, err
}

func (h *heard) data(b []byte) error {
	return fields(b, func(f field) error {
		switch {
		case f.number == dataPort && f.wire == wireVarint:
			h.port = f.value
		case f.number == dataPayload && f.wire == wireBytes:
			h.payload = f.bytes
		}
		return nil
	})
}

// appendPacket is a ToRadio with a packet to everybody in reach and nobody further.
func appendPacket(dst []byte, id uint32, payload []byte) []byte {
	data := appendBytes(appendVarint(nil, dataPort, portPrivate), dataPayload, payload)
	packet := append32(nil, packetTo, broadcast)
	packet = appendBytes(packet, packetDecoded, data)
	packet = append32(packet, packetID, id)
	packet = appendVarint(packet, packetHopLimit, 0)
	return appendBytes(dst, toPacket, packet)
}

// queueStatus is the node's word on its queue, and on one packet.
type queueStatus struct {
	result     int32
	free, size uint32
	packet     uint32
}

func parseQueueStatus(b []byte) (queueStatus, error) {
	var s queueStatus
	err := fields(b, func(f field) error {
		if f.wire != wireVarint {
			return nil
		}
		switch f.number {
		case statusResult:
			s.result = f.int32()
		case statusFree:
			s.free = uint32(f.value)
		case statusSize:
			s.size = uint32(f.value)
		case statusPacket:
			s.packet = uint32(f.value)
		}
		return nil
	})
	return s, err
}

// varintOf is one varint of a message; 0 where it is missing.
func varintOf(b []byte, number int) (uint64, error) {
	var v uint64
	err := fields(b, func(f field) error {
		if f.number == number && f.wire == wireVarint {
			v = f.value
		}
		return nil
	})
	return v, err
}

// textOf is one text of a message, cut to what people read; nil where it is missing.
func textOf(b []byte, number, most int) ([]byte, error) {
	var text []byte
	err := fields(b, func(f field) error {
		if f.number == number && f.wire == wireBytes {
			text = f.bytes[:min(len(f.bytes), most)]
		}
		return nil
	})
	return text, err
}
