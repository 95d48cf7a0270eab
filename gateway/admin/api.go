// Package admin is the local API of a running gateway: HTTP and JSON under /v1 on a
// unix socket. It holds the message types, the server over a Backend, and the client.
package admin

import (
	"context"
	"io"
	"time"
)

// State is a parcel's way: it never moves back, but from carried to saved when the next hop hands it back.
type State string

const (
	Saved     State = "saved"
	Carried   State = "carried"
	Delivered State = "delivered"
	Expired   State = "expired"
	Refused   State = "refused"
)

// Head begins every answer.
type Head struct {
	Schema string    `json:"schema"` // such as packhorse.status/1: docs/schema has them all
	At     time.Time `json:"at"`
	Clock  string    `json:"clock,omitempty"` // how far At can be trusted: none neighbour ntp gps rtc; absent: unknown
}

// Status is the answer of GET /v1/status. Arrays are never null.
type Status struct {
	Head
	Name     string      `json:"name"`
	ID       string      `json:"id"` // hex Ed25519
	Version  string      `json:"version"`
	UptimeS  int64       `json:"uptime_s"`
	Region   string      `json:"region"` // empty: none set, no radio transmits
	Domain   string      `json:"domain"` // empty: in none
	Problems []Problem   `json:"problems"`
	Radios   []RadioInfo `json:"radios"`
	Peers    []PeerInfo  `json:"peers"`
	Queue    QueueTotals `json:"queue"`
	PoWeb    string      `json:"poweb"` // listen address; empty: off
	// Dropped counts frames and symbols that came to nothing since the start, by link.Drop's Key; reasons that were never
	// met are left out.
	Dropped map[string]uint64 `json:"dropped"`
	// BatteryVolts is that of the supply, smoothed; absent: it is not measured, or no reading counts.
	BatteryVolts float64 `json:"battery_volts,omitempty"`
	// Uplinks are the Internet gateways of the configuration and others that this gateway is registered with, the preferred first.
	Uplinks []Uplink `json:"uplinks"`
	// Courier is nil where no cargo is taken from others on the local network.
	Courier *CourierRole `json:"courier,omitempty"`
	// InternetGateway is nil where this gateway is none.
	InternetGateway *InternetGateway `json:"internet_gateway,omitempty"`
}

// Uplink is an Internet gateway as this private gateway sees it.
type Uplink struct {
	Address    string    `json:"address"`
	Registered bool      `json:"registered"`
	Live       bool      `json:"live"`              // parcels come and go
	Until      time.Time `json:"until,omitzero"`    // end of our registration, which is renewed by itself; absent: not registered
	Problem    string    `json:"problem,omitempty"` // absent: none
	Fix        string    `json:"fix,omitempty"`
	Waiting    int       `json:"waiting"` // parcels that wait here for any of them
	Owed       int       `json:"owed"`    // acknowledgements that the next cargo brings
}

// CourierRole is the server for couriers and gateways on the local network.
type CourierRole struct {
	Listen  string `json:"listen"`
	Waiting int    `json:"waiting"` // cargo and collection authorisations of others that are here
	Bytes   int64  `json:"size_bytes"`
}

// InternetGateway is the role of an Internet gateway.
type InternetGateway struct {
	Address   string     `json:"address"` // its domain name
	ID        string     `json:"id"`      // Awala's node id
	PoWeb     string     `json:"poweb"`   // listen addresses; empty: off
	CogRPC    string     `json:"cogrpc"`
	PoHTTP    string     `json:"pohttp"`
	TLS       bool       `json:"tls"`                       // false: for a proxy that has it
	Until     *time.Time `json:"certificate_end,omitempty"` // of its self-issued certificate, which renews by itself; nil: it has none yet
	Inward    int        `json:"parcels_in"`                // parcels that wait for private gateways
	Outward   int        `json:"parcels_out"`               // parcels that wait for other Internet nodes
	SizeBytes int64      `json:"size_bytes"`
	Gateways  int        `json:"gateways"` // private gateways that something waits for
	Owed      int        `json:"owed"`     // acknowledgements that cargo brings
	Resting   int        `json:"resting"`  // addresses that could not be reached and are tried again later
}

type Problem struct {
	Level string `json:"level"` // warn fail
	What  string `json:"what"`
	Fix   string `json:"fix"`
}

