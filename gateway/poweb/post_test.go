package poweb

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"packhorse/gateway/internal/web"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

func TestStatusCodes(t *testing.T) {
	b := newBackend(t)
	h := NewHandler(b)
	parcel := []byte("a parcel")
	good := sign(t, pki.ParcelDelivery, parcel, b.chain.Endpoint, "endpoint")
	auth := authorization("Relaynet-Countersignature", good)
	digest := []byte(strings.Repeat("0a", 32))
	origin := maps.Clone(auth)
	origin["Origin"] = "https://example.org"
	self := pkitest.Issue(t, "endpoint", nil, "endpoint", true, 0)
	for _, p := range []post{
		{"digest", "POST", "/v1/pre-registrations", "text/plain", nil, digest, nil, 200},
		{"digest with a charset", "POST", "/v1/pre-registrations", "text/plain; charset=utf-8", nil, digest, nil, 200},
		{"digest too short", "POST", "/v1/pre-registrations", "text/plain", nil, digest[2:], nil, 400},
		{"digest too long", "POST", "/v1/pre-registrations", "text/plain", nil, append(digest[:64:64], "0a"...), nil, 400},
		{"digest odd", "POST", "/v1/pre-registrations", "text/plain", nil, digest[:63], nil, 400},
		{"digest not hexadecimal", "POST", "/v1/pre-registrations", "text/plain", nil, bytes.Repeat([]byte("x"), 64), nil, 400},
		{"digest of another type", "POST", "/v1/pre-registrations", "application/json", nil, digest, nil, 415},
		{"digest without a type", "POST", "/v1/pre-registrations", "", nil, digest, nil, 415},
		{"digest, gateway fails", "POST", "/v1/pre-registrations", "text/plain", nil, digest, errDisk, 500},
		{"digest, huge", "POST", "/v1/pre-registrations", "text/plain", nil, make([]byte, maxSmallBody+1), nil, 413},
		{"request", "POST", "/v1/nodes", typeRequest, nil, []byte("PNRR"), nil, 200},
		{"request refused", "POST", "/v1/nodes", typeRequest, nil, []byte("PNRR"), web.Fail(400, "bad signature"), 400},
		{"request of another type", "POST", "/v1/nodes", typeParcel, nil, []byte("PNRR"), nil, 415},
		{"request, gateway fails", "POST", "/v1/nodes", typeRequest, nil, []byte("PNRR"), errDisk, 500},
		{"parcel", "POST", "/v1/parcels", typeParcel, auth, parcel, nil, 202},
		{"parcel, scheme by specification", "POST", "/v1/parcels", typeParcel, authorization("Awala-Countersignature", good), parcel, nil, 202},
		{"parcel without countersignature", "POST", "/v1/parcels", typeParcel, nil, parcel, nil, 401},
		{"parcel, other scheme", "POST", "/v1/parcels", typeParcel, authorization("Basic", good), parcel, nil, 401},
		{"parcel, not base64", "POST", "/v1/parcels", typeParcel, map[string]string{"Authorization": "Relaynet-Countersignature ***"}, parcel, nil, 401},
		{"parcel, no CMS", "POST", "/v1/parcels", typeParcel, authorization(scheme, []byte("x")), parcel, nil, 401},
		{"parcel, long countersignature", "POST", "/v1/parcels", typeParcel, authorization(scheme, make([]byte, 20000)), parcel, nil, 401},
		{"another parcel's countersignature", "POST", "/v1/parcels", typeParcel, auth, []byte("b parcel"), nil, 401},
		{"countersignature of a handshake", "POST", "/v1/parcels", typeParcel, authorization(scheme, sign(t, pki.ParcelCollection, parcel, b.chain.Endpoint, "endpoint")), parcel, nil, 401},
		{"countersignature of a stranger", "POST", "/v1/parcels", typeParcel, authorization(scheme, sign(t, pki.ParcelDelivery, parcel, self, "endpoint")), parcel, nil, 401},
		{"countersignature of an endpoint's correspondent", "POST", "/v1/parcels", typeParcel, authorization(scheme, sign(t, pki.ParcelDelivery, parcel, b.chain.PDA, "sender")), parcel, nil, 401},
		{"parcel of another type", "POST", "/v1/parcels", "application/octet-stream", auth, parcel, nil, 415},
		{"parcel too big", "POST", "/v1/parcels", typeParcel, auth, make([]byte, MaxParcel+1), nil, 413},
		{"parcel invalid", "POST", "/v1/parcels", typeParcel, auth, parcel, web.Fail(422, "expired"), 422},
		{"parcel, disk fails", "POST", "/v1/parcels", typeParcel, auth, parcel, errDisk, 500},
		{"web page", "POST", "/v1/parcels", typeParcel, origin, parcel, nil, 400},
		{"web page asking first", "OPTIONS", "/v1/parcels", "", origin, nil, nil, 400},
		{"options", "OPTIONS", "/v1/parcels", "", nil, nil, nil, 204},
		{"get", "GET", "/v1/parcels", "", nil, nil, nil, 405},
		{"put", "PUT", "/v1/nodes", typeRequest, nil, nil, nil, 405},
		{"post to the collection", "POST", "/v1/parcel-collection", "", nil, nil, nil, 405},
		{"collection without an upgrade", "GET", "/v1/parcel-collection", "", nil, nil, nil, 426},
		{"elsewhere", "GET", "/v1/", "", nil, nil, nil, 404},
	} {
		b.err = p.err
		got := p.send(t, h)
		if got.status != p.want {
			t.Errorf("%s: got %d %s, want %d", p.name, got.status, got.body.String(), p.want)
		}
		if p.want < 400 || p.want == 426 {
			continue
		}
		var message struct{ Message string }
		if err := json.Unmarshal(got.body.Bytes(), &message); err != nil || message.Message == "" || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: got body %q of type %s, want a JSON message", p.name, got.body.String(), got.header.Get("Content-Type"))
		}
		if www := got.header.Get("WWW-Authenticate"); (www == scheme) != (p.want == 401) {
			t.Errorf("%s: got WWW-Authenticate %q", p.name, www)
		}
	}
	if len(b.got) != 2 {
		t.Errorf("parcels delivered: got %d, want 2", len(b.got))
	}
}

