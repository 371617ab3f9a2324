package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"foregate/policy"
	"foregate/quarantine"
	"foregate/store"
)

type quarantineCmd struct {
	List    qListCmd    `cmd:"" help:"List held messages, newest first."`
	Show    qShowCmd    `cmd:"" help:"Show a held message: why it was held, its header, what was done with it."`
	Release qReleaseCmd `cmd:"" help:"Send a held message on to its recipients, once."`
	Resolve qResolveCmd `cmd:"" help:"Say whether a release whose outcome is unknown arrived."`
	Delete  qDeleteCmd  `cmd:"" help:"Delete a held message."`
	Expire  qExpireCmd  `cmd:"" help:"Remove held mail past its retention (the gate does so every hour)."`
}

// withQuarantine opens the database for one command.
func withQuarantine(w *world, g *cli, f func(*quarantine.Quarantine) error) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	db, err := store.Open(w.ctx, conf.Database)
	if err != nil {
		return err
	}
	return errors.Join(f(newQuarantine(conf, db)), db.Close())
}

// actor is who asks, for the audit record.
func actor(w *world) string {
	if sudo := w.getenv("SUDO_USER"); sudo != "" {
		return sudo
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

type qListCmd struct {
	JSON      bool          `help:"One JSON object per message and line."`
	State     string        `default:"held" enum:"held,releasing,released,deleted,expired,all" help:"Only messages with a copy in this state: held, releasing, released, deleted, expired, or all (${default})."`
	Recipient string        `placeholder:"ADDRESS" help:"Only messages for this recipient."`
	Sender    string        `placeholder:"TEXT" help:"Only senders that contain this."`
	Subject   string        `placeholder:"TEXT" help:"Only subjects that contain this."`
	Since     time.Duration `placeholder:"AGE" help:"Only messages held within this time, such as 24h."`
	Before    string        `placeholder:"ID" help:"Go on after this message, the last of the page before."`
	Limit     int           `default:"50" help:"Most messages (${default})."`
}

// Run lists.
func (c qListCmd) Run(w *world, g *cli) error {
	return withQuarantine(w, g, func(q *quarantine.Quarantine) error {
		query := store.Query{State: store.State(c.State), Recipient: c.Recipient, Sender: c.Sender, Subject: c.Subject, Before: c.Before, Limit: c.Limit}
		if c.State == "all" {
			query.State = ""
		}
		if c.Since > 0 {
			query.Since = time.Now().Add(-c.Since)
		}
		holds, err := q.List(w.ctx, query)
		if err != nil {
			return err
		}
		if c.JSON {
			enc := json.NewEncoder(w.stdout)
			for _, h := range holds {
				if err := enc.Encode(h); err != nil {
					return err
				}
			}
			return nil
		}
		return listHolds(w.stdout, holds)
	})
}

func listHolds(out io.Writer, holds []store.Hold) error {
	if len(holds) == 0 {
		_, err := fmt.Fprintln(out, "nothing is held")
		return err
	}
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ID\tHELD\tODDS\tFROM\tTO\tSUBJECT")
	for _, h := range holds {
		var to []string
		for _, r := range h.Recipients {
			t := r.Address
			if r.State != store.Held {
				t += " (" + string(r.State) + ")"
			}
			to = append(to, t)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", h.ID, h.HeldAt.Local().Format("2006-01-02 15:04"), policy.Odds(h.LogOdds),
			printable(h.Sender), printable(strings.Join(to, ", ")), printable(h.Subject))
	}
	return tw.Flush()
}

// printable keeps a sender's bytes from moving the cursor or forging columns.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '·'
		}
		return r
	}, s)
}

type qShowCmd struct {
	ID   string `arg:"" help:"The message."`
	JSON bool   `help:"One JSON object."`
	Raw  bool   `help:"The message itself, as received. The audit record keeps who read it."`
}

// Run shows.
func (c qShowCmd) Run(w *world, g *cli) error {
	return withQuarantine(w, g, func(q *quarantine.Quarantine) error {
		if c.Raw {
			raw, err := q.Raw(w.ctx, actor(w), c.ID)
			if err != nil {
				return err
			}
			_, err = w.stdout.Write(raw)
			return err
		}
		item, err := q.Show(w.ctx, c.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return json.NewEncoder(w.stdout).Encode(item)
		}
		return showItem(w.stdout, item)
	})
}

