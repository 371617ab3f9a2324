package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"strings"
	"time"

	"foregate/dns"
	"foregate/evidence"
	"foregate/mail"
	"foregate/policy"
	"foregate/scan"
	"foregate/scan/auth"
	"foregate/scan/claim"
	"foregate/scan/file"
	"foregate/scan/file/sandbox"
	"foregate/scan/form"
	"foregate/scan/link"
	"foregate/scan/rule"
	"foregate/scan/sender"
)

// newEngine wires the flow, and is its documentation: every message goes
// through these stages in this order, then through the policy. The gate, scan,
// parse, eval and calibrate run the same engine. senders is nil where no history
// is kept.
func newEngine(c config, book *rule.Book, senders *sender.Stage) (*scan.Engine, error) {
	resolver, err := newResolver(c.DNS)
	if err != nil {
		return nil, err
	}
	p, err := newPolicy(c)
	if err != nil {
		return nil, err
	}
	claims, err := claim.New(claimConfig(c.Organisation))
	if err != nil {
		return nil, fmt.Errorf("setting up the claim stage: %w", err)
	}
	own := lowerAll(c.Organisation.Domains)
	trees, err := newTrees(c)
	if err != nil {
		return nil, err
	}
	texts, err := newTexts(c)
	if err != nil {
		return nil, err
	}
	caps := capabilities(c)
	maps.Copy(caps, trees.Answers())
	maps.Copy(caps, texts.Capabilities())
	looks := scan.Par{
		form.Stage{},
		claims,
		// What the text asks for.
		texts,
	}
	if senders != nil {
		// Whether this is how the sender writes.
		looks = append(looks, senders)
		maps.Copy(caps, perProvider(senders.Answers(), book))
	}
	return &scan.Engine{
		Policy: p,
		Stage: scan.Seq{
			// Who is proven to speak, and from which side.
			auth.Stage{
				Resolver:       resolver,
				AuthservID:     c.SMTP.Hostname,
				TrustedSealers: lowerAll(c.Auth.TrustedSealers),
				TrustedResults: lowerAll(c.Auth.TrustedAuthservs),
				Offline:        c.DNS.Offline,
				Now:            time.Now,
			},
			scan.Direction{OwnDomains: own},
			// What the attachments are and hold, opened in confined children. Where
			// their codes and redirects lead joins the message's links.
			file.Stage{Trees: trees},
			// Where the links lead. Later stages and rules read them.
			link.Stage{},
			looks,
			// The rules see what every other stage has filled in.
			rule.Stage{Book: book, Caps: caps},
		},
	}, nil
}

// newLoadedEngine is newEngine with the rules of the configuration in force, for
// commands that run once. Rules that do not check are told to warn.
func newLoadedEngine(c config, warn io.Writer) (*scan.Engine, error) {
	return newRememberingEngine(c, warn, nil)
}

// newRememberingEngine is newLoadedEngine with what a gate remembers of senders,
// if that is not nil.
func newRememberingEngine(c config, warn io.Writer, senders *sender.Stage) (*scan.Engine, error) {
	edition, faults, err := loadRules(c)
	if err != nil {
		return nil, err
	}
	for _, f := range faults {
		fmt.Fprintf(warn, "foregate: %v\n", f)
	}
	edition.Lists = historyLists(edition.Lists, senders)
	book := &rule.Book{}
	book.Swap(edition)
	e, err := newEngine(c, book, senders)
	if err != nil {
		return nil, err
	}
	return e, loadKnown(e, c)
}

// newSenders is the stage that remembers how correspondents write, nil when it
// is switched off. close frees its database of networks.
func newSenders(ctx context.Context, c config, db sender.Memory, now func() time.Time) (stage *sender.Stage, close func() error, err error) {
	close = func() error { return nil }
	if !c.Sender.Enabled {
		return nil, close, nil
	}
	if stage, err = sender.New(ctx, db, lowerAll(c.Organisation.Domains), now); err != nil {
		return nil, close, err
	}
	stage.Delay = c.Sender.Delay
	if c.Sender.ASNDatabase != "" {
		asn, err := sender.OpenASN(c.Sender.ASNDatabase)
		if err != nil {
			return nil, close, err
		}
		stage.ASN, close = asn.Lookup, asn.Close
	}
	return stage, close, nil
}

