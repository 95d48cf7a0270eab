package pki

import (
	"crypto/x509/pkix"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// encodeName writes a distinguished name with CN = id as BMPString, which is how Awala's own
// libraries write it: 130 octets of value.
func encodeName(id NodeID) ([]byte, error) {
	bmp := make([]byte, 0, 2*len(id))
	for i := range len(id) {
		bmp = append(bmp, 0, id[i])
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(name *cryptobyte.Builder) {
		name.AddASN1(cbasn1.SET, func(rdn *cryptobyte.Builder) {
			rdn.AddASN1(cbasn1.SEQUENCE, func(attr *cryptobyte.Builder) {
				attr.AddASN1ObjectIdentifier(oidCommonName)
				attr.AddASN1(cbasn1.Tag(asn1.TagBMPString), func(v *cryptobyte.Builder) { v.AddBytes(bmp) })
			})
		})
	})
	return b.Bytes()
}

// encodeExtensions writes the profile's three extensions. crypto/x509 would refuse a path length
// without cA, and would leave the authority key id out of self-issued certificates.
func encodeExtensions(ca bool, pathLen int, issuer, subject NodeID) ([]pkix.Extension, error) {
	issuerDigest, _ := issuer.Digest()
	subjectDigest, _ := subject.Digest()
	var bc, aki, ski cryptobyte.Builder
	bc.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if ca {
			b.AddASN1Boolean(true)
		}
		b.AddASN1Int64(int64(pathLen))
	})
	aki.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(issuerDigest[:]) })
	})
	ski.AddASN1OctetString(subjectDigest[:])
	exts := []pkix.Extension{
		{Id: oidBasicConstraints, Critical: true},
		{Id: oidAuthorityKeyID},
		{Id: oidSubjectKeyID},
	}
	for i, b := range []*cryptobyte.Builder{&bc, &aki, &ski} {
		v, err := b.Bytes()
		if err != nil {
			return nil, err
		}
		exts[i].Value = v
	}
	return exts, nil
}
