// Package smtpd is the SMTP and LMTP front end: a proxy that stands before the
// mail server's queue and answers the sending client itself.
//
// A client's MAIL and RCPT commands are passed to the next hop as they come, so
// that its refusals (unknown user, no relaying) reach the client in their own
// words. The message is then read whole, judged by the Gate, and only handed on
// once the verdict is known. The client gets 250 when, and only when, every
// recipient's copy is safe: accepted by the next hop or held durably. In every
// other case the client still owns the message (RFC 5321 section 6.1).
//
// SMTP has one answer for all recipients of a message, so the answer is decided
// in this order:
//
//  1. a recipient whose copy could not be placed now: 4xx. The client tries
//     again; copies already delivered are remembered for a while and not
//     delivered twice, and holding is idempotent.
//  2. a recipient whose copy the next hop refused for good: its 5xx.
//  3. every recipient refused by the verdict: 550 5.7.1.
//  4. some refused by the verdict, others not: the refused copies are held by
//     the Gate (Holder) and the answer is 250. A Gate that can't hold refuses
//     the message for everybody, before any copy is delivered.
//  5. otherwise 250 with the gate's own name for the message. Delivered and held
//     get the same words, so that a sender can't probe the quarantine.
//
// LMTP (RFC 2033) answers for each recipient, so there each gets its own.
//
// A line ends with CRLF and nothing else (RFC 5321 section 2.3.8): a bare CR or
// LF in a command ends the session, one in a message refuses the message, which
// closes the door on SMTP smuggling in both directions. NUL octets are passed on
// as they are, but for a line that would be a lone dot without them, which is
// refused for the same reason.
package smtpd

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"

	"foregate/evidence"
	"foregate/mail"
	"foregate/smtpd/internal/smtp"
)

// Gate judges one message and carries out what must be durable before the
// client gets its answer: when Receive returns nil, the copies of held
// recipients are safe. It must be idempotent for a client that tries again. An
// error means that no verdict could be reached, or not be carried out: the
// client gets 451 and keeps the message. raw is the message as received, with
// CRLF line ends; it is the Gate's to read, not to change, and must not be kept
// after Receive returns. Receive is called from many goroutines at once.
type Gate interface {
	Receive(ctx context.Context, env mail.Envelope, raw []byte) (mail.Outcome, error)
}

// Holder is a Gate that can also hold copies it had rather refused, for
// recipients who share one SMTP answer with others. env names these recipients
// only. A nil error means that their copies are durable; Hold is idempotent.
type Holder interface {
	Hold(ctx context.Context, env mail.Envelope, raw []byte, out mail.Outcome) error
}

// Listen is one address to serve.
type Listen struct {
	Addr string // "host:port" or "unix:/path"
	LMTP bool   // speak LMTP: LHLO, and one answer for each recipient
	// Proxy expects a PROXY protocol header (version 1 or 2) from trusted
	// peers; the address it names is then the client, and no longer trusted
	// unless it is listed itself.
	Proxy bool
}

// NextHop is the server that good mail is handed to.
type NextHop struct {
	Addr string // "host:port" or "unix:/path", either after "smtp:" (the default) or "lmtp:"
	// TLS is used for STARTTLS, not below version 1.2; nil never asks for it. It
	// holds the roots, a name to expect other than Addr's and a certificate of
	// our own. Without Require the next hop's certificate is not looked at, and
	// mail goes on in the clear where TLS is not offered or fails; with it such a
	// next hop counts as away.
	TLS     *tls.Config
	Require bool
}

func (n NextHop) target() (smtp.Target, error) {
	t, err := smtp.ParseTarget(n.Addr)
	t.TLS, t.Require = n.TLS, n.Require
	return t, err
}

func (c *Config) share(octets int64) int64 {
	if c.Share == nil {
		return octets
	}
	return c.Share(octets)
}

