// Package sender remembers how correspondents write and says when a message
// does not look like its sender.
//
// Of every sender address, sender domain and pair of correspondents a small
// record is kept: since when and how often they write, whether we wrote to them,
// and how their mail looks: the network it comes from, who signs it, the program
// that writes it, its time zone, where its links lead, what it usually asks for
// (content-agnostic traits after Gascon, Ullrich, Stritter and Rieck, "Reading
// Between the Lines", 2018). Nothing of what people say to each other is kept:
// values are 24-bit keyed hashes with decaying counts.
//
// A message is judged by how much likelier its pattern of changes is if somebody
// else wrote it. What a message teaches counts only after a delay, so that a
// report can take it back; held, refused and reported mail teaches nothing; and
// a day can teach no more than a cap, so that nobody becomes usual overnight.
package sender

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"foregate/mail"
)

// The evidence that the stage adds.
const (
	IDNewRelay        = "sender.new-relay"        // comes from a network it never came from
	IDNewDKIM         = "sender.new-dkim"         // signed by somebody else than usual, or by nobody
	IDNewMailer       = "sender.new-mailer"       // written with another program
	IDHeaderOrder     = "sender.header-order"     // header fields in an unusual order
	IDNewZone         = "sender.new-zone"         // another time zone
	IDNewLinkDomain   = "sender.new-link-domain"  // links or answers lead where they never led
	IDFirstContact    = "sender.first-contact"    // never wrote before
	IDKnown           = "sender.known"            // looks as the sender's mail always looks
	IDSolicited       = "sender.solicited"        // we wrote to the sender before
	IDThreadContinues = "sender.thread-continues" // answers a message of ours to this sender
	IDBrokenThread    = "sender.broken-thread"    // answers a conversation that the sender had no part in
	IDTakeover        = "sender.takeover"         // comes from elsewhere and wants something
	IDLookalike       = "sender.lookalike"        // a new domain that looks like a correspondent's
	IDKnownName       = "sender.known-name"       // a correspondent's name on a new address
)

// History keeps records by key. Implementations are safe for concurrent use,
// by several gates as well.
type History interface {
	// LoadProfiles returns the records there are of the keys.
	LoadProfiles(ctx context.Context, keys []string) (map[string][]byte, error)
	// ChangeProfiles replaces records in one step: change gets those there are
	// of the keys and returns those to keep, which last changed at the time.
	// Nothing changes when it or change fails.
	ChangeProfiles(ctx context.Context, at time.Time, keys []string, change func(old map[string][]byte) (map[string][]byte, error)) error
}

// Journal keeps lessons until they are due. Implementations are safe for
// concurrent use, by several gates as well.
type Journal interface {
	// QueueLesson keeps a lesson under the ID of its message; a second one of
	// the same ID changes nothing.
	QueueLesson(ctx context.Context, id string, due time.Time, lesson []byte) error
	// DropLesson removes a lesson and reports whether it was there.
	DropLesson(ctx context.Context, id string) (bool, error)
	// SettleLessons takes up to limit lessons due by now, oldest first, hands
	// them with the records of their keys to change, and keeps what that
	// returns, all in one step. It returns how many lessons it took.
	SettleLessons(ctx context.Context, now time.Time, limit int, keys func(lesson []byte) []string,
		change func(lessons [][]byte, old map[string][]byte) (map[string][]byte, error)) (int, error)
}

// DefaultDelay is how long a delivered message waits before it teaches: people
// report phishing within hours.
const DefaultDelay = 24 * time.Hour

// Warmup is how long a new gate watches before an unknown sender means
// anything.
const Warmup = 14 * 24 * time.Hour

// Stage implements scan.Stage. Make it with New.
type Stage struct {
	History History // nil: nothing is known and nothing is learned
	Journal Journal
	Secret  Secret
	Delay   time.Duration
	// ASN names the autonomous system of an address, 0 when unknown; nil
	// without a database.
	ASN func(netip.Addr) (number uint32, organisation string)
	// OwnDomains are the organisation's, lower case.
	OwnDomains []string
	Now        func() time.Time // for messages without a time of their own

	law     *[numKinds]traitLaw
	words   map[string]string
	shared  map[string]bool
	mailers map[uint32]string
}

// Memory is what a database offers to the stage.
type Memory interface {
	History
	Journal
}

