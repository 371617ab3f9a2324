package link

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/mail"
)

func picture(url string) mail.Mention {
	return mail.Mention{URL: url, Kind: mail.MentionImage, Visible: true}
}

func TestButtons(t *testing.T) {
	tests := []struct {
		name     string
		mentions []mail.Mention
		want     []string
	}{
		{"all to one stranger", []mail.Mention{anchor("https://login.kontor-example.net/a", "Verify now"), anchor("https://kontor-example.net/b", "")}, []string{idButtonOne}},
		{"all to several strangers", []mail.Mention{anchor("https://a-kontor.net/", "Here"), anchor("https://b-kontor.net/", "There")}, []string{idButtonAll}},
		{"all to a short name", []mail.Mention{anchor("https://bit.ly/x1", "Verify now")}, []string{idShortener, idButtonShort}},
		{"the sender's own", []mail.Mention{anchor("https://www.sender-example.com/", "Open the report"), anchor("https://www.facebook.com/x", "Follow us")}, nil},
		{"one of them the sender's", []mail.Mention{anchor("https://www.sender-example.com/", "Home"), anchor("https://kontor-example.net/", "Partner")}, nil},
		{"the sender's name under another suffix", []mail.Mention{anchor("https://sender-example.de/", "Home")}, nil},
		{"by way of a service that counts clicks", []mail.Mention{anchor("https://u1.ct.sendgrid.net/ls/click", "Home")}, nil},
		{"a link that says where it leads", []mail.Mention{anchor("https://kontor-example.net/a", "https://kontor-example.net/a")}, nil},
		{"a link in plain text", []mail.Mention{inText("https://kontor-example.net/a")}, nil},
		{"quoted", []mail.Mention{{URL: "https://kontor-example.net/", Text: "Here", Visible: true, Thread: 1}}, nil},
		{"a picture from an address", []mail.Mention{picture("http://198.51.100.7/a.png")}, []string{idPictureIP}},
		{"a picture from a host of pictures", []mail.Mention{picture("https://i.imgur.com/a.png")}, []string{idPictureHost}},
		{"a picture of the sender's", []mail.Mention{picture("https://img.sender-example.com/a.png"), picture("cid:1")}, nil},
		{"a messenger", []mail.Mention{inText("https://t.me/+abc")}, []string{idMessenger}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &mail.Facts{}
			if err := (Stage{}).Analyze(t.Context(), message(tt.mentions...), f); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, it := range f.Evidence {
				got = append(got, it.ID)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
