package sender

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"foregate/evidence"
	"foregate/mail"
	"foregate/mql/shape"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// office is a gate's memory with a clock.
type office struct {
	t     testing.TB
	stage *Stage
	db    *InMemory
	now   time.Time
	n     int
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{t: t, db: &InMemory{}, now: start}
	var err error
	if o.stage, err = New(t.Context(), o.db, []string{"example.org"}, func() time.Time { return o.now }); err != nil {
		t.Fatal(err)
	}
	o.stage.Secret = Secret{1} // so that a collision of hashes can't come by chance
	o.stage.prepare()
	return o
}

// letter is a message in the making.
type letter struct {
	from, name, to, ip, mailer, zone, body, inReplyTo, id, rdns string
	proven                                                      bool
	outbound                                                    bool
}

func usualLetter() letter {
	return letter{from: "anna@partner.example.com", name: "Anna Adler", to: "ben@example.org", ip: "198.51.100.7", mailer: "Mozilla Thunderbird",
		zone: "+0100", body: "The minutes of the meeting will follow tomorrow on https://www.partner.example.com as ever.", rdns: "mail.partner.example.com", proven: true}
}

func (o *office) message(l letter) (*mail.Message, *mail.Facts) {
	o.n++
	if l.id == "" {
		l.id = fmt.Sprintf("id-%d@%s", o.n, hostOf(l.from))
	}
	raw := fmt.Sprintf("From: %s <%s>\r\nTo: %s\r\nSubject: Minutes\r\nDate: %s %s\r\nMessage-ID: <%s>\r\n", l.name, l.from, l.to,
		o.now.Format("Mon, 02 Jan 2006 15:04:05"), l.zone, l.id)
	if l.mailer != "" {
		raw += "User-Agent: " + l.mailer + "\r\n"
	}
	if l.inReplyTo != "" {
		raw += "In-Reply-To: <" + l.inReplyTo + ">\r\n"
	}
	raw += "\r\n" + l.body + "\r\n"
	m := mail.Parse(mail.Envelope{ClientIP: netip.MustParseAddr(l.ip), Helo: l.rdns, RDNS: l.rdns, MailFrom: l.from, HasFrom: true, Recipients: []string{l.to}, ReceivedAt: o.now}, []byte(raw))
	m.Meta.ID = fmt.Sprint("m", o.n)
	m.Type = mail.MessageType{Inbound: !l.outbound, Outbound: l.outbound}
	f := &mail.Facts{Auth: mail.Auth{AuthorProven: l.proven, DMARC: mail.ResultPass}}
	if !l.proven {
		f.Auth.DMARC, f.Auth.SPF = mail.ResultFail, mail.ResultFail
	}
	for _, word := range strings.Fields(l.body) {
		if host, ok := strings.CutPrefix(word, "https://"); ok {
			f.Links = append(f.Links, mail.LinkFact{URL: word, Kind: "anchor", Source: "html", Host: host})
		}
	}
	return m, f
}

// look judges a message and returns its items by ID.
func (o *office) look(l letter) map[string]evidence.Item {
	o.t.Helper()
	m, f := o.message(l)
	if err := o.stage.Analyze(context.Background(), m, f); err != nil {
		o.t.Fatal(err)
	}
	out := map[string]evidence.Item{}
	for _, it := range f.Evidence {
		if !it.Measured {
			o.t.Errorf("%s is not marked as measured", it.ID)
		}
		out[it.ID] = it
	}
	return out
}

// take delivers a message by a verdict.
func (o *office) take(l letter, d mail.Disposition) *mail.Message {
	o.t.Helper()
	m, f := o.message(l)
	if err := o.stage.Learn(context.Background(), m, f, mail.Verdict{Disposition: d}); err != nil {
		o.t.Fatal(err)
	}
	return m
}

// pass lets time go by.
func (o *office) pass(d time.Duration) {
	o.t.Helper()
	o.now = o.now.Add(d)
	if _, err := o.stage.Settle(context.Background(), o.now); err != nil {
		o.t.Fatal(err)
	}
}