// Config is what an operator sets. Start from Defaults: a zero bound or timeout
// is taken for a mistake and refused by Run.
type Config struct {
	Listen   []Listen
	Hostname string // our name in greetings
	// NextHop is where mail goes on to. Without an address the Gate is the
	// destination, and its nil error means that every copy is safe.
	NextHop NextHop
	// Trusted peers may say who the client is by XCLIENT, XFORWARD and PROXY,
	// and are not counted against MaxConnsPerIP. A unix socket's peer is
	// trusted.
	Trusted []netip.Prefix
	// TLS offers STARTTLS when set; versions before 1.2 are never spoken. Use
	// CertFile as GetCertificate to follow a renewed certificate.
	TLS *tls.Config
	// Normalize turns bare CR and LF in messages into CRLF in place of refusing
	// the message. Delivered bytes then differ from those received.
	Normalize bool

	MaxSize       int64 // message size in octets, else 552
	MaxRecipients int   // per message, else 452
	MaxLine       int   // one line of a message in octets, else 554
	MaxErrors     int   // refused commands per session, else 421
	MaxIdle       int   // commands without a message, else 421
	// MaxConns is how many sessions there may be at once, else 421. Each may
	// hold a connection to the next hop, which should allow as many.
	MaxConns      int
	MaxConnsPerIP int // sessions at once per IPv4 address or IPv6 /64, else 421
	// MaxInFlight is the memory in octets that messages may take at once while
	// they are judged and handed on. Before that a message takes 256 KiB at most
	// and lies in a file; it waits InFlightWait for its share, else 452.
	MaxInFlight  int64
	InFlightWait time.Duration
	// Share is the memory that a message of some octets takes, itself included;
	// nil is the message alone.
	Share    func(octets int64) int64
	SpoolDir string // where these files are; "" is the system's
	MaxSpool int64  // octets of them, else 452

	GreetPause     time.Duration // wait before the greeting; a stranger that talks first is refused
	CommandTimeout time.Duration // for one whole command line (RFC 5321 section 4.5.3.2.7)
	DataTimeout    time.Duration // for one read of message data (section 4.5.3.2.5)
	DataTotal      time.Duration // for one whole message: against a trickle
	GateTimeout    time.Duration // for Gate.Receive
	HopTimeout     time.Duration // for each answer of the next hop
	HopDataTimeout time.Duration // for its answer to the end of data (section 4.5.3.2.6)
	StopTimeout    time.Duration // for messages in flight when Run is told to stop
}

// Defaults are the bounds for a gate in front of one organisation. Sizes follow
// the gate's design, times RFC 5321 section 4.5.3.2.
func Defaults() Config {
	return Config{
		Hostname:       "localhost",
		MaxSize:        50 << 20,
		MaxRecipients:  1000,    // ten times what RFC 5321 section 4.5.3.1.8 asks for
		MaxLine:        1 << 20, // RFC 5322 says 998; real newsletters send HTML in one line
		MaxErrors:      20,
		MaxIdle:        100,
		MaxConns:       1000,
		MaxConnsPerIP:  50,
		MaxInFlight:    256 << 20,
		InFlightWait:   30 * time.Second, // with GateTimeout and HopDataTimeout below docs/manual/postfix.md
		MaxSpool:       4 << 30,
		GreetPause:     20 * time.Millisecond, // enough to catch who sends all at once
		CommandTimeout: 5 * time.Minute,
		DataTimeout:    3 * time.Minute,
		DataTotal:      30 * time.Minute, // MaxSize at 30 kB/s
		GateTimeout:    time.Minute,
		HopTimeout:     2 * time.Minute, // some look recipients up elsewhere
		HopDataTimeout: 5 * time.Minute, // with GateTimeout below the 10 minutes that a client waits
		StopTimeout:    30 * time.Second,
	}
}

// Server serves Config.Listen. Set the exported fields, then call Run or Serve.
type Server struct {
	Config Config
	Gate   Gate
	Log    *slog.Logger      // one line per message; nil is silent
	Now    func() time.Time  // nil is time.Now
	OnDone func(Transaction) // called once per message after its answer; nil for none
	state
}

// MaxLogReasons bounds the reasons in the log line of a message.
const MaxLogReasons = 5

// Transaction is what became of one message.
type Transaction struct {
	ID          string // of the Gate's outcome; "" when it was not asked
	Client      netip.Addr
	Helo        string
	From        string
	Recipients  int
	Size        int
	Disposition mail.Disposition // "" when the Gate was not asked or failed
	LogOdds     evidence.Weight  // of the verdict
	Reasons     []string         // IDs of the items that spoke for an attack, strongest first, at most MaxLogReasons
	Code        int              // the severest SMTP code answered
	Answer      string           // its text
	NextHop     string           // the next hop's last answer to the data, in its own words
	Judge       time.Duration    // spent in the Gate
	Total       time.Duration    // from the end of DATA's answer 354 to the message's answer
}

// Stats counts since the server started.
type Stats struct {
	Sessions, Open, Turned   int64 // connections accepted, open now, turned away at a limit
	Accepted, Refused, Later int64 // messages answered 2xx, 5xx, 4xx
	Octets                   int64 // of messages answered 2xx
	InFlight                 int64 // octets of memory set aside for messages now
	Spooled                  int64 // octets of arriving messages in files now
}
