package charset

import (
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// What decodeWith takes for granted: a table of single bytes in which 'A' is 'A'
// is ASCII in all its lower half.
func TestCharmapsAreASCII(t *testing.T) {
	ascii := make([]byte, 0x80)
	for i := range ascii {
		ascii[i] = byte(i)
	}
	for _, e := range charmap.All {
		cm, ok := e.(*charmap.Charmap)
		if !ok || cm.DecodeByte('A') != 'A' {
			continue
		}
		if got, err := cm.NewDecoder().Bytes(ascii); err != nil || string(got) != string(ascii) {
			t.Errorf("%v: ASCII becomes %q, %v", cm, got, err)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct{ label, in, want string }{
		{"iso-8859-1", "plain", "plain"},
		{"iso-8859-1", "caf\xe9", "café"},
		{"koi8-r", "plain", "plain"},
		{"ibm037", "\xc1\xc2", "AB"}, // EBCDIC
		{"ibm037", "AB", "\u00a0â"},
	} {
		if got := Decode(c.label, []byte(c.in)); got.Text != c.want || got.Unknown {
			t.Errorf("Decode(%q, %q) = %+v, want %q", c.label, c.in, got, c.want)
		}
	}
}
