package doctor

import (
	"slices"
	"strings"

	"packhorse/board"
)

// boards are the boards of the radios, by the radios' names. What cannot be found is said.
func (p Patient) boards() (map[string]*board.Profile, []board.Finding) {
	boards, missing := map[string]*board.Profile{}, []board.Finding{}
	for _, r := range p.Config.Radio {
		if r.Board == "" {
			continue
		}
		profile, err := p.Board(r)
		if err != nil {
			missing = append(missing, fail(r.Name+" board", "packhorse board probe says what each board answers; name yours in the configuration", "%v", err))
			continue
		}
		boards[r.Name] = profile
	}
	return boards, missing
}

// computer is what the board package says of the computer, for each board once.
func (p Patient) computer(boards map[string]*board.Profile) []board.Finding {
	var found []board.Finding
	for _, name := range p.names(boards) {
		for _, f := range p.Host.Check(boards[name]) {
			if f.Subject == "overlays" && boards[name] == nil {
				continue // without a board on its pins no line of config.txt is needed
			}
			if strings.Contains(f.Subject, "(") {
				f.Subject = name + " " + f.Subject
			}
			f = p.ours(f)
			if !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b board.Finding) int { return rank(a) - rank(b) })
	return found
}

// rank keeps the order of the board package where several boards were looked at.
func rank(f board.Finding) int {
	order := []string{"board", "hat", "overlays", "spi", "uart", "gpio"}
	if i := slices.Index(order, f.Subject); i >= 0 {
		return i
	}
	if strings.Contains(f.Subject, "(") {
		return len(order)
	}
	return len(order) + 1
}

// names are the radios with boards in the order of the configuration; one without a board stands for a computer without any.
func (p Patient) names(boards map[string]*board.Profile) (names []string) {
	if p.Config != nil {
		for _, r := range p.Config.Radio {
			if boards[r.Name] != nil {
				names = append(names, r.Name)
			}
		}
	}
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

// ours takes a line that the gateway itself holds for well.
func (p Patient) ours(f board.Finding) board.Finding {
	if p.Gateway != nil && f.Level == board.Fail && strings.HasPrefix(f.What, "held by packhorse") {
		return ok(f.Subject, "in use by the gateway")
	}
	return f
}

// noRadio names what is plugged in where nothing is configured, and ports that the system has.
func (p Patient) noRadio() []board.Finding {
	var found []board.Finding
	likely := ""
	for _, port := range p.Host.SerialPorts() {
		likely += " " + port.Path
		if len(port.Likely) > 0 {
			likely += " (" + strings.Join(port.Likely, " or ") + ")"
		}
		for _, r := range p.Config.Radio {
			if (r.Port == port.Path || r.Port == port.Device) && port.HeldBy != "" {
				found = append(found, fail(r.Name+" port", port.Fix, "%s is held by the %s", r.Port, port.HeldBy))
			}
		}
	}
	if len(p.Config.Radio) > 0 {
		return found
	}
	if likely == "" {
		likely = " none"
	}
	return append(found, warn("radio", "add a [[radio]] section with port, or with board (docs/CONFIG.md); packhorse board probe looks for boards", "none is configured; serial ports:%s", likely))
}
