package cargo

import (
	"errors"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
)

// PCA tells the gateway that sent a parcel in a cargo that it came, so that it need not be sent again. The
// strings are as hostile as the parcel's: compare them, make no paths of them.
type PCA struct {
	Sender, Recipient pki.NodeID // endpoints
	ID                string     // of the parcel
}

// Marshal encodes the PCA as an item of a cargo.
func (p PCA) Marshal() []byte {
	body := ber.Encode(0x30, ber.Bytes(0x80, []byte(p.Sender)), ber.Bytes(0x81, []byte(p.Recipient)), ber.Bytes(0x82, []byte(p.ID)))
	return append(ber.Pieces{[]byte(pcaHeader)}, body...).Join()
}

func parsePCA(b []byte) (*PCA, error) {
	r, err := enter(b)
	if err != nil {
		return nil, err
	}
	f := fields{r: r}
	p := &PCA{Sender: pki.NodeID(f.text(0, ramf.MaxRecipient)), Recipient: pki.NodeID(f.text(1, ramf.MaxRecipient)), ID: f.text(2, ramf.MaxID)}
	if err := errors.Join(r.End(), f.err); err != nil {
		return nil, err
	}
	return p, nil
}
