package main

import (
	"encoding/json"
	"fmt"

	"foregate/mail"
	"foregate/scan/rule"
)

type parseCmd struct {
	File string `arg:"" help:"A message; - reads standard input."`
	Raw  bool   `help:"Leave the content of attachments (base64) in."`
}

// Help is the long help text.
func (parseCmd) Help() string {
	return `Prints the message as the rules see it: the Message Data Model as JSON, links and
direction included, with what is no part of the model under _defects and _parts.
An mbox gives one object per message.

Example:
  foregate parse message.eml | jq '.sender, .body.links[].href_url.url'`
}

// Run prints the model of each message of the file.
func (c parseCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	conf.DNS.Offline = true
	engine, err := newEngine(conf, &rule.Book{}, nil) // the model needs no rules
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	for in := range inputs([]string{c.File}, w.stdin) {
		if in.err != nil {
			return fmt.Errorf("reading %s: %w", in.path, in.err)
		}
		m, _, _ := engine.Judge(w.ctx, mail.Envelope{}, in.raw)
		if !c.Raw {
			for i := range m.Attachments {
				m.Attachments[i].Raw = nil
			}
		}
		if err := enc.Encode(m); err != nil {
			return fmt.Errorf("writing the model: %w", err)
		}
	}
	return nil
}