type RadioInfo struct {
	Name            string  `json:"name"`
	OK              bool    `json:"ok"`
	Band            string  `json:"band"`
	Modulation      string  `json:"modulation"`
	PowerDBm        int     `json:"power_dbm"` // at the antenna socket
	AirtimeUsedS    float64 `json:"airtime_used_s"`
	AirtimeAllowedS float64 `json:"airtime_allowed_s"` // 0: no limit
	AirtimeLeftS    float64 `json:"airtime_left_s"`    // of what is allowed; 0 without a limit
	AirtimeTotalS   float64 `json:"airtime_total_s"`
	FreeInS         float64 `json:"free_in_s"`
	FramesIn        uint64  `json:"frames_in"`
	FramesOut       uint64  `json:"frames_out"`
	// BusyRatio is the share of the last seconds in which the channel was in use, by us or others; NoiseDBm the level in it while
	// nobody sends. Absent: the radio does not measure it.
	BusyRatio *float64 `json:"busy_ratio,omitempty"`
	NoiseDBm  *float64 `json:"noise_dbm,omitempty"`
	// ForeignFrames were heard and are none of ours; absent: none.
	ForeignFrames uint64 `json:"frames_foreign,omitempty"`
}

type PeerInfo struct {
	Name    string   `json:"name"`
	ID      string   `json:"id"`
	Path    string   `json:"path"`   // direct, via NAME, none
	Silent  bool     `json:"silent"` // direct, but not heard for long or answering nothing
	Ports   []string `json:"ports"`  // those on which it is not silent
	SNRdB   *float64 `json:"snr_db,omitempty"`
	LastS   *float64 `json:"last_s,omitempty"` // since it was last heard; absent: never
	Parcels int      `json:"parcels"`
	Bytes   int64    `json:"size_bytes"`
	// Uplinks are the Internet gateways that it reaches, by its own word.
	Uplinks []string `json:"uplinks,omitempty"`
	// Paths are the ports on which it was heard; Clock how far it trusts its clock, as its beacons say: absent while unknown.
	Paths []PathInfo `json:"paths"`
	Clock string     `json:"clock,omitempty"`
	// ShunnedS is how long nothing more is begun with it, because what was came to nothing; absent: it is trusted.
	ShunnedS float64 `json:"shunned_s,omitempty"`
}

// PathInfo is a neighbour on one port.
type PathInfo struct {
	Port    string   `json:"port"`
	Up      bool     `json:"up"`
	Silent  bool     `json:"silent"`
	SNRdB   *float64 `json:"snr_db,omitempty"`
	RSSIdBm *float64 `json:"rssi_dbm,omitempty"`
	Loss    float64  `json:"loss_ratio"`       // share of our frames, 0 to 1
	ETX     float64  `json:"etx"`              // transmissions for each frame that arrives
	CostS   float64  `json:"airtime_per_kb_s"` // of ours, for 1,000 octets
	Rate    string   `json:"rate,omitempty"`   // absent: the radio's own setting
	LastS   *float64 `json:"last_s,omitempty"` // absent: never heard
}

type QueueTotals struct {
	Parcels int   `json:"parcels"`
	Bytes   int64 `json:"size_bytes"`
}

// Parcel is one line of the queue, and the record of something sent.
type Parcel struct {
	ID        string    `json:"id"`             // first 12 hex digits of the parcel's SHA-256
	Kind      string    `json:"kind,omitempty"` // cargo or request, held for others; absent: a parcel
	To        string    `json:"to"`
	From      string    `json:"from"`
	Priority  string    `json:"priority"` // emergency message bulk
	SizeBytes int       `json:"size_bytes"`
	State     State     `json:"state"`
	By        string    `json:"by,omitempty"` // who carries it
	Since     time.Time `json:"since"`
	Next      string    `json:"next,omitempty"`
	Why       string    `json:"why,omitempty"` // no_route budget peer_silent quota clock moving contact no_uplink
	Done      int       `json:"done_symbols,omitempty"`
	Total     int       `json:"total_symbols,omitempty"` // absent: not on its way now
	Path      string    `json:"path,omitempty"`          // port the transfer runs on
	Expires   time.Time `json:"expires"`
	AirtimeS  float64   `json:"airtime_s,omitempty"` // estimate for one hop; absent: no port is up
	// ETAS is how long until the next hop has it on disk; absent: cannot be told. LawS is the airtime that the law
	// allows in any hour, where that is what takes so long.
	ETAS float64 `json:"eta_s,omitempty"`
	LawS float64 `json:"airtime_allowed_s,omitempty"`
}

