package domain

import "testing"

// TestCovers holds what a pattern of an owner's names stands for.
func TestCovers(t *testing.T) {
	m := NewMatcher(nil)
	tests := []struct {
		pattern, host string
		want          bool
	}{
		{"paypal.com", "paypal.com", true},
		{"paypal.com", "mail.paypal.com", true},
		{"paypal.com", "notpaypal.com", false},
		{"PayPal.*", "paypal.de", true},
		{"paypal.*", "www.paypal.co.uk", true},
		{"paypal.*", "paypal.org", true},
		{"paypal.*", "paypal.icu", false},
		{"paypal.*", "paypal.tk", false},
		{"paypal.*", "paypal.pages.dev", false},
		{"paypal.*", "paypal.us.com", false},
		{"paypal.*", "paypal", false},
		{"sparkasse-*.de", "sparkasse-hannover.de", true},
		{"sparkasse-*.de", "mail.sparkasse-neu-ulm-illertissen.de", true},
		{"volksbank-*.de", "volksbank-passau.de", true},
		{"sparkasse-*.de", "sparkasse-.de", false},
		{"sparkasse-*.de", "sparkasse-sicherheit.de", false},
		{"sparkasse-*.de", "sparkasse-hannover-login.de", false},
		{"sparkasse-*.de", "sparkasse-personendaten.de", false},
		{"sparkasse-*.de", "sparkasse-pushtan2.de", false},
		{"sparkasse-*.de", "sparkasse-id.de", false},
		{"ca-*.fr", "ca-toulouse31.fr", true},
		{"ca-*.fr", "ca-authentification.fr", false},
		{"sparkasse-*.de", "sparkasse-hannover.com", false},
	}
	for _, tt := range tests {
		if got := m.Covers(tt.pattern, Split(tt.host)); got != tt.want {
			t.Errorf("%q covers %q: %v, want %v", tt.pattern, tt.host, got, tt.want)
		}
	}
}
