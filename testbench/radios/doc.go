// Package radios holds every driver to the same promises on a simulator of its hardware: all settings it can, all
// lengths of frame, damage on the air, interrupts that are lost, chips that hang, brown out or are pulled out, and ten
// thousand frames both ways without one lost or made up. The simulators are then changed in one point each, and the
// suite must notice.
package radios
