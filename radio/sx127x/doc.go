// Package sx127x drives the LoRa part of the Semtech SX1276, SX1277, SX1278 and SX1279, and of the modules made of
// them: RFM95W, RFM96W, RFM98W, Ra-01, Ra-02. Use it through chip.Open.
package sx127x
