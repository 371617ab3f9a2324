package pubkey

import (
	"strings"
	"testing"
)

func TestToASCII(t *testing.T) {
	tests := []struct {
		in, want string
		ok       bool
	}{
		{"Example.COM", "example.com", true},
		{"s1._domainkey.example.com", "s1._domainkey.example.com", true},
		{"münchen.example", "xn--mnchen-3ya.example", true},
		{"a_b.münchen.example", "a_b.xn--mnchen-3ya.example", true},
		{"", "", false},
		{".", "", false},
		{"example.com.", "", false},
		{"a..b", "", false},
		{"-a.example", "", false},
		{"a-.example", "", false},
		{"a b.example", "", false},
		{"a\x00.example", "", false},
		{"a\xff.example", "", false},
		{strings.Repeat("a", 64) + ".example", "", false},
		{strings.Repeat("a.", 127) + "example", "", false},
		{strings.Repeat("ä.", 1000) + "example", "", false},
	}
	for _, tt := range tests {
		got, err := ToASCII(tt.in)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%.40q: %q, %v; want %q", tt.in, got, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", []byte("x"))
	f.Add("p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAIWmlgix/84GJ+dfgjm7LTc9EPdfkftlgiPpCq4/"+
		"kbDAZmU0VvYKDljjleJ1dfvS+CGy9U/kk1tG3EeEvb82xAcCAwEAAQ==; h=sha1:sha256; t=y:s; s=*", []byte("y"))
	f.Fuzz(func(t *testing.T, record string, sig []byte) {
		for _, algorithm := range []string{"rsa", "ed25519"} {
			k, err := parse(record, algorithm)
			if err != nil {
				continue
			}
			if k.Algorithm != algorithm || k.Bits == 0 || k.Bits > maxBits {
				t.Errorf("key %s of %d bits for %s", k.Algorithm, k.Bits, algorithm)
			}
			if p := k.Check([]byte("data"), sig); p != nil && p.Reason == "" {
				t.Error("refused without a reason")
			}
		}
	})
}