// newTrees opens the files of messages, in child processes unless that is
// switched off. Nothing is started before the first file comes.
func newTrees(c config) (*file.Trees, error) {
	t := &file.Trees{Exploder: file.Local{}, Parse: parseLinked}
	if c.Files.Sandbox == "off" {
		return t, nil
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("setting up the sandbox: %w", err)
	}
	workers := c.Files.Workers
	if workers == 0 {
		workers = runtime.NumCPU()
	}
	boxed := file.Sandboxed{Pool: &sandbox.Pool{Command: []string{exe, "file-worker"}, Workers: workers, Require: c.Files.Sandbox == "require"}}
	if c.Files.Sandbox == "auto" {
		boxed.Fallback = file.Local{}
	}
	t.Exploder = boxed
	return t, nil
}

// parseLinked reads a message inside a message as far as rules look: links
// analysed.
func parseLinked(env mail.Envelope, raw []byte) *mail.Message {
	m := mail.Parse(env, raw)
	// It fails only when the time is over, which Background has no end of.
	_ = link.Stage{}.Analyze(context.Background(), m, &mail.Facts{})
	return m
}

func newResolver(c dnsConfig) (dns.Resolver, error) {
	if c.Offline {
		return nil, nil
	}
	conf := dns.Config{}
	for _, s := range c.Servers {
		conf.Servers = append(conf.Servers, dns.Server{Addr: s, TrustAD: c.TrustAD})
	}
	r, err := dns.New(conf)
	if err != nil {
		return nil, fmt.Errorf("setting up DNS: %w", err)
	}
	return r, nil
}

func claimConfig(o orgConfig) claim.Config {
	c := claim.Config{OwnDomains: lowerAll(o.Domains), OwnNames: o.DisplayNames, Partners: lowerAll(o.Partners)}
	for _, v := range o.VIPs {
		c.VIPs = append(c.VIPs, claim.VIP{Name: v.DisplayName, Addresses: lowerAll(v.Emails)})
	}
	return c
}

// weights returns the configured weight table, or the built-in one.
func weights(c config) (*evidence.Table, error) {
	if c.Policy.Weights == "" {
		return evidence.Builtin()
	}
	f, err := os.Open(c.Policy.Weights)
	if err != nil {
		return nil, fmt.Errorf("opening the weights: %w", err)
	}
	defer f.Close()
	return evidence.ReadTable(f)
}

func newPolicy(c config) (policy.Policy, error) {
	table, err := weights(c)
	if err != nil {
		return policy.Policy{}, err
	}
	p := policy.Policy{Weights: table, Prior: evidence.Weight(c.Policy.Prior), Gaps: map[string]mail.Disposition{}, Findings: map[string]mail.Disposition{}}
	for _, g := range c.Policy.Groups {
		p.Groups = append(p.Groups, policy.Group{
			Name: g.Name, Match: lowerAll(g.Recipients), SubjectTag: g.SubjectTag,
			FlagAt: odds(g.FlagAt), HoldAt: odds(g.HoldAt), RejectAt: odds(g.RejectAt),
		})
	}
	for _, a := range c.Policy.Allow {
		p.Allow = append(p.Allow, policy.Allow{Sender: strings.ToLower(a.Sender), Reason: a.Reason})
	}
	for stage, d := range c.Policy.Gaps {
		if stage == "default" {
			stage = ""
		}
		p.Gaps[stage] = mail.Disposition(d)
	}
	for id, d := range c.Policy.Findings {
		p.Findings[id] = mail.Disposition(d)
	}
	return p, nil
}

// odds is a configured threshold; absent means never.
func odds(v *float64) evidence.Weight {
	if v == nil {
		return policy.Never
	}
	return evidence.Weight(*v)
}

func lowerAll(in []string) []string {
	out := make([]string, 0, len(in))
	for _, s := range in {
		out = append(out, strings.ToLower(strings.TrimSpace(s)))
	}
	return out
}
