// Package sample reads the samples of rules: messages that state in a field of
// their own what the connection would have told.
//
//	X-Test-Envelope: client_ip=203.0.113.9; helo=mx.example; mail_from=a@b.example; spf=pass; dkim=pass; dmarc=fail
//
// The fields stand above all others and are taken off before the message is
// parsed. Results that are not stated are unknown, as on a server that did not
// look. No real mail may carry such a field: Read is for samples alone.
package sample

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"foregate/mail"
)

// field is the name of the field that states the envelope.
const field = "X-Test-Envelope:"

// maxField bounds one such field in bytes: seven short facts.
const maxField = 4 << 10

// Read takes the X-Test-Envelope fields off the top of a sample. It returns the
// envelope, whose recorded results are set (unknown where not stated), and the
// message below the fields. A fact that is not understood is an error.
func Read(raw []byte) (mail.Envelope, []byte, error) {
	env := mail.Envelope{Recorded: &mail.RecordedAuth{}}
	for len(raw) >= len(field) && bytes.EqualFold(raw[:len(field)], []byte(field)) {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		if len(line) > maxField {
			return mail.Envelope{}, nil, fmt.Errorf("reading the sample: a field of more than %d bytes", maxField)
		}
		for fact := range strings.SplitSeq(string(line[len(field):]), ";") {
			if err := set(&env, strings.TrimSpace(fact)); err != nil {
				return mail.Envelope{}, nil, fmt.Errorf("reading the sample: %w", err)
			}
		}
		raw = rest
	}
	return env, raw, nil
}

// set takes one fact, "name=value".
func set(env *mail.Envelope, fact string) error {
	if fact == "" {
		return nil
	}
	name, value, ok := strings.Cut(fact, "=")
	if !ok {
		return fmt.Errorf("%q is not name=value", fact)
	}
	switch name {
	case "client_ip":
		ip, err := netip.ParseAddr(value)
		if err != nil {
			return fmt.Errorf("client_ip: %w", err)
		}
		env.ClientIP = ip
	case "helo":
		env.Helo = value
	case "rdns":
		env.RDNS = value
	case "mail_from":
		env.MailFrom, env.HasFrom = strings.Trim(value, "<>"), true
	case "rcpt_to":
		env.Recipients = append(env.Recipients, strings.Trim(value, "<>"))
	case "spf", "dkim", "dmarc":
		return setResult(env.Recorded, name, value)
	default:
		return fmt.Errorf("unknown fact %q", name)
	}
	return nil
}

// setResult takes a result word of RFC 8601 section 2.7.
func setResult(r *mail.RecordedAuth, method, word string) error {
	switch mail.Result(word) {
	case mail.ResultPass, mail.ResultFail, mail.ResultSoftFail, mail.ResultNeutral, mail.ResultNone,
		mail.ResultPolicy, mail.ResultTempError, mail.ResultPermError:
	default:
		return fmt.Errorf("%s: %q is no result of RFC 8601", method, word)
	}
	switch method {
	case "spf":
		r.SPF = word
	case "dkim":
		r.DKIM = word
	case "dmarc":
		r.DMARC = word
	}
	return nil
}

// Person is somebody whom attackers like to pose as.
type Person struct{ FirstName, LastName, Email string }

// Organisation is the receiving organisation of all samples.
type Organisation struct {
	Domains      []string // own domains
	DisplayNames []string // names the organisation is known by, its people included
	VIPs         []Person
	Partners     []string // domains of organisations it often hears from
}

// Org returns the organisation that samples are addressed to: a ministry, its
// minister, and a think tank it works with. All names are reserved ones.
func Org() Organisation {
	return Organisation{
		Domains:      []string{"ministry.example"},
		DisplayNames: []string{"Ministry of Foreign Affairs", "Helen Ashcroft"},
		VIPs:         []Person{{FirstName: "Helen", LastName: "Ashcroft", Email: "helen.ashcroft@ministry.example"}},
		Partners:     []string{"thinktank.example"},
	}
}
