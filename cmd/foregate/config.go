package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"foregate/mail"
)

// config is the whole configuration. The doc tags are the configuration
// reference (docs/manual/configuration.md is generated from them).
type config struct {
	Database     string           `yaml:"database" doc:"Where messages and the quarantine are kept: the path of a SQLite file."`
	Organisation orgConfig        `yaml:"organisation" doc:"Who we are: what impostors will claim to be."`
	SMTP         smtpConfig       `yaml:"smtp" doc:"The SMTP front end, in front of a mail server."`
	HTTP         httpConfig       `yaml:"http" doc:"Health and metrics."`
	Auth         authConfig       `yaml:"auth" doc:"SPF, DKIM, DMARC and ARC."`
	DNS          dnsConfig        `yaml:"dns" doc:"How the Domain Name System is asked."`
	Sender       senderConfig     `yaml:"sender" doc:"The memory of how correspondents write."`
	Policy       policyConfig     `yaml:"policy" doc:"From odds to what is done."`
	Files        filesConfig      `yaml:"files" doc:"Looking into attachments."`
	Rules        rulesConfig      `yaml:"rules" doc:"Detection rules."`
	Quarantine   quarantineConfig `yaml:"quarantine" doc:"Held mail."`
	History      historyConfig    `yaml:"history" doc:"Judged mail that was not held, for 'hunt --since' and 'rules backtest --since'."`
	Intel        intelConfig      `yaml:"intel" doc:"What 'foregate intel' has taken in, looked for in mail."`
	Text         textConfig       `yaml:"text" doc:"What messages ask for."`
	Log          logConfig        `yaml:"log" doc:"The log, on standard error."`
}

type orgConfig struct {
	Domains      []string    `yaml:"domains" doc:"Our own mail domains; subdomains belong to them. They tell inbound from outbound, and look-alikes of them are evidence."`
	DisplayNames []string    `yaml:"display_names" doc:"How the organisation is called in display names, such as \"Foreign Office\"."`
	VIPs         []vipConfig `yaml:"vips" doc:"People whom impostors will claim to be."`
	Partners     []string    `yaml:"partners" doc:"Domains of close correspondents; look-alikes of them are evidence."`
}

type vipConfig struct {
	DisplayName string   `yaml:"display_name" doc:"The name as it stands in mail."`
	Emails      []string `yaml:"emails" doc:"The addresses that the person really writes from."`
}

type smtpConfig struct {
	Listen         []string      `yaml:"listen" doc:"Addresses to accept mail on, host:port or unix:/path."`
	Protocol       string        `yaml:"protocol" doc:"smtp or lmtp, towards the client."`
	Hostname       string        `yaml:"hostname" doc:"Our name in greetings and in Authentication-Results. Empty means the machine's."`
	NextHop        string        `yaml:"next_hop" doc:"Where good mail goes: host:port or unix:/path; with lmtp: before it, by LMTP."`
	NextHopTLS     hopTLSConfig  `yaml:"next_hop_tls" doc:"TLS on the way to the next hop (STARTTLS, version 1.2 or later)."`
	Trusted        []string      `yaml:"trusted" doc:"Networks whose XCLIENT and XFORWARD commands are believed (the mail server in front)."`
	MaxSize        int64         `yaml:"max_size" doc:"Largest message in bytes; larger ones are refused with 552."`
	MaxRecipients  int           `yaml:"max_recipients" doc:"Most recipients of one message."`
	MaxConnections int           `yaml:"max_connections" doc:"Most clients at once."`
	MemoryBudget   int64         `yaml:"memory_budget" doc:"Bytes of memory that messages may take at once while they are judged and handed on: about 5 for each byte of a large message, 40 of a small one. Further messages wait for it, 30 seconds at most, then get 452. The process is kept near this and 256 MiB unless GOMEMLIMIT says otherwise; children that open attachments come on top (files.workers)."`
	SpoolBudget    int64         `yaml:"spool_budget" doc:"Bytes of disk, beside the database, for messages of more than 256 KiB while they arrive; beyond it they get 452."`
	Normalize      bool          `yaml:"normalize_newlines" doc:"Turn a bare CR or LF in a message into CRLF in place of refusing the message (RFC 5321 section 2.3.8). Delivered bytes then differ from those received."`
	ProxyProtocol  bool          `yaml:"proxy_protocol" doc:"Trusted peers begin with a PROXY protocol header (version 1 or 2) that names the client."`
	TLSCert        string        `yaml:"tls_cert" doc:"Certificate file (PEM) for STARTTLS; empty for none."`
	TLSKey         string        `yaml:"tls_key" doc:"Key file (PEM) for STARTTLS."`
	StopTimeout    time.Duration `yaml:"stop_timeout" doc:"How long a stop waits for mail in flight."`
}

