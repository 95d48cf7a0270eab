package main

import (
	"errors"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/radios"
	"packhorse/gateway/admin"
	"packhorse/radio/phy"
)

// errSearch: what the law says of a radio depends on a board that has to be found first.
var errSearch = errors.New("its board has no EEPROM and is found when the gateway starts; name it to have the law asked before: packhorse board probe")

// radioPlan is what a configured radio is set to. Nothing is opened.
func (a *app) radioPlan(region string, l *config.Loaded, r config.Radio) (radios.Plan, error) {
	p, err := a.boardOf(l, r)
	if err != nil {
		return radios.Plan{}, err
	}
	if p == nil && r.Board != "" {
		return radios.Plan{}, errSearch
	}
	return radios.New(region, r, p)
}

// planError is why a radio cannot be as it is configured: by law, or by a mistake in the configuration.
func planError(err error) error {
	if errors.Is(err, phy.ErrNotAllowed) {
		return forbidden(err)
	}
	return usage("change the [[radio]] section", "%v", err)
}

// lawForbids is the end of a question that was answered: with no.
type lawForbids struct{}

func (lawForbids) Error() string { return string(admin.CodeRegion) }
