package sx127x

import "fmt"

// Registers are read and written with one octet of address and then data, from one register to the next; the FIFO stays
// where it is (SX1276 datasheet section 4.3).

// read fills data from a register on.
func (d *Driver) read(reg byte, n int) ([]byte, error) {
	w, r := d.out[:n+1], d.in[:n+1]
	clear(w)
	w[0] = reg
	if err := d.bus.Tx(w, r); err != nil {
		return nil, fmt.Errorf("sx127x: read register %02X: %w", reg, err)
	}
	return r[1:], nil
}

func (d *Driver) get(reg byte) (byte, error) {
	b, err := d.read(reg, 1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// put writes from a register on.
func (d *Driver) put(reg byte, data ...byte) error {
	w := append(append(d.out[:0], reg|writeBit), data...)
	if err := d.bus.Tx(w, nil); err != nil {
		return fmt.Errorf("sx127x: write register %02X: %w", reg, err)
	}
	return nil
}

// change writes some bits of a register whose other bits are reserved.
func (d *Driver) change(reg, mask, value byte) error {
	old, err := d.get(reg)
	if err != nil {
		return err
	}
	return d.put(reg, old&^mask|value&mask)
}

// setting is a write.
type setting struct{ reg, value byte }

func (d *Driver) putAll(settings ...setting) error {
	for _, s := range settings {
		if err := d.put(s.reg, s.value); err != nil {
			return err
		}
	}
	return nil
}
