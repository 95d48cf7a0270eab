package node

import (
	"errors"
	"slices"

	"packhorse/gateway"
	"packhorse/link/port"
	"packhorse/store"
)

// Repaired sees to what a repair of a store lost, so that no gateway is the freer for it: where an airtime ledger may be among that,
// the last hour counts as used on every radio, and where a count may be, all counts go on ahead. radios are the names of those
// in the configuration; those that the store knows are seen to as well. Nobody has the store open.
func Repaired(dir string, o store.Options, lost []store.Loss, radios []string) (err error) {
	ledgers, counts := touches(lost, gateway.KindTransport), touches(lost, gateway.KindCounter)
	if !ledgers && !counts {
		return nil
	}
	s, err := store.Open(dir, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var ops []store.Op
	if ledgers {
		for _, l := range lost {
			if l.Named && l.Kind == gateway.KindTransport {
				radios = append(slices.Clip(radios), l.Key)
			}
		}
		if ops, err = lostLedgers(s, radios); err != nil {
			return err
		}
	}
	if counts {
		for _, name := range gateway.AheadCounters() {
			have, _ := s.Get(gateway.KindCounter, name) // a lost one begins anew
			ops = append(ops, gateway.Ahead(name, have))
		}
	}
	return s.Apply(ops...)
}

// touches tells whether a record of a kind may be among what was lost.
func touches(lost []store.Loss, k store.Kind) bool {
	return slices.ContainsFunc(lost, func(l store.Loss) bool { return !l.Named || l.Guessed || l.Kind == k })
}

func lostLedgers(s *store.Store, radios []string) (ops []store.Op, err error) {
	names := slices.Clone(radios)
	err = s.Each(gateway.KindTransport, func(name string, _ []byte) error {
		names = append(names, name)
		return nil
	}, nil)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		ops = append(ops, store.Op{Kind: gateway.KindTransport, Key: name, Value: port.LostState()})
	}
	return ops, err
}
