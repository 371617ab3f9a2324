package main

import (
	"strings"
	"testing"
)

func TestParseConfigErrors(t *testing.T) {
	tests := []struct{ name, yaml, want string }{
		{"a slip in a key", "smpt:\n  listen: []\n", `unknown key "smpt"; did you mean "smtp"?`},
		{"a nested slip", "policy:\n  groups:\n    - nam: x\n", `unknown key "policy.groups[0].nam"; did you mean "name"?`},
		{"nothing near", "http:\n  colour: red\n", `unknown key "http.colour"; known here: listen`},
		{"no YAML", "a: [", "sequence end token ']' not found"},
		{"a wrong type", "smtp:\n  max_size: big\n", "cannot unmarshal string into Go struct field"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseConfig([]byte(tt.yaml))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	if err := defaults().check(); err != nil {
		t.Errorf("the defaults are wrong: %v", err)
	}
	tests := []struct {
		name string
		edit func(*config)
		want string
	}{
		{"protocol", func(c *config) { c.SMTP.Protocol = "esmtp" }, `smtp.protocol is "esmtp": use smtp or lmtp`},
		{"address", func(c *config) { c.SMTP.NextHop = "localhost" }, `address "localhost" is neither host:port nor unix:/path`},
		{"network", func(c *config) { c.SMTP.Trusted = []string{"10.0.0.1"} }, `smtp.trusted: "10.0.0.1" is not a network such as 192.0.2.0/24`},
		{"half of TLS", func(c *config) { c.SMTP.TLSCert = "x" }, "smtp.tls_cert and smtp.tls_key go together"},
		{"TLS mode", func(c *config) { c.SMTP.NextHopTLS.Mode = "dane" }, `smtp.next_hop_tls.mode is "dane": use none, opportunistic or require`},
		{"half of a client certificate", func(c *config) { c.SMTP.NextHopTLS.Cert = "x" }, "smtp.next_hop_tls.cert and smtp.next_hop_tls.key go together"},
		{"an authority that nobody asks", func(c *config) { c.SMTP.NextHopTLS.CAFile = "x" }, "mode opportunistic looks at no certificate: use require"},
		{"a socket's name", func(c *config) { c.SMTP.NextHop, c.SMTP.NextHopTLS.Mode = "lmtp:unix:/x", "require" }, "smtp.next_hop_tls.server_name is empty"},
		{"budget", func(c *config) { c.SMTP.MemoryBudget = 1 }, "must hold at least one message of smtp.max_size (52428800): judging it takes 266600448"},
		{"spool", func(c *config) { c.SMTP.SpoolBudget = 1 }, "smtp.spool_budget (1) must hold at least one message"},
		{"no connections", func(c *config) { c.SMTP.MaxConnections = 0 }, "must be more than nothing"},
		{"finding rule", func(c *config) { c.Policy.Findings["file.macro"] = "deliver" }, `policy.findings.file.macro is "deliver": use flag, hold or reject`},
		{"gap rule", func(c *config) { c.Policy.Gaps["auth"] = "drop" }, `policy.gaps.auth is "drop": use deliver, flag, hold or defer`},
		{"no catch-all", func(c *config) { c.Policy.Groups[0].Recipients = []string{"a@b.example"} }, "the last group must have no recipients"},
		{"thresholds", func(c *config) { low := -1.0; c.Policy.Groups[0].HoldAt = &low }, `"everyone" holds at -1, below its flag_at 0`},
		{"allow", func(c *config) { c.Policy.Allow = []allowConfig{{Sender: "partner.example"}} }, `"partner.example" is neither an address nor @domain`},
		{"retention", func(c *config) { c.Quarantine.Retention = 0 }, "quarantine.retention must be more than nothing"},
		{"log", func(c *config) { c.Log.Level = "loud" }, `level "loud"`},
		{"database", func(c *config) { c.Database = "" }, "database is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := defaults()
			tt.edit(&c)
			if err := c.check(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// The example configuration that ships is right.
func TestExampleConfig(t *testing.T) {
	c, err := loadConfig("../../etc/foregate.yaml", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Policy.Groups) != 2 || c.Organisation.Domains[0] != "ministry.example" {
		t.Errorf("read %+v", c)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte("smtp: {listen: [a]}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxConfigSize {
			return
		}
		_, _ = parseConfig(b) // must return
	})
}