type hopTLSConfig struct {
	Mode       string `yaml:"mode" doc:"none; opportunistic uses TLS where the next hop offers it, looks at no certificate and goes on in the clear where TLS fails; require leaves mail with its client (451) unless TLS begins with a valid certificate."`
	CAFile     string `yaml:"ca_file" doc:"File (PEM) of the authorities that may vouch for the next hop, or its own certificate; empty means the system's."`
	ServerName string `yaml:"server_name" doc:"Name that the next hop's certificate must hold. Empty means the host of next_hop."`
	Cert       string `yaml:"cert" doc:"Certificate file (PEM) to show to a next hop that asks; empty for none."`
	Key        string `yaml:"key" doc:"Its key file (PEM)."`
}

func (c hopTLSConfig) check(nextHop string) error {
	switch {
	case !slices.Contains([]string{"none", "opportunistic", "require"}, c.Mode):
		return fmt.Errorf("smtp.next_hop_tls.mode is %q: use none, opportunistic or require", c.Mode)
	case (c.Cert == "") != (c.Key == ""):
		return errors.New("smtp.next_hop_tls.cert and smtp.next_hop_tls.key go together")
	case c.Mode != "require" && c.CAFile != "":
		return fmt.Errorf("smtp.next_hop_tls.ca_file is set, but mode %s looks at no certificate: use require", c.Mode)
	case c.Mode == "require" && c.ServerName == "" && strings.Contains(nextHop, "unix:"):
		return errors.New("smtp.next_hop_tls.server_name is empty: a unix socket has no name that a certificate could hold")
	}
	return nil
}

type httpConfig struct {
	Listen string `yaml:"listen" doc:"Address of /healthz, /readyz and /metrics; loopback unless you know why. Empty switches it off."`
}

type authConfig struct {
	TrustedSealers   []string `yaml:"trusted_sealers" doc:"Domains whose ARC seals are believed (forwarders you use)."`
	TrustedAuthservs []string `yaml:"trusted_authservs" doc:"Servers whose Authentication-Results in a file are believed by 'scan'."`
}

type dnsConfig struct {
	Servers []string `yaml:"servers" doc:"Resolvers, host:port. Empty means those of /etc/resolv.conf."`
	TrustAD bool     `yaml:"trust_ad" doc:"The resolvers validate DNSSEC and the way to them is safe."`
	Offline bool     `yaml:"offline" doc:"Never ask; what needs the DNS is unknown."`
}

type senderConfig struct {
	Enabled     bool          `yaml:"enabled" doc:"Remember correspondents, judge mail by how its sender usually writes, and answer profile functions of rules."`
	Delay       time.Duration `yaml:"delay" doc:"How long delivered mail waits before it counts as usual; a report in that time takes it back."`
	ASNDatabase string        `yaml:"asn_database" doc:"A file in the MaxMind DB format that names the autonomous system of an address; empty for none."`
}

type policyConfig struct {
	Weights  string            `yaml:"weights" doc:"Weight table written by 'foregate calibrate'; empty means the built-in one."`
	Prior    float64           `yaml:"prior" doc:"Log10 odds that a message is an attack before looking; -2 is 1 in 100."`
	Groups   []groupConfig     `yaml:"groups" doc:"Recipient groups, first match wins; the last should match everybody."`
	Allow    []allowConfig     `yaml:"allow" doc:"Senders to let through. An entry holds only when the sender authenticated."`
	Gaps     map[string]string `yaml:"gaps" doc:"What a stage that could not look means, by stage name: deliver, flag, hold or defer. The key \"default\" is for all others."`
	Findings map[string]string `yaml:"findings" doc:"What is done at least with a message that shows a finding, by its ID, whatever the odds and whoever is allowed: flag, hold or reject. IDs stand in the manual of evidence and in 'foregate scan --explain'."`
	Budgets  budgetConfig      `yaml:"budgets" doc:"How much may be wrongly held and how much is shown to analysts, whatever the odds."`
}