func TestBodiesOfStrangersAreNotRead(t *testing.T) {
	b := newBackend(t)
	parcel := []byte("a parcel")
	for name, p := range map[string]struct {
		signer *pki.Certificate
		read   bool
	}{"an endpoint of ours": {b.chain.Endpoint, true}, "a stranger": {pkitest.Issue(t, "endpoint", nil, "endpoint", true, 0), false}} {
		body := bytes.NewReader(parcel)
		r, err := http.NewRequest("POST", "http://127.0.0.1/v1/parcels", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", typeParcel)
		for key, value := range authorization(scheme, sign(t, pki.ParcelDelivery, parcel, p.signer, "endpoint")) {
			r.Header.Set(key, value)
		}
		NewHandler(b).ServeHTTP(&recorder{header: http.Header{}}, r)
		if read := body.Len() < len(parcel); read != p.read {
			t.Errorf("the body of %s was read: %v", name, read)
		}
	}
}

func TestAnswersOfRegistration(t *testing.T) {
	h := NewHandler(newBackend(t))
	for _, tt := range []struct {
		post
		contentType, body string
	}{
		{post{method: "POST", path: "/v1/pre-registrations", contentType: "text/plain", body: []byte(strings.Repeat("61", 32))},
			"application/vnd.awala.node-registration.authorization", "PNRA for " + strings.Repeat("a", 32)},
		{post{method: "POST", path: "/v1/nodes", contentType: typeRequest, body: []byte("PNRR")},
			"application/vnd.awala.node-registration.registration", "PNR for PNRR"},
	} {
		got := tt.send(t, h)
		if got.body.String() != tt.body || got.header.Get("Content-Type") != tt.contentType {
			t.Errorf("%s: got %q of %s, want %q of %s", tt.path, got.body.String(), got.header.Get("Content-Type"), tt.body, tt.contentType)
		}
	}
}

func TestAllowNamesTheMethod(t *testing.T) {
	h := NewHandler(newBackend(t))
	for path, want := range map[string]string{"/v1/parcels": "POST", "/v1/nodes": "POST", "/v1/pre-registrations": "POST", "/v1/parcel-collection": "GET"} {
		for _, method := range []string{http.MethodOptions, http.MethodDelete} {
			if got := (post{method: method, path: path}).send(t, h).header.Get("Allow"); got != want {
				t.Errorf("%s %s: got Allow %q, want %q", method, path, got, want)
			}
		}
	}
}

func TestGatewayWithoutADomainTakesNoParcels(t *testing.T) {
	b := newBackend(t)
	sig := sign(t, pki.ParcelDelivery, nil, b.chain.Endpoint, "endpoint")
	b.anchors = nil
	got := post{method: "POST", path: "/v1/parcels", contentType: typeParcel, headers: authorization(scheme, sig)}.send(t, NewHandler(b))
	if got.status != http.StatusInternalServerError || !strings.Contains(got.body.String(), "set it up") {
		t.Errorf("got %d %s, want 500 and what to do", got.status, got.body.String())
	}
}
