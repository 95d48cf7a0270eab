// Package card is the flash card of the appliance: which partition holds what, the partition table, and the file by
// which the firmware of a Raspberry Pi chooses between two systems. What builds a card, what runs from it and what
// tests it share these words. Pure: octets in, octets out.
package card

// Partitions of the card, by their number in the table, as the firmware counts them.
const (
	Boot  = 1 // FAT32, label BootLabel: first-stage firmware, autoboot.txt and what the owner edits
	SlotA = 2 // FAT32: firmware, kernel and initramfs of one system
	SlotB = 3 // the other system; empty on a new card
	Data  = 4 // ext4, label DataLabel: state of the gateway
)

// Labels of file systems, and the disk signature of the table, by which the init finds its card.
const (
	BootLabel = "PACKHORSE"
	DataLabel = "packhorse"
	DiskID    = 0x504b4852 // "PKHR"
)

// Sizes in octets. Data is grown to the end of the card at the first start.
const (
	SectorSize = 512
	Align      = 4 << 20 // erase blocks of cards
	BootSize   = 96 << 20
	SlotSize   = 128 << 20
	DataSize   = 64 << 20
)

// Files at the top of the boot partition.
const (
	ConfigFile   = "packhorse.toml"       // the owner's configuration, with [setup] for the first start
	ResultFile   = "packhorse-result.txt" // what became of it, in words
	AutobootFile = "autoboot.txt"         // which slot the firmware takes
	ResetFile    = "factory-reset"        // its presence at a start erases the data partition
	UpdateGlob   = "*.phup"               // an update to be taken at the next start
)

// Files at the top of a slot. The firmware reads config.txt, which names kernel, initramfs and overlays.
const (
	KernelFile    = "vmlinuz"
	InitramfsFile = "initrd.gz"
	CmdlineFile   = "cmdline.txt"
	FirmwareFile  = "config.txt"
	ReleaseFile   = "release.json" // Release
)

// Where things are in a running appliance.
const (
	BootDir     = "/boot"                         // Boot, read-only unless something is written
	DataDir     = "/data"                         // Data
	StateDir    = "/data/packhorse"               // the gateway's
	RunDir      = "/run/packhorse"                // sockets
	Socket      = "/run/packhorse/packhorse.sock" // the gateway's API
	InitSocket  = "/run/packhorse/init.sock"      // the init's, for root alone
	ReleasePath = "/etc/packhorse-release.json"   // Release of the running system, in the initramfs
	KeysPath    = "/etc/packhorse-update.pub"     // minisign keys that may sign updates, one a line, in the initramfs
	DataImage   = "/lib/data.ext4.gz"             // an empty data partition, for a factory reset, in the initramfs
)

// Words of the kernel's command line that the init knows.
const (
	CmdPartition = "packhorse.partition" // =2 or =3: the slot that was booted, where the firmware does not tell
	CmdReset     = "packhorse.reset"     // =1: factory reset
)

// Release says what a system is. It is in the slot and, alike, in the initramfs.
type Release struct {
	Version string `json:"version"` // of packhorse
	Build   string `json:"build"`   // hash of what went into the slot, hex: tells two systems apart
	Board   string `json:"board"`   // BoardPi
	Created string `json:"created"` // RFC 3339, UTC; of the source, so that a build can be repeated
}

// BoardPi is what images for Raspberry Pi 3, 4, 5 and Zero 2 W call themselves.
const BoardPi = "raspberrypi-arm64"