type budgetConfig struct {
	FalseHolds float64 `yaml:"false_holds" doc:"Messages of a million that may be held wrongly, as expected from their odds; over it, the weakest are flagged instead, but none from 100 to 1 on. 0 sets no budget."`
	Alerts     float64 `yaml:"alerts" doc:"Alerts a day by 1,000 mailboxes: the strongest of the mail that is not held. They are logged. 0 gives none."`
	Mailboxes  int     `yaml:"mailboxes" doc:"How many mailboxes there are, for alerts."`
}

type groupConfig struct {
	Name       string   `yaml:"name" doc:"Shown in explanations."`
	Recipients []string `yaml:"recipients" doc:"Addresses or @domain; empty matches everybody."`
	FlagAt     *float64 `yaml:"flag_at" doc:"Flag from these log10 odds on: 0 is even odds. Absent means never."`
	HoldAt     *float64 `yaml:"hold_at" doc:"Hold from these log10 odds on: 1 is 10 to 1. Absent means never."`
	RejectAt   *float64 `yaml:"reject_at" doc:"Refuse from these log10 odds on. Absent means never."`
	SubjectTag string   `yaml:"subject_tag" doc:"Put before the subject of flagged mail. This breaks DKIM signatures over the subject."`
}

type allowConfig struct {
	Sender string `yaml:"sender" doc:"An address, or @domain for a domain and its subdomains."`
	Reason string `yaml:"reason" doc:"Why; shown in explanations."`
}

type filesConfig struct {
	Sandbox string `yaml:"sandbox" doc:"auto opens files in confined child processes and warns where the kernel cannot confine, require leaves files unopened then, off opens them in this process."`
	Workers int    `yaml:"workers" doc:"Most child processes at once; 0 means one for each processor."`
}

type rulesConfig struct {
	Builtin bool     `yaml:"builtin" doc:"Use the rules and lists that come with Foregate. List files of the same name take the place of built-in ones."`
	Dirs    []string `yaml:"dirs" doc:"Folders with rule files."`
	Lists   string   `yaml:"lists" doc:"Folder with the list files that rules name with $."`
}

type quarantineConfig struct {
	Retention time.Duration `yaml:"retention" doc:"How long held mail is kept."`
}

type intelConfig struct {
	Match        bool        `yaml:"match" doc:"Look for known indicators in every message. They are those of the database."`
	Warninglists []string    `yaml:"warninglists" doc:"Files with MISP warninglists; patterns such as *.json may be used. What stands in them weighs little: many share it."`
	TAXII        taxiiConfig `yaml:"taxii" doc:"What 'foregate intel serve' offers to others."`
}

type historyConfig struct {
	Records    time.Duration `yaml:"records" doc:"How long the record of a judged message is kept: envelope, verdict, facts. Nothing is recorded with 0s."`
	Raw        time.Duration `yaml:"raw" doc:"How long the message itself is kept, compressed. Nothing is kept with 0s."`
	MaxBytes   int64         `yaml:"max_bytes" doc:"Most bytes that messages kept may take in the database; the oldest go first."`
	MaxMessage int64         `yaml:"max_message" doc:"Messages of more bytes are recorded without being kept."`
}

type textConfig struct {
	Model string `yaml:"model" doc:"Model of the text classifier written by 'foregate train'; empty means the built-in one."`
}

type logConfig struct {
	Level  string `yaml:"level" doc:"debug, info, warn or error."`
	Format string `yaml:"format" doc:"text or json."`
}