// Send asks for a parcel to a contact from the gateway's built-in endpoint.
type Send struct {
	To       string        `json:"to"` // contact name or endpoint id
	Type     string        `json:"type"`
	Filename string        `json:"filename,omitempty"`
	Priority string        `json:"priority"`
	TTL      time.Duration `json:"ttl_ns"`
	Content  []byte        `json:"content"`
}

// Letter is one line of the inbox.
type Letter struct {
	ID        string    `json:"id"`
	From      string    `json:"from"`
	Type      string    `json:"type"`
	Filename  string    `json:"filename,omitempty"`
	SizeBytes int       `json:"size_bytes"`
	Written   time.Time `json:"written,omitzero"` // absent: unknown
	Arrived   time.Time `json:"arrived"`
	New       bool      `json:"new"`
	Content   []byte    `json:"content,omitempty"` // only when one is read
}

// PairOffer is an open pairing: a code to type and a text to scan or save.
type PairOffer struct {
	Code   string    `json:"code"`
	Invite string    `json:"invite"`
	Until  time.Time `json:"until"`
}

// PairResult ends a pairing.
type PairResult struct {
	Domain string `json:"domain"`
	Peer   string `json:"peer"`
}

// Up sets region and domain. Empty fields are left as they are.
type Up struct {
	Region string `json:"region"`
	Domain string `json:"domain"`
	Name   string `json:"name"`
}

// Event is one line of /v1/events.
type Event struct {
	Head
	Type    string      `json:"type"` // parcel peer radio letter pairing courier log
	Parcel  *Parcel     `json:"parcel,omitempty"`
	Peer    *PeerInfo   `json:"peer,omitempty"`
	Letter  *Letter     `json:"letter,omitempty"`
	Pairing *PairResult `json:"pairing,omitempty"`
	Text    string      `json:"text,omitempty"`
}

// Backend is the gateway behind the API. Errors are *Error where they can be.
type Backend interface {
	StickBackend
	Status(ctx context.Context) (Status, error)
	Up(ctx context.Context, u Up) (Status, error)
	Send(ctx context.Context, s Send) (Parcel, error)
	Parcel(ctx context.Context, id string) (Parcel, error) // id or its unique prefix
	Queue(ctx context.Context) ([]Parcel, error)
	Inbox(ctx context.Context) ([]Letter, error)
	Read(ctx context.Context, id string) (Letter, error) // marks it read
	// Delete deletes a letter by id or unique prefix, with an empty id all that were read, and tells how many.
	Delete(ctx context.Context, id string) (int, error)
	OpenPairing(ctx context.Context) (PairOffer, error)
	JoinPairing(ctx context.Context, codeOrInvite string) (PairResult, error)
	// Pairing answers how the open pairing ended, waiting for it.
	Pairing(ctx context.Context) (PairResult, error)
	// ContactCard is our own endpoint's public card (for someone to authorise); ContactExport authorises the
	// endpoint of a card to write to us; ContactAdd takes what they exported.
	ContactCard(ctx context.Context) (string, error)
	ContactExport(ctx context.Context, forCard string) (string, error)
	ContactAdd(ctx context.Context, name, text string) error
	Contacts(ctx context.Context) ([]string, error)
	// Members lists the gateways of the domain; Revoke takes one out, by name or hex id: only the owner can.
	Members(ctx context.Context) ([]Member, error)
	Revoke(ctx context.Context, name string) error
	// Courier tells about cargo; SyncCourier visits the courier at an IP address, with or without port, or if that
	// is empty the one at the default gateway. Events of type courier tell how far it is.
	Courier(ctx context.Context) (CourierState, error)
	SyncCourier(ctx context.Context, to string) (CourierSync, error)
	// RequestCargo asks for our cargo over the mesh, once while a request is under way.
	RequestCargo(ctx context.Context) (CargoRequest, error)
	Store(ctx context.Context) (StoreInfo, error)
	// Reload reads the configuration again; what is wrong with it is the error, and the old one stays in force.
	Reload(ctx context.Context) (Reloaded, error)
	// Backup writes the stream of a backup, in the clear, as of now.
	Backup(ctx context.Context, w io.Writer) error
	// Events streams until ctx ends.
	Events(ctx context.Context) (<-chan Event, error)
}

// ClockTeller is a Backend that knows how far its clock can be trusted: Head.Clock of every answer.
type ClockTeller interface {
	ClockQuality() string
}

// Client is a Backend over a unix socket; Closer releases it. ClockQuality is what the gateway
// said in its last answer, empty before the first.
type Client interface {
	Backend
	ClockTeller
	io.Closer
}
