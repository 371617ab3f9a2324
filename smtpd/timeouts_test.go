package smtpd

import (
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// TestProxyTimeout holds that Postfix, set up as the manual says, waits longer for
// the answer to a message than the gate may take, and gives its own client an answer
// before that goes (10 minutes, RFC 5321 section 4.5.3.2.6).
func TestProxyTimeout(t *testing.T) {
	page, err := os.ReadFile("../docs/manual/postfix.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`-o smtpd_proxy_timeout=(\d+)s\n`).FindSubmatch(page)
	if m == nil {
		t.Fatal("the manual does not set smtpd_proxy_timeout")
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	postfix := time.Duration(n) * time.Second
	d := Defaults()
	if gate := d.InFlightWait + d.GateTimeout + d.HopDataTimeout; gate >= postfix || d.HopTimeout >= postfix {
		t.Errorf("the gate may take %v for a message and %v for a recipient, Postfix waits %v", gate, d.HopTimeout, postfix)
	}
	if postfix >= 10*time.Minute {
		t.Errorf("Postfix waits %v, its client 10 minutes", postfix)
	}
}