func showItem(out io.Writer, it quarantine.Item) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  held %s, odds %s\n  from <%s>, shown as %s\n  subject %s\n  %d bytes, sha256 %s\n",
		it.ID, it.HeldAt.Local().Format(time.RFC1123Z), policy.Odds(it.LogOdds), printable(it.MailFrom), printable(it.Sender), printable(it.Subject), it.Size, it.SHA256)
	for _, r := range it.Recipients {
		fmt.Fprintf(&b, "  to %s: %s since %s (group %s)\n", printable(r.Address), r.State, r.ChangedAt.Local().Format("2006-01-02 15:04"), r.Group)
	}
	b.WriteString("\nWhy:\n")
	for _, r := range it.Verdict.Reasons {
		if math.Abs(float64(r.Weight)) < 0.005 {
			continue
		}
		fmt.Fprintf(&b, "  %+5.2f  %s\n", r.Weight, sentence(printable(r.Claim)))
		if r.Quote != "" {
			fmt.Fprintf(&b, "           | %s\n", printable(r.Quote))
		}
	}
	for _, n := range it.Verdict.Notes {
		fmt.Fprintf(&b, "  policy: %s\n", printable(n))
	}
	if len(it.Acts) > 0 {
		b.WriteString("\nWhat was done:\n")
		for _, a := range it.Acts {
			fmt.Fprintf(&b, "  %s  %s by %s %s\n", a.At.Local().Format("2006-01-02 15:04"), a.Act, a.Actor, printable(a.Detail))
		}
	}
	if it.Header != "" {
		b.WriteString("\nHeader:\n")
		for _, l := range strings.Split(strings.ReplaceAll(it.Header, "\r\n", "\n"), "\n") {
			b.WriteString("  " + printable(strings.ReplaceAll(l, "\t", "    ")) + "\n")
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

type qReleaseCmd struct {
	ID         string   `arg:"" help:"The message."`
	Recipients []string `arg:"" optional:"" help:"Only these recipients; none means all whose copies are held."`
	Force      bool     `help:"Send also copies whose earlier release has an unknown outcome; they may arrive twice."`
}

// Help is the long help text.
func (qReleaseCmd) Help() string {
	return `Hands the message, as received and with a trace field, to the next hop of the
configuration. A copy is released at most once: when the outcome is not known it
stays in the state releasing until 'quarantine resolve' says what happened.

Example:
  foregate quarantine release 01936f5e-7a3c-7c55-8f6e-0d4b5a2c9e11 desk@ministry.example`
}

// Run releases.
func (c qReleaseCmd) Run(w *world, g *cli) error {
	return withQuarantine(w, g, func(q *quarantine.Quarantine) error {
		sent, err := q.Release(w.ctx, quarantine.Release{ID: c.ID, Actor: actor(w), Recipients: c.Recipients, Force: c.Force})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.stdout, "released to %s\n", strings.Join(sent, ", "))
		return err
	})
}

type qResolveCmd struct {
	ID         string   `arg:"" help:"The message."`
	Recipients []string `arg:"" optional:"" help:"Only these recipients."`
	Arrived    bool     `xor:"outcome" required:"" help:"The message arrived."`
	Lost       bool     `xor:"outcome" required:"" help:"It did not; it is held again."`
}

// Run resolves.
func (c qResolveCmd) Run(w *world, g *cli) error {
	return withQuarantine(w, g, func(q *quarantine.Quarantine) error {
		if err := q.Resolve(w.ctx, actor(w), c.ID, c.Recipients, c.Arrived); err != nil {
			return err
		}
		_, err := fmt.Fprintln(w.stdout, "resolved")
		return err
	})
}

type qDeleteCmd struct {
	ID         string   `arg:"" help:"The message."`
	Recipients []string `arg:"" optional:"" help:"Only these recipients."`
}

// Run deletes.
func (c qDeleteCmd) Run(w *world, g *cli) error {
	return withQuarantine(w, g, func(q *quarantine.Quarantine) error {
		if err := q.Delete(w.ctx, actor(w), c.ID, c.Recipients); err != nil {
			return err
		}
		_, err := fmt.Fprintln(w.stdout, "deleted")
		return err
	})
}

type qExpireCmd struct{}

// Run expires.
func (qExpireCmd) Run(w *world, g *cli) error {
	return withQuarantine(w, g, func(q *quarantine.Quarantine) error {
		copies, records, err := q.Expire(context.WithoutCancel(w.ctx), time.Now())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.stdout, "%d held copies expired, %d old records removed\n", copies, records)
		return err
	})
}
