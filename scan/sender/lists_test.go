package sender

import (
	"errors"
	"testing"
	"time"

	"foregate/mail"
)

// TestLists asks the lists that live in the history: nobody is absent from them
// before the gate has watched long enough, or where nothing can be read.
func TestLists(t *testing.T) {
	o := newOffice(t)
	check := func(name, entry string, want bool, wantErr error) {
		t.Helper()
		got, err := o.stage.Lists()[name](t.Context(), entry)
		if got != want || !errors.Is(err, wantErr) {
			t.Errorf("%q in $%s: %v, %v; want %v, %v", entry, name, got, err, want, wantErr)
		}
	}
	check("sender_emails", usualLetter().from, false, errTooYoung)
	o.daily(usualLetter(), 3)
	check("sender_emails", "Anna@Partner.Example.com", true, nil)
	check("sender_emails", "nobody@partner.example.com", false, errTooYoung)
	ours := usualLetter()
	ours.from, ours.to, ours.outbound = "ben@example.org", "carl@supplier.example.net", true
	o.take(ours, mail.Deliver)
	o.pass(20 * 24 * time.Hour)
	for _, c := range []struct {
		list, entry string
		want        bool
	}{
		{"sender_emails", "anna@partner.example.com", true},
		{"sender_emails", "nobody@partner.example.com", false},
		{"sender_emails", "carl@supplier.example.net", false},
		{"sender_emails", "", false},
		{"sender_domains", "mail.example.com", true}, // of the registered domain
		{"sender_domains", "example.net", false},
		{"recipient_emails", "carl@supplier.example.net", true},
		{"recipient_emails", "anna@partner.example.com", false},
		{"recipient_domains", "supplier.example.net", true},
		{"recipient_domains", "example.com", false},
	} {
		check(c.list, c.entry, c.want, nil)
	}
	check("sender_domains", "gmail.com", false, errSharedHost)
	o.stage.History = nil
	check("sender_emails", "anna@partner.example.com", false, errNoHistory)
	o.stage.History = failing{o.db}
	if _, err := o.stage.Lists()["recipient_emails"](t.Context(), "x@y.example"); err == nil {
		t.Error("a list answers from a database that is away")
	}
}
