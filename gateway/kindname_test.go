package gateway

import (
	"testing"

	"packhorse/store"
)

func TestEveryKindHasANameOfItsOwn(t *testing.T) {
	seen := map[string]store.Kind{}
	for n := range 256 {
		k := store.Kind(n)
		name := KindName(k)
		if other, twice := seen[name]; twice {
			t.Errorf("kinds %d and %d are both called %s", other, k, name)
		}
		seen[name] = k
		if got, ok := KindOf(name); !ok || got != k {
			t.Errorf("KindOf(%s): got %d, %v, want %d", name, got, ok, k)
		}
	}
	for _, k := range append(BootKinds(), KindBody, KindLetterBody, KindTransport, KindSetting, KindDraftBody) {
		if name := KindName(k); name == "kind_"+name[max(0, len(name)-1):] {
			t.Errorf("kind %d has no word", k)
		}
	}
	words := int(KindRate) + int(KindInetRate-KindInetState) + 1
	if _, ok := KindOf("nosuch"); ok || len(KindNames()) != words {
		t.Errorf("got %v, want %d words", KindNames(), words)
	}
}
