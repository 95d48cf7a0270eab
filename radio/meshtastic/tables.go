package meshtastic

// preset is a modem preset of the firmware (MeshRadio.h, modemPresetToParams; names of DisplayFormatters.cpp).
type preset struct {
	number      uint64
	name        string
	spreading   uint8
	bandwidthHz uint32
	coding      uint8
}

var presets = [...]preset{
	{0, "LongFast", 11, 250_000, 5},
	{1, "LongSlow", 12, 125_000, 8},
	{3, "MediumSlow", 10, 250_000, 5},
	{4, "MediumFast", 9, 250_000, 5},
	{5, "ShortSlow", 8, 250_000, 5},
	{6, "ShortFast", 7, 250_000, 5},
	{7, "LongMod", 11, 125_000, 8},
	{8, "ShortTurbo", 7, 500_000, 5},
	{9, "LongTurbo", 11, 500_000, 8},
	{16, "MediumTurbo", 9, 500_000, 5},
}

func presetOf(number uint64) (preset, bool) {
	for _, p := range presets {
		if p.number == number {
			return p, true
		}
	}
	return preset{}, false
}

// region is a region of the firmware whose channels lie side by side (RadioInterface.cpp, regions). Its limits are
// what the firmware keeps, not the law: that is phy.Region's.
type region struct {
	number        uint64
	name          string
	lowHz, highHz uint32
	powerDBm      int
	dutyPercent   uint32 // of all that the node sends in an hour; 0: it keeps to none
}

var regions = [...]region{
	{1, "US", 902_000_000, 928_000_000, 30, 0},
	{2, "EU_433", 433_000_000, 434_000_000, 10, 10},
	{3, "EU_868", 869_400_000, 869_650_000, 27, 10},
	{4, "CN", 470_000_000, 510_000_000, 19, 0},
	{5, "JP", 920_500_000, 923_500_000, 13, 0},
	{6, "ANZ", 915_000_000, 928_000_000, 30, 0},
	{7, "KR", 920_000_000, 923_000_000, 23, 0},
	{8, "TW", 920_000_000, 925_000_000, 27, 0},
	{9, "RU", 868_700_000, 869_200_000, 20, 0},
	{10, "IN", 865_000_000, 867_000_000, 30, 0},
	{11, "NZ_865", 864_000_000, 868_000_000, 36, 0},
	{12, "TH", 920_000_000, 925_000_000, 27, 10},
	{14, "UA_433", 433_000_000, 434_700_000, 10, 10},
	{16, "MY_433", 433_000_000, 435_000_000, 20, 0},
	{18, "SG_923", 917_000_000, 925_000_000, 20, 0},
	{19, "PH_433", 433_000_000, 434_700_000, 10, 0},
	{20, "PH_868", 868_000_000, 869_400_000, 14, 0},
	{21, "PH_915", 915_000_000, 918_000_000, 24, 0},
	{22, "ANZ_433", 433_050_000, 434_790_000, 14, 0},
	{23, "KZ_433", 433_075_000, 434_775_000, 10, 0},
	{24, "KZ_863", 863_000_000, 868_000_000, 30, 0},
	{25, "NP_865", 865_000_000, 868_000_000, 30, 0},
	{26, "BR_902", 902_000_000, 907_500_000, 30, 0},
}

const regionUnset = 0

func regionOf(number uint64) (region, bool) {
	for _, r := range regions {
		if r.number == number {
			return r, true
		}
	}
	return region{}, false
}

// bandwidthOf is a bandwidth as the node's configuration writes it: whole kHz, or a code for those that are not. 0 for
// one that no chip below 2 GHz has; an unset one is the firmware's 250 kHz.
func bandwidthOf(code uint64) uint32 {
	switch code {
	case 0:
		return 250_000
	case 8:
		return 7_812
	case 10:
		return 10_416
	case 16:
		return 15_625
	case 21:
		return 20_833
	case 31:
		return 31_250
	case 42:
		return 41_666
	case 62:
		return 62_500
	case 125, 250, 500:
		return uint32(code) * 1000
	}
	return 0
}
