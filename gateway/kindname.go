package gateway

import (
	"fmt"
	"slices"

	"packhorse/store"
)

var kindNames = [...]string{KindBody: "body", KindParcel: "parcel", KindNote: "note", KindAdvert: "advert", KindEndpoint: "endpoint",
	KindBuiltin: "builtin", KindLetter: "letter", KindLetterBody: "letter_body", KindPartial: "partial", KindMember: "member",
	KindCounter: "counter", KindTransport: "transport", KindSetting: "setting", KindDraft: "draft", KindDraftBody: "draft_body",
	KindUplink: "uplink", KindOwed: "owed", KindDenial: "denial", KindRate: "rate",
	KindInetState: "inet_state", KindInetParcel: "inet_parcel", KindInetBody: "inet_body", KindInetSession: "inet_session",
	KindInetOwed: "inet_owed", KindInetServed: "inet_served", KindInetDenial: "inet_denial", KindInetRate: "inet_rate"}

// KindName is what people are told of a kind: a word, or its number for one of another version of this program.
func KindName(k store.Kind) string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind_%d", k)
}

// KindOf is the kind with a name that KindName gives.
func KindOf(name string) (store.Kind, bool) {
	for k := range store.Kind(255) {
		if KindName(k) == name {
			return k, true
		}
	}
	return 255, name == KindName(255)
}

// KindNames lists the words.
func KindNames() []string {
	return slices.DeleteFunc(slices.Clone(kindNames[:]), func(s string) bool { return s == "" })
}
