package domain

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestRandom(t *testing.T) {
	for _, s := range []string{"", "qzxk", "newsletter", "kontorwerke", "john-doe1984", "stackoverflow", "bundesfinanzministerium", "xn--qzxkvwpt", "müllabfuhr", "customer-service", "noreply", "JaneDoe", "1234567"} {
		if Random(s) {
			t.Errorf("%q looks random", s)
		}
	}
	for _, s := range []string{"xkqzvwpt", "BFwBIGAqx", "hvtkqjzbw", "q7x2kz9vw4"} {
		if !Random(s) {
			t.Errorf("%q does not look random", s)
		}
	}
}

// Most labels drawn by lot are recognised. The seed is fixed.
func TestRandomFindsLots(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	found := 0
	const n = 2000
	for range n {
		var b strings.Builder
		for range 7 + r.IntN(8) {
			b.WriteByte('a' + byte(r.IntN(26)))
		}
		if Random(b.String()) {
			found++
		}
	}
	if found < n/2 {
		t.Errorf("%d of %d labels drawn by lot are recognised, want more than half", found, n)
	}
}

func TestThrowAway(t *testing.T) {
	for suffix, want := range map[string]bool{"top": true, "com": false, "de": false, "": false, "cn": false} {
		if ThrowAway(suffix) != want {
			t.Errorf("ThrowAway(%q) is %v", suffix, !want)
		}
	}
}