// defaults is the one literal of defaults.
func defaults() config {
	flag, hold := 0.0, 1.0
	return config{
		Database: "/var/lib/foregate/foregate.db",
		SMTP: smtpConfig{
			Listen:         []string{"127.0.0.1:10025"},
			Protocol:       "smtp",
			NextHop:        "127.0.0.1:10026",
			NextHopTLS:     hopTLSConfig{Mode: "opportunistic"},
			Trusted:        []string{"127.0.0.0/8", "::1/128"},
			MaxSize:        50 << 20,
			MaxRecipients:  1000,
			MaxConnections: 500,
			MemoryBudget:   512 << 20,
			SpoolBudget:    4 << 30,
			StopTimeout:    30 * time.Second,
		},
		HTTP:   httpConfig{Listen: "127.0.0.1:8025"},
		Sender: senderConfig{Enabled: true, Delay: 24 * time.Hour},
		Policy: policyConfig{
			Prior:    -2,
			Groups:   []groupConfig{{Name: "everyone", FlagAt: &flag, HoldAt: &hold}},
			Gaps:     map[string]string{"default": "deliver"},
			Findings: map[string]string{"file.embedded-program": "hold"},
		},
		Rules:      rulesConfig{Builtin: true},
		Files:      filesConfig{Sandbox: "auto"},
		Quarantine: quarantineConfig{Retention: 30 * 24 * time.Hour},
		History: historyConfig{
			Records:    180 * 24 * time.Hour,
			Raw:        30 * 24 * time.Hour,
			MaxBytes:   10 << 30,
			MaxMessage: 5 << 20,
		},
		Intel: intelConfig{TAXII: taxiiConfig{TLP: "amber"}},
		Log:   logConfig{Level: "info", Format: "text"},
	}
}

// maxConfigSize bounds the configuration file in bytes.
const maxConfigSize = 1 << 20

// loadConfig reads a file over the defaults and checks it. An empty path gives
// the defaults. db overrides the database when not empty.
func loadConfig(path, db string) (config, error) {
	c := defaults()
	if path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return c, fmt.Errorf("reading the configuration: %w", err)
		}
		if len(data) > maxConfigSize {
			return c, fmt.Errorf("reading the configuration: %s has %d bytes, at most %d are read", path, len(data), maxConfigSize)
		}
		if c, err = parseConfig(data); err != nil {
			return c, fmt.Errorf("%s: %w", path, err)
		}
	}
	if db != "" {
		c.Database = db
	}
	if c.SMTP.Hostname == "" {
		name, err := os.Hostname()
		if err != nil || name == "" {
			name = "localhost"
		}
		c.SMTP.Hostname = name
	}
	return c, c.check()
}

// parseConfig decodes YAML strictly: an unknown key is an error that names the
// nearest known one.
func parseConfig(data []byte) (config, error) {
	c := defaults()
	var tree any
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return c, errors.New(yaml.FormatError(err, false, true))
	}
	if tree == nil {
		return c, nil
	}
	if err := unknownKeys(tree, reflect.TypeFor[config](), ""); err != nil {
		return c, err
	}
	if err := yaml.UnmarshalWithOptions(data, &c, yaml.Strict()); err != nil {
		return c, errors.New(yaml.FormatError(err, false, true))
	}
	return c, nil
}

