package config

// Setup is what `packhorse setup` does once, at the first start, so that a card or a package can be given its answers
// beforehand. Name and region are keys of the configuration itself.
type Setup struct {
	Domain string `toml:"domain"`
	Join   string `toml:"join"`
}

// Appliance is what the flash image does besides the gateway; packages leave it to the system around them.
type Appliance struct {
	SSHListen  string   `toml:"ssh_listen"`
	SSHKeys    []string `toml:"ssh_keys"`
	NTP        []string `toml:"ntp"`
	Address    string   `toml:"address"`
	Router     string   `toml:"router"`
	DNS        []string `toml:"dns"`
	UpdateKeys []string `toml:"update_keys"`
	Console    bool     `toml:"console"`
	HDMI       bool     `toml:"hdmi"`
	Governor   string   `toml:"governor"`
}

// AP is the Wi-Fi network of the box for the people around it.
type AP struct {
	On         bool   `toml:"on"`
	SSID       string `toml:"ssid"`
	Passphrase string `toml:"passphrase"`
	Country    string `toml:"country"`
	Interface  string `toml:"interface"`
}

// Page is where the box shows its page to browsers. Without Listen there is none.
type Page struct {
	Listen string `toml:"listen"`
}

// Battery is the analogue-digital converter that measures the supply. Without ADC nothing is measured.
type Battery struct {
	ADC           string  `toml:"adc"`
	Bus           string  `toml:"bus"`
	Address       int     `toml:"address"`
	Channel       int     `toml:"channel"`
	Ratio         float64 `toml:"ratio"`
	LowVolts      float64 `toml:"low_volts"`
	ShutdownVolts float64 `toml:"shutdown_volts"`
}

// ApplianceDefaults is what holds without any file.
func ApplianceDefaults() Appliance {
	return Appliance{SSHListen: ":22", Console: true, Governor: "powersave"}
}

func (l *Loaded) boxDefaults() {
	l.Appliance = ApplianceDefaults()
	l.AP.Interface = "wlan0"
	l.Battery.Bus, l.Battery.Address, l.Battery.Ratio = "/dev/i2c-1", 0x48, 1
}

var boxKeys = []Key{
	{"setup.domain", "none", "", "found a domain of this name at the first start; only `packhorse setup` reads it"},
	{"setup.join", "none", "", "code or invite by which to join a domain at the first start; only `packhorse setup` reads it"},
	{"appliance.ssh_listen", "`:22`", "address", "where the image answers `ssh`; without `ssh_keys` it does not"},
	{"appliance.ssh_keys", "none", "", "public keys that may give commands over SSH, as in authorized_keys"},
	{"appliance.ntp", "those that DHCP names, else `pool.ntp.org`", "", "time servers of the image"},
	{"appliance.address", "by DHCP", "", "fixed address of the image with its prefix, such as `192.168.1.9/24`"},
	{"appliance.router", "by DHCP", "", "router for a fixed address"},
	{"appliance.dns", "by DHCP", "", "name servers for a fixed address"},
	{"appliance.update_keys", "none", "", "minisign public keys that may sign updates, beside those in the image"},
	{"appliance.console", "true", "", "take commands on the serial console and the screen of the image, from whoever is there"},
	{"appliance.hdmi", "false", "", "leave the screen on, which takes power"},
	{"appliance.governor", "`powersave`", "", "how the image's kernel chooses the processor's frequency, a word of `/sys/devices/system/cpu/cpu0/cpufreq/scaling_available_governors`"},
	{"ap.on", "false", "", "open a Wi-Fi network for the people around the box; `packhorse set ap on` sets it and asks NetworkManager for it, and `packhorse setup --from` where a file has it"},
	{"ap.ssid", "the gateway's name", "", "name of that network"},
	{"ap.passphrase", "drawn by `packhorse set ap on`", "", "its passphrase, 8 to 63 characters; empty: an open network"},
	{"ap.country", "the region's, where it is one country", "", "country whose Wi-Fi rules apply, two letters such as `DE`"},
	{"ap.interface", "`wlan0`", "", "Wi-Fi device"},
	{"page.listen", "empty: off", "address", "where the box shows its page, such as `:80`"},
	{"battery.adc", "none", "", "converter that measures the supply: `ads1015` or `ads1115`"},
	{"battery.bus", "`/dev/i2c-1`", "path", "its I2C bus"},
	{"battery.address", "72", "", "its address on the bus"},
	{"battery.channel", "0", "", "its input, 0 to 3"},
	{"battery.ratio", "1", "", "supply voltage divided by the voltage at the input: 11 for a divider of 100 and 10 kilohm"},
	{"battery.low_volts", "none", "V", "below it `status` warns"},
	{"battery.shutdown_volts", "none", "V", "below it for a minute the gateway ends cleanly and the board is switched off"},
}
