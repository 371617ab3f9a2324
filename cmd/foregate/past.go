package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"

	"foregate/mail"
	"foregate/scan/sender"
	"foregate/store"
)

// pastMail is what a gate has kept: its judged messages and what it remembers of
// senders. The zero value has neither.
type pastMail struct {
	db      *store.DB
	senders *sender.Stage // nil where nothing is remembered
	free    func() error
}

// openPast opens the database of the configuration, which must be there: looking
// at the past creates nothing. It opens nothing unless wanted.
func openPast(ctx context.Context, conf config, wanted bool) (*pastMail, error) {
	if !wanted {
		return &pastMail{}, nil
	}
	file, _, _ := strings.Cut(strings.TrimPrefix(conf.Database, "file:"), "?")
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("opening the gate's database: %w; name another with --db", err)
	}
	db, err := store.Open(ctx, conf.Database)
	if err != nil {
		return nil, err
	}
	senders, free, err := newSenders(ctx, conf, db, time.Now)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &pastMail{db: db, senders: senders, free: free}, nil
}

func (p *pastMail) close() error {
	if p.db == nil {
		return nil
	}
	return errors.Join(p.free(), p.db.Close())
}

// messages are those judged within an age and after a message ("" for all), and
// how many they are.
func (p *pastMail) messages(ctx context.Context, since age, after string) (iter.Seq[found], int, error) {
	span := store.Span{Since: time.Now().Add(-time.Duration(since)), After: after}
	n, err := p.db.HistorySize(ctx, span)
	if err != nil {
		return nil, 0, err
	}
	return historyMessages(ctx, p.db, span), n, nil
}

// errNoBytes says that only the record of a message is kept.
var errNoBytes = errors.New("the message's bytes are no longer kept")

// historyMessages are the messages of the gate's history, with the results of
// authentication as they were on arrival.
func historyMessages(ctx context.Context, db *store.DB, span store.Span) iter.Seq[found] {
	return func(yield func(found) bool) {
		for {
			page, err := db.History(ctx, span)
			if err != nil {
				yield(found{name: orWord(span.After, "history"), err: err})
				return
			}
			if len(page) == 0 {
				return
			}
			for _, p := range page {
				if !yield(pastFound(p)) {
					return
				}
			}
			span.After = page[len(page)-1].ID
		}
	}
}

func pastFound(p store.Past) found {
	f := found{name: p.ID, env: p.Envelope, raw: p.Raw, label: string(p.Verdict.Disposition), src: "history"}
	if p.Raw == nil {
		f.err = errNoBytes
	}
	if f.env.ReceivedAt.IsZero() {
		f.env.ReceivedAt = p.ReceivedAt
	}
	var facts struct {
		Auth mail.Auth `json:"auth"`
	}
	if err := json.Unmarshal(p.Facts, &facts); err == nil {
		f.env.Recorded = &mail.RecordedAuth{SPF: string(facts.Auth.SPF), DKIM: string(facts.Auth.DKIMResult), DMARC: string(facts.Auth.DMARC)}
	}
	return f
}
