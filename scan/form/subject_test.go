package form

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/mail"
)

func TestSubject(t *testing.T) {
	tests := []struct {
		subject, name string
		want          []string
	}{
		{"Minutes of Tuesday", "Ada Berg", nil},
		{"𝗬𝗼𝘂𝗿 parcel waits", "", []string{"form.styled-subject"}},
		{"the field 𝔽 of numbers", "", nil},
		{"会議ＮＯＴＥのお知らせ", "", nil},
		{"Ｙｏｕｒ account", "", []string{"form.styled-subject"}},
		{"Your аccount", "", []string{"form.mixed-subject"}}, // a Cyrillic а
		{"Δt of the Ωmega run", "", []string{"form.mixed-subject"}},
		{"Протокол meeting", "", nil},
		{"Your invoice                    KX7731", "", []string{"form.padded-subject"}},
		{"Your invoice ............ KX7731", "", []string{"form.padded-subject"}},
		{"to be continued ...", "", nil},
		{"⚠️ Storage full", "", []string{"form.alarm-subject"}},
		{"Last chance!!!", "", []string{"form.alarm-subject"}},
		{"Well done!", "", nil},
		{"Dear {{ first_name }}, a present", "", []string{"form.template"}},
		{"Your bill", "Congratulation [username]", []string{"form.template"}},
		{"[PATCH 1/2] foo: add {struct bar}", "", nil},
		{"[users] a question", "", nil},
	}
	for _, tt := range tests {
		m := &mail.Message{Subject: &mail.Subject{Subject: tt.subject}}
		m.Sender.DisplayName = tt.name
		var got []string
		for _, it := range subject(m) {
			got = append(got, it.ID)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%q by %q: %s", tt.subject, tt.name, d)
		}
	}
}

func TestMailer(t *testing.T) {
	tests := []struct {
		id    string
		field mail.HopField
		want  []string
	}{
		{"<1@x.example>", mail.HopField{Name: "X-Mailer", Value: "mutt"}, nil},
		{"<1@x.example>", mail.HopField{Name: "X-Priority", Value: "3 (Normal)"}, nil},
		{"<1@x.example>", mail.HopField{Name: "X-Priority", Value: "1 (Highest)"}, []string{"form.high-priority"}},
		{"<1@x.example>", mail.HopField{Name: "Importance", Value: "High"}, []string{"form.high-priority"}},
		{"<1@x.example>", mail.HopField{Name: "X-PHP-Originating-Script", Value: "33:mail.php"}, []string{"form.web-script"}},
		{"<1>", mail.HopField{}, []string{"form.odd-message-id"}},
		{"1@x.example", mail.HopField{}, []string{"form.odd-message-id"}},
		{"", mail.HopField{}, nil},
	}
	for _, tt := range tests {
		m := &mail.Message{}
		m.Headers.MessageID = tt.id
		m.Headers.Hops = []mail.Hop{{Fields: []mail.HopField{tt.field, tt.field}}}
		var got []string
		for _, it := range mailer(m) {
			got = append(got, it.ID)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%q, %v: %s", tt.id, tt.field, d)
		}
	}
}