// unknownKeys walks the decoded YAML beside the type and reports the first key
// that the type does not have.
func unknownKeys(v any, t reflect.Type, at string) error {
	switch v := v.(type) {
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return nil
		}
		known := keysOf(t)
		for _, k := range sortedKeys(v) {
			ft, ok := known[k]
			if !ok {
				return fmt.Errorf("unknown key %q%s", at+k, suggest(k, sortedKeys(known)))
			}
			if err := unknownKeys(v[k], ft, at+k+"."); err != nil {
				return err
			}
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return nil
		}
		for i, e := range v {
			if err := unknownKeys(e, t.Elem(), fmt.Sprintf("%s[%d].", strings.TrimSuffix(at, "."), i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func keysOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for f := range t.Fields() {
		out[f.Tag.Get("yaml")] = f.Type
	}
	return out
}

// check says what is wrong and what to do about it; all complaints at once.
func (c config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Database == "" {
		bad("database is empty: give the path of a SQLite file")
	}
	if c.SMTP.Protocol != "smtp" && c.SMTP.Protocol != "lmtp" {
		bad("smtp.protocol is %q: use smtp or lmtp", c.SMTP.Protocol)
	}
	hop := strings.TrimPrefix(strings.TrimPrefix(c.SMTP.NextHop, "smtp:"), "lmtp:")
	for _, a := range append(slices.Clone(c.SMTP.Listen), hop) {
		if _, _, err := net.SplitHostPort(a); err != nil && !strings.HasPrefix(a, "unix:/") {
			bad("address %q is neither host:port nor unix:/path: %v", a, err)
		}
	}
	for _, n := range c.SMTP.Trusted {
		if _, err := netip.ParsePrefix(n); err != nil {
			bad("smtp.trusted: %q is not a network such as 192.0.2.0/24", n)
		}
	}
	if (c.SMTP.TLSCert == "") != (c.SMTP.TLSKey == "") {
		bad("smtp.tls_cert and smtp.tls_key go together")
	}
	if err := c.SMTP.NextHopTLS.check(c.SMTP.NextHop); err != nil {
		errs = append(errs, err)
	}
	if need := judgeShare(c.SMTP.MaxSize); c.SMTP.MaxSize < 1 || c.SMTP.MemoryBudget < need {
		bad("smtp.memory_budget (%d) must hold at least one message of smtp.max_size (%d): judging it takes %d", c.SMTP.MemoryBudget, c.SMTP.MaxSize, need)
	}
	if c.SMTP.SpoolBudget < c.SMTP.MaxSize {
		bad("smtp.spool_budget (%d) must hold at least one message of smtp.max_size (%d)", c.SMTP.SpoolBudget, c.SMTP.MaxSize)
	}
	if c.SMTP.MaxRecipients < 1 || c.SMTP.MaxConnections < 1 || c.SMTP.StopTimeout <= 0 {
		bad("smtp.max_recipients, smtp.max_connections and smtp.stop_timeout must be more than nothing")
	}
	if c.Sender.Delay < 0 {
		bad("sender.delay is negative: use 0 or more, such as 24h")
	}
	if !slices.Contains([]string{"auto", "off", "require"}, c.Files.Sandbox) {
		bad("files.sandbox is %q: use auto, off or require", c.Files.Sandbox)
	}
	if c.Files.Workers < 0 {
		bad("files.workers is %d: use 0 or more", c.Files.Workers)
	}
	c.Policy.check(bad)
	if c.Quarantine.Retention <= 0 {
		bad("quarantine.retention must be more than nothing, such as 720h")
	}
	if err := c.Intel.TAXII.check(); err != nil {
		errs = append(errs, err)
	}
	if err := c.History.check(); err != nil {
		errs = append(errs, err)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) || !slices.Contains([]string{"text", "json"}, c.Log.Format) {
		bad("log: level %q, format %q: use debug, info, warn or error and text or json", c.Log.Level, c.Log.Format)
	}
	return errors.Join(errs...)
}

// check tells bad what is wrong with the policy.
func (c policyConfig) check(bad func(format string, args ...any)) {
	for name, d := range c.Gaps {
		if !slices.Contains([]mail.Disposition{mail.Deliver, mail.Flag, mail.Hold, mail.Defer}, mail.Disposition(d)) {
			bad("policy.gaps.%s is %q: use deliver, flag, hold or defer", name, d)
		}
	}
	for id, d := range c.Findings {
		if !slices.Contains([]mail.Disposition{mail.Flag, mail.Hold, mail.Reject}, mail.Disposition(d)) {
			bad("policy.findings.%s is %q: use flag, hold or reject", id, d)
		}
	}
	if len(c.Groups) == 0 || len(c.Groups[len(c.Groups)-1].Recipients) > 0 {
		bad("policy.groups: the last group must have no recipients, so that it matches everybody")
	}
	for _, g := range c.Groups {
		if g.HoldAt != nil && g.FlagAt != nil && *g.HoldAt < *g.FlagAt {
			bad("policy.groups: %q holds at %g, below its flag_at %g", g.Name, *g.HoldAt, *g.FlagAt)
		}
	}
	for _, a := range c.Allow {
		if !strings.Contains(a.Sender, "@") {
			bad("policy.allow: %q is neither an address nor @domain", a.Sender)
		}
	}
	if err := c.Budgets.check(); err != nil {
		bad("%w", err)
	}
}
