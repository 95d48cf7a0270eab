package gateway

// admission answers a join request inside the pairing session.
//
//	octets  field
//	1       version, 1
//	4 + n   refusal in words; empty when admitted, and then:
//	4 + n   domain.Membership
//	4 + n   membership record of the inviter
//	4 + n   PrivateEndpointConnParams (RS-000) of the inviter's built-in endpoint, for the joiner's
type admission struct {
	Refusal    string
	Membership []byte
	Record     []byte
	Contact    []byte
}

const (
	admissionVersion = 1
	maxMembership    = 8 << 10
	maxRecord        = 200
)

func (a *admission) append(b []byte) []byte {
	b = appendCounted(append(b, admissionVersion), a.Refusal)
	if a.Refusal != "" {
		return b
	}
	b = appendCounted(appendCounted(b, a.Membership), a.Record)
	return appendCounted(b, a.Contact)
}

func parseAdmission(b []byte) (admission, error) {
	var a admission
	o := octets{b: b}
	version := o.u8()
	a.Refusal = o.text(maxWhy)
	if a.Refusal == "" {
		a.Membership, a.Record, a.Contact = o.counted(maxMembership), o.counted(maxRecord), o.counted(maxContactBody)
	}
	if version != admissionVersion {
		return admission{}, errOctets
	}
	return a, o.end()
}

// refuseAdmission says no, and why.
func refuseAdmission(err error) []byte {
	why := err.Error()
	a := admission{Refusal: why[:min(len(why), maxWhy)]}
	return a.append(nil)
}