// daily delivers a letter a day.
func (o *office) daily(l letter, days int) {
	o.t.Helper()
	for range days {
		o.take(l, mail.Deliver)
		o.pass(24 * time.Hour)
	}
}

func ids(items map[string]evidence.Item) []string {
	var out []string
	for id := range items {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

func TestUsualMailIsKnown(t *testing.T) {
	o := newOffice(t)
	o.daily(usualLetter(), 40)
	got := o.look(usualLetter())
	if d := cmp.Diff([]string{IDKnown}, ids(got)); d != "" {
		t.Fatal(d)
	}
	if w := got[IDKnown].Weight; w >= 0 || w < maxAgainst {
		t.Errorf("weight %v, want between %v and 0", w, maxAgainst)
	}
	want := "anna@partner.example.com has written 40 times in 40 days from 198.51.100.0/24 with Mozilla Thunderbird; this message looks like the others."
	if d := cmp.Diff(want, got[IDKnown].Claim); d != "" {
		t.Error(d)
	}
}

func TestTakeover(t *testing.T) {
	o := newOffice(t)
	o.daily(usualLetter(), 40)
	l := usualLetter()
	l.ip, l.rdns, l.mailer, l.zone = "203.0.113.9", "vps.elsewhere.net", "Roundcube Webmail/1.6", "-0800"
	quiet := o.look(l)
	l.body = "Your password expires, sign-in to verify: https://login-portal.net"
	got := o.look(l)
	for _, id := range []string{IDTakeover, IDNewRelay, IDNewMailer, IDNewZone, IDNewLinkDomain} {
		if got[id].Weight <= 0 {
			t.Errorf("%s weighs %v", id, got[id].Weight)
		}
	}
	want := "anna@partner.example.com has written 40 times in 40 days from 198.51.100.0/24 with Mozilla Thunderbird; " +
		"this message comes with another network (203.0.113.0/24), another program (Roundcube Webmail) and another time zone (-0800) " +
		"and asks for a login or password and a link to a new place."
	if d := cmp.Diff(want, got[IDTakeover].Claim); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("In 40 messages over 40 days, mail of anna@partner.example.com was mostly written with Mozilla Thunderbird; this with Roundcube Webmail.", got[IDNewMailer].Claim); d != "" {
		t.Error(d)
	}
	var list []evidence.Item
	for _, it := range got {
		list = append(list, it)
	}
	for i := range list {
		list[i].History = false // the plain sum
	}
	if sum, _ := evidence.Sum(0, list); sum < 2 || float64(sum) > maxFor+1e-9 {
		t.Errorf("the items weigh %v together, want 2 to %v", sum, maxFor)
	}
	if it, ok := quiet[IDTakeover]; ok {
		t.Errorf("a journey without an ask is called a takeover: %+v", it)
	}
}

func TestOneNewDeviceIsNoAlarm(t *testing.T) {
	o := newOffice(t)
	o.daily(usualLetter(), 40)
	l := usualLetter()
	l.mailer = "iPhone Mail (21F90)"
	total := evidence.Weight(0)
	for _, it := range o.look(l) {
		total += it.Weight
	}
	if total > 0.5 {
		t.Errorf("a new telephone weighs %v", total)
	}
}

func TestDelayAndReport(t *testing.T) {
	o := newOffice(t)
	o.take(usualLetter(), mail.Deliver)
	reported := o.take(usualLetter(), mail.Deliver)
	if n, err := o.stage.Settle(t.Context(), o.now.Add(DefaultDelay-time.Second)); n != 0 || err != nil {
		t.Fatalf("%d lessons before the delay is over, %v", n, err)
	}
	f := &mail.Facts{Auth: mail.Auth{AuthorProven: true}}
	if ok, err := o.stage.Reported(t.Context(), reported, f); !ok || err != nil {
		t.Fatalf("taking a lesson back: %v, %v", ok, err)
	}
	o.pass(DefaultDelay)
	r := o.record(usualLetter().from)
	if r.in != 1 || r.flags&flagMalicious == 0 {
		t.Errorf("after a report %d messages are learned, flags %b; want 1, malicious", r.in, r.flags)
	}
}

// record is what is kept of an address.
func (o *office) record(addr string) record {
	o.t.Helper()
	key := o.stage.Secret.key('a', addr)
	stored, err := o.db.LoadProfiles(context.Background(), []string{key})
	if err != nil {
		o.t.Fatal(err)
	}
	r, err := decodeRecord(stored[key])
	if err != nil {
		o.t.Fatal(err)
	}
	return r
}

func TestHeldMailTeachesNothing(t *testing.T) {
	for _, d := range []mail.Disposition{mail.Hold, mail.Reject, mail.Defer} {
		o := newOffice(t)
		o.daily(usualLetter(), 3)
		o.take(usualLetter(), d)
		o.pass(48 * time.Hour)
		r := o.record(usualLetter().from)
		if r.in != 3 {
			t.Errorf("%s: %d messages are learned, want 3", d, r.in)
		}
		if marked := r.flags&flagMalicious != 0; marked != (d != mail.Defer) {
			t.Errorf("%s: marked malicious %v", d, marked)
		}
	}
	// A forged message must not mark the one it names.
	o := newOffice(t)
	l := usualLetter()
	l.proven = false
	o.take(l, mail.Hold)
	if r := o.record(l.from); r.flags != 0 {
		t.Errorf("a forged message marks its victim: %b", r.flags)
	}
}

func TestSolicitedAndThread(t *testing.T) {
	o := newOffice(t)
	o.daily(usualLetter(), 20)
	ours := usualLetter()
	ours.from, ours.to, ours.outbound, ours.id = "ben@example.org", usualLetter().from, true, "our-1@example.org"
	ours.body = "Could you send us the minutes of the last meeting?\r\nWe would also like to know the date of the next one."
	o.take(ours, mail.Deliver)
	o.now = o.now.Add(time.Minute) // counts at once
	l := usualLetter()
	l.inReplyTo = "our-1@example.org"
	got := o.look(l)
	for _, id := range []string{IDSolicited, IDThreadContinues} {
		if got[id].Weight >= 0 {
			t.Errorf("%s weighs %v", id, got[id].Weight)
		}
	}
	// A stranger in the same conversation.
	l.from, l.name, l.body = "office@stranger.net", "Somebody Else", "Please open https://files.stranger-things.net"
	got = o.look(l)
	if it := got[IDBrokenThread]; it.Weight <= 0 || !strings.Contains(it.Claim, "office@stranger.net was no part of that conversation") {
		t.Errorf("a stranger in a conversation: %v, %+v", ids(got), it)
	}
	// A colleague of the correspondent is none.
	l.from = "carl@partner.example.com"
	if got = o.look(l); got[IDBrokenThread].ID != "" {
		t.Errorf("a colleague breaks the thread: %+v", got[IDBrokenThread])
	}
	// A stranger who quotes without naming the message.
	l.from, l.inReplyTo = "office@stranger.net", ""
	l.body = "Please open https://files.stranger-things.net\r\n\r\nOn Monday, Ben wrote:\r\n> " + strings.ReplaceAll(ours.body, "\r\n", "\r\n> ")
	if got = o.look(l); got[IDBrokenThread].ID == "" {
		t.Errorf("a quoted conversation is not recognised: %v", ids(got))
	}
}

func TestAutomaticAnswersSolicitNothing(t *testing.T) {
	o := newOffice(t)
	ours := usualLetter()
	ours.from, ours.to, ours.outbound = "ben@example.org", "someone@stranger.net", true
	m, f := o.message(ours)
	m.Headers.Hops[0].Fields = append(m.Headers.Hops[0].Fields, mail.HopField{Name: "Auto-Submitted", Value: "auto-replied"})
	if err := o.stage.Learn(t.Context(), m, f, mail.Verdict{Disposition: mail.Deliver}); err != nil {
		t.Fatal(err)
	}
	if r := o.record("someone@stranger.net"); r.out != 0 {
		t.Errorf("an automatic answer counts as mail of ours")
	}
}

func TestLookalike(t *testing.T) {
	o := newOffice(t)
	l := usualLetter()
	l.from = "anna@northbridge-tools.com"
	o.daily(l, 20)
	for _, domain := range []string{"northbridge-toois.com", "northbridge-tools.co", "northbrigde-tools.com"} {
		x := usualLetter()
		x.from = "anna@" + domain
		got := o.look(x)
		if got[IDLookalike].Weight != weightLookalikeTwo || !strings.Contains(got[IDLookalike].Claim, "looks like northbridge-tools.com") {
			t.Errorf("%s: %v, %+v", domain, ids(got), got[IDLookalike])
		}
	}
	x := usualLetter()
	x.from, x.name = "info@entirely-different.com", "Somebody Else"
	if got := o.look(x); len(got) != 1 || got[IDFirstContact].ID == "" {
		t.Errorf("an honest newcomer: %v", ids(got))
	}
}

func TestCollectiveAddressHasNoManner(t *testing.T) {
	o := newOffice(t)
	for i := range 30 {
		l := usualLetter()
		l.name, l.mailer = fmt.Sprintf("Member %c via list", 'A'+i), fmt.Sprintf("Program%c", 'A'+i%7)
		o.take(l, mail.Deliver)
		o.pass(24 * time.Hour)
	}
	l := usualLetter()
	l.name, l.mailer, l.ip, l.rdns = "New Member via list", "Another", "203.0.113.9", "x.elsewhere.net"
	l.body = "See https://new-place.net"
	if got := o.look(l); len(got) != 0 {
		t.Errorf("a list's address is judged: %v", ids(got))
	}
}

func TestProfileAnswers(t *testing.T) {
	o := newOffice(t)
	ask := func(fn string, l letter) *shape.Sender {
		t.Helper()
		m, _ := o.message(l)
		v, err := o.stage.Answers()[fn](t.Context(), m, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v == nil {
			return nil
		}
		return v.(*shape.Sender)
	}
	if got := ask("profile.by_sender", usualLetter()); got.Prevalence != "unknown" {
		t.Errorf("a new gate says %q, want unknown", got.Prevalence)
	}
	for _, step := range []struct {
		days int
		want string
	}{{1, "outlier"}, {1, "rare"}, {2, "uncommon"}, {6, "common"}} {
		o.daily(usualLetter(), step.days)
		if got := ask("profile.by_sender_email", usualLetter()); got.Prevalence != step.want {
			t.Errorf("after %d more days: %q, want %q", step.days, got.Prevalence, step.want)
		}
	}
	o.pass(10 * 24 * time.Hour)
	l := usualLetter()
	l.from = "other@partner.example.com"
	if got := ask("profile.by_sender", l); got.Prevalence != "common" {
		t.Errorf("by domain: %q, want common", got.Prevalence)
	}
	if got := ask("profile.by_sender_email", l); got.Prevalence != "new" || *got.Solicited || got.DaysSince.FirstContact != nil {
		t.Errorf("by address: %+v", got)
	}
	got := ask("profile.by_sender_email", usualLetter())
	if *got.DaysKnown != 20 || *got.DaysSince.LastInbound != 11 || got.DaysSince.LastOutbound != nil || !*got.AnyMessagesBenign || *got.AnyMessagesMaliciousOrSpam {
		t.Errorf("days known %d, since the last %d, %+v", *got.DaysKnown, *got.DaysSince.LastInbound, got)
	}
	if ask("beta.profile.by_reply_to", usualLetter()) != nil {
		t.Error("a message without Reply-To has a profile of it")
	}
}

// failing is a database that is away.
type failing struct{ *InMemory }

func (failing) LoadProfiles(context.Context, []string) (map[string][]byte, error) {
	return nil, errors.New("the disk is gone")
}

func TestDatabaseAway(t *testing.T) {
	o := newOffice(t)
	o.stage.History = failing{o.db}
	m, f := o.message(usualLetter())
	err := o.stage.Analyze(t.Context(), m, f)
	if err == nil || err.Error() != "reading what is known of the sender: the disk is gone" {
		t.Errorf("error %v", err)
	}
	if _, err := o.stage.Answers()["profile.by_sender"](t.Context(), m, nil); err == nil {
		t.Error("a rule gets an answer from a database that is away")
	}
}

func TestSecretIsKept(t *testing.T) {
	db := &InMemory{}
	now := func() time.Time { return start }
	a, err := New(t.Context(), db, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(t.Context(), db, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	if a.Secret != b.Secret || a.Secret == (Secret{}) {
		t.Errorf("secrets %x and %x", a.Secret, b.Secret)
	}
}

func TestShapes(t *testing.T) {
	for _, tt := range []struct{ what, got, want string }{
		{"farm", shapeOfHost("mail-pl1-f174.google.com"), shapeOfHost("mail-ot1-f71.google.com")},
		{"host", shapeOfHost("mx2.example.com"), "#.example.com"},
		{"literal", shapeOfHost("[192.0.2.1]"), ""},
		{"Gmail", shapeOfMessageID("<CABfZwcfUtdirTnveh3KHC9wsWc2VTu15f_GHNuj5zrsi4i6Q@mail.gmail.com>"), "random@gmail.com"},
		{"UUID", shapeOfMessageID("<cd54e3a7-d676-46fe-8922-bb97d4e775cc@gmx.com>"), shapeOfMessageID("<ad54e3a7-d6a6-4dfe-89c2-bb97d4e7a5cc@gmx.com>")},
		{"Apple", shapeOfBoundary(`multipart/mixed; boundary="Apple-Mail=_4A0B-11"`), `"Apple-Mail=_x-x`},
		{"boundary", shapeOfBoundary("multipart/mixed; boundary=000000000000335214058f5b0528"), "x"},
		{"date", shapeOfDate("Fri, 13 Nov 2026 04:45:46 +0900"), shapeOfDate("Mon, 02 Nov 2026 14:45:46 -0500")},
		{"date with comment", shapeOfDate("Fri, 13 Nov 2026 04:45:46 +0000 (UTC)"), "w,dmyt8+("},
		{"language", language("Die Sitzung ist nicht am Montag und wir haben das Protokoll mit der Post geschickt."), "german"},
		{"script", language("Заседание состоится в понедельник, протокол будет отправлен позже сегодня."), "cyrillic"},
		{"too short", language("ok"), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.what, tt.got, tt.want)
		}
	}
}

func FuzzCollect(f *testing.F) {
	f.Add([]byte("From: a@b.example\r\nDate: x\r\nMessage-ID: <@>\r\nContent-Type: multipart/mixed; boundary=\r\n\r\n--\r\n"))
	f.Add([]byte("From: \"x\" <a@[192.0.2.1]>\r\nReceived: from x ([::1]) by y; z\r\nIn-Reply-To: <>\r\n\r\n> q\r\n"))
	o := newOffice(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := mail.Parse(mail.Envelope{ReceivedAt: start, Recipients: []string{"ben@example.org"}}, raw)
		m.Meta.ID = "x"
		if n := len(o.stage.servers(m)); n > 2*maxTrace {
			t.Errorf("%d servers of a trace, want at most %d", n, 2*maxTrace)
		}
		facts := &mail.Facts{}
		if err := o.stage.Analyze(context.Background(), m, facts); err != nil {
			t.Fatal(err)
		}
		if err := o.stage.Learn(context.Background(), m, facts, mail.Verdict{Disposition: mail.Deliver}); err != nil {
			t.Fatal(err)
		}
	})
}

// BenchmarkAnalyze looks at a message of a sender with a long history.
func BenchmarkAnalyze(b *testing.B) {
	o := newOffice(b)
	o.daily(usualLetter(), 60)
	m, f := o.message(usualLetter())
	b.ReportAllocs()
	for b.Loop() {
		f.Evidence = f.Evidence[:0]
		if err := o.stage.Analyze(context.Background(), m, f); err != nil {
			b.Fatal(err)
		}
	}
}