// New makes the stage over a database. On the first start it makes up the
// secret that keys the hashes and keeps it there.
func New(ctx context.Context, db Memory, own []string, now func() time.Time) (*Stage, error) {
	s := &Stage{History: db, Journal: db, Delay: DefaultDelay, OwnDomains: own, Now: now}
	const at = "secret"
	err := db.ChangeProfiles(ctx, now(), []string{at}, func(old map[string][]byte) (map[string][]byte, error) {
		if copy(s.Secret[:], old[at]) == len(s.Secret) {
			return nil, nil
		}
		if _, err := rand.Read(s.Secret[:]); err != nil {
			return nil, err
		}
		return map[string][]byte{at: s.Secret[:]}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the memory of senders: %w", err)
	}
	s.prepare()
	return s, nil
}

// prepare makes the tables.
func (s *Stage) prepare() {
	law := laws()
	s.law, s.words = &law, askWords()
	s.shared, s.mailers = map[string]bool{}, map[uint32]string{}
	for _, d := range strings.Fields(sharedDomains) {
		s.shared[d] = true
	}
	for _, name := range mailers() {
		s.mailers[s.Secret.hash24(kindMailer, name)] = name
	}
}

// Name implements scan.Stage.
func (*Stage) Name() string { return "sender" }

// sharedDomains are providers under whose domains strangers write.
const sharedDomains = `gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com rocketmail.com
aol.com icloud.com me.com mac.com protonmail.com proton.me pm.me gmx.de gmx.net gmx.com gmx.at gmx.ch web.de t-online.de freenet.de
mail.com mail.ru yandex.ru yandex.com inbox.ru bk.ru list.ru rambler.ru qq.com 163.com 126.com sina.com foxmail.com naver.com daum.net hanmail.net
zoho.com fastmail.com fastmail.fm tutanota.com tuta.io tuta.com hushmail.com posteo.de mailbox.org orange.fr wanadoo.fr free.fr laposte.net sfr.fr
libero.it virgilio.it tiscali.it alice.it wp.pl o2.pl onet.pl interia.pl seznam.cz email.cz centrum.cz bigpond.com comcast.net verizon.net att.net
sbcglobal.net cox.net charter.net bellsouth.net earthlink.net btinternet.com sky.com virginmedia.com talktalk.net rediffmail.com uol.com.br bol.com.br
terra.com.br yahoo.co.jp yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es hotmail.co.uk hotmail.fr hotmail.de outlook.de outlook.fr live.co.uk live.fr ziggo.nl
kpnmail.nl planet.nl telenet.be skynet.be bluewin.ch abv.bg ukr.net i.ua mynet.com`

func (s *Stage) isShared(root string) bool { return s.shared[root] }

func (s *Stage) isOwn(host string) bool {
	host = strings.ToLower(host)
	return slices.ContainsFunc(s.OwnDomains, func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) })
}

// at is the time of a message: when it was received, or now.
func (s *Stage) at(m *mail.Message) time.Time {
	if !m.Envelope.ReceivedAt.IsZero() {
		return m.Envelope.ReceivedAt
	}
	return s.Now()
}

// dayOf counts days from 1970-01-01 UTC.
func dayOf(t time.Time) int32 { return int32(t.Unix() / 86400) }

// identity is a sender as the records know it.
type identity struct {
	mailbox string // the address, lower case
	root    string // registrable domain
	shared  bool
	address string // keys
	domain  string // "" without one
	pairs   []string
	hash    uint32 // of the address
}

func (s *Stage) identify(m *mail.Message) identity {
	who := s.identifyAddress(m.Sender.Email)
	for _, r := range recipients(m) {
		who.pairs = append(who.pairs, s.Secret.key('p', who.mailbox, r))
	}
	return who
}

func (s *Stage) identifyAddress(a mail.EmailAddress) identity {
	who := identity{mailbox: strings.ToLower(a.Email), root: rootOf(a.Domain.Domain)}
	who.shared = s.isShared(who.root)
	who.address = s.Secret.key('a', who.mailbox)
	who.hash = s.Secret.hash24(kindRecipient, who.mailbox)
	if who.root != "" {
		who.domain = s.Secret.key('d', who.root)
	}
	return who
}

// worldKey is the record of all mail together.
func (s *Stage) worldKey() string { return s.Secret.key('w', "all") }
