package ics

import (
	"encoding/base64"
	"flag"
	"strings"
	"testing"

	"foregate/scan/file/internal/sample"
)

var _ = flag.Bool("update", false, "write the golden files")

func calendar(lines ...string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nMETHOD:REQUEST\r\nCALSCALE:GREGORIAN\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCALENDAR\r\n")
}

func files() map[string][]byte {
	return map[string][]byte{
		"invitation": calendar("BEGIN:VEVENT", "UID:1@example.com", "SUMMARY:Payment review\\, today", "ORGANIZER;CN=\"Pay: Roll\":mailto:boss@evil.example",
			"ATTENDEE;CN=You;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:MAILTO:you@Org.example", "DTSTART;TZID=Europe/Zurich:20260101T100000",
			"DESCRIPTION:Open https://login.micros", " oft.example/a?b=1 now\\nplease", "X-ALT-DESC;FMTTYPE=text/html:<a href=\"https://real.example/x\">https://shown.example/</a>",
			"ATTACH;FMTTYPE=application/octet-stream;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=invite.exe:"+base64.StdEncoding.EncodeToString([]byte(sample.Marker)),
			"ATTACH:https://files.example/contract.zip", "STATUS:CONFIRMED", "BEGIN:VALARM", "ACTION:PROCEDURE", "END:VALARM", "END:VEVENT"),
		"eicar":    calendar("BEGIN:VTODO", "ATTACH;FILENAME=eicar.com:data:text/plain;base64,"+base64.StdEncoding.EncodeToString(sample.EICAR()), "END:VTODO"),
		"unclosed": []byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:left open\nno colon here\n"),
		"wide":     append([]byte("\xff\xfe"), sample.UTF16("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:http://wide.example/\r\nEND:VEVENT\r\nEND:VCALENDAR")...),
	}
}

func TestGolden(t *testing.T) {
	for name, data := range files() {
		t.Run(name, func(t *testing.T) {
			sample.Golden(t, Parser{}, name, sample.Input(name+".ics", data))
		})
	}
}

func TestTorture(t *testing.T) {
	for name, data := range files() {
		sample.Torture(t, Parser{}, name+".ics", data)
	}
}

func TestHostile(t *testing.T) {
	for _, s := range map[string]string{
		"nested":    strings.Repeat("BEGIN:VEVENT\r\n", 1<<17),
		"attendees": "BEGIN:VEVENT\r\n" + strings.Repeat("ATTENDEE:mailto:a@b.example\r\n", 1<<16),
		"attached":  "BEGIN:VEVENT\r\n" + strings.Repeat("ATTACH;VALUE=BINARY;ENCODING=BASE64:AAAA\r\n", 1<<15),
		"links":     strings.Repeat("BEGIN:VEVENT\r\nDESCRIPTION:http://a.example/ http://b.example/\r\nEND:VEVENT\r\n", 1<<13),
	} {
		res, _ := Parser{}.Open(t.Context(), sample.Input("h.ics", []byte("BEGIN:VCALENDAR\r\n"+s)))
		sample.Check(t, res)
	}
}

func FuzzOpen(f *testing.F) {
	for _, data := range files() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := sample.Input("f.ics", data)
		if !(Parser{}).Opens(in) {
			return
		}
		res, _ := Parser{}.Open(t.Context(), in)
		sample.Check(t, res)
	})
}
