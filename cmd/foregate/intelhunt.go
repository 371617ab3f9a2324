package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"foregate/intel"
	"foregate/intel/match"
	"foregate/mail"
	"foregate/scan/known"
	"foregate/scan/link"
	"foregate/store"
)

type intelHuntCmd struct {
	Since age  `placeholder:"AGE" help:"Look for all indicators anew in the messages of this time, such as 30d."`
	Limit int  `placeholder:"N" help:"Look at no more messages than this; the next hunt goes on there."`
	List  bool `help:"Look at nothing; show what earlier hunts found, newest first."`
	JSON  bool `name:"json" help:"Answer in JSON."`
}

// Help is the long help text.
func (intelHuntCmd) Help() string {
	return `Looks for indicators that became known since the last hunt in the messages that the
gate has judged before. 'intel import' and the gate do so by themselves; what is
found is kept and shown by --list. Records are enough for names, addresses, URLs,
mail addresses and hashes; a STIX pattern or a SHA-512 needs the message's bytes, and
messages without them are counted. A hunt that is stopped goes on where it was.

Example:
  foregate intel hunt --json`
}

// retroState is how far the retro-hunt is; it is kept in the database.
type retroState struct {
	// Done is up to when changes of indicators have been hunted for.
	Done time.Time `json:"done,omitzero"`
	// Of a hunt that is under way:
	From  time.Time `json:"from,omitzero"` // indicators changed after
	To    time.Time `json:"to,omitzero"`   // and up to
	Since time.Time `json:"since,omitzero"`
	After string    `json:"after,omitempty"` // the last message looked at
}

// retroName is the name of the state.
const retroName = "retro-hunt"

// retroReport is what one run did.
type retroReport struct {
	Indicators int              `json:"indicators"`
	Looked     int              `json:"looked"`
	Undecided  int              `json:"no_bytes"` // messages that patterns could not be tried on
	Done       bool             `json:"done"`
	Sightings  []store.Sighting `json:"sightings"` // new ones, at most maxShown
	New        int              `json:"new"`
}

// maxShown bounds the sightings that one run tells one by one.
const maxShown = 1000

// retro looks for new indicators in the history.
type retro struct {
	db    *store.DB
	now   func() time.Time
	limit int           // messages at most; 0 for all
	pause time.Duration // between pages, so that the gate is not slowed
}

// load reads the state and begins a hunt when indicators have changed. begun is
// false when there is nothing to hunt for.
func (r *retro) load(ctx context.Context, anew age) (st retroState, begun bool, err error) {
	raw, err := r.db.FeedState(ctx, retroName)
	if err != nil {
		return st, false, err
	}
	if raw != nil {
		if err := json.Unmarshal(raw, &st); err != nil {
			return st, false, fmt.Errorf("the state of the retro-hunt is broken: %w", err)
		}
	}
	changed, err := r.db.IntelChanged(ctx)
	if err != nil {
		return st, false, err
	}
	switch {
	case anew > 0:
		st.From, st.To, st.Since, st.After = time.Time{}, changed, r.now().Add(-time.Duration(anew)), ""
	case !st.To.IsZero(): // goes on
	case changed.After(st.Done):
		st.From, st.To, st.Since, st.After = st.Done, changed, time.Time{}, ""
	}
	return st, !st.To.IsZero(), nil
}

// run hunts page by page. Each page's finds and the place to go on from are kept
// together.
func (r *retro) run(ctx context.Context, anew age) (retroReport, error) {
	out := retroReport{Sightings: []store.Sighting{}}
	st, begun, err := r.load(ctx, anew)
	if err != nil || !begun {
		out.Done = err == nil
		return out, err
	}
	set := match.NewSet(0, known.Answers)
	if err := (indicators{r.db}).Indicators(ctx, st.From, func(a intel.Assertion) bool { set.Apply(a); return true }); err != nil {
		return out, err
	}
	out.Indicators = set.Len()
	span := store.Span{Since: st.Since, After: st.After, Bare: !needsBytes(set)}
	for out.Indicators > 0 {
		if r.limit > 0 {
			if span.Limit = min(r.limit-out.Looked, store.MaxPast); span.Limit == 0 {
				return out, nil
			}
		}
		page, err := r.db.History(ctx, span)
		if err != nil {
			return out, err
		}
		if len(page) == 0 {
			break
		}
		span.After = page[len(page)-1].ID
		st.After = span.After
		if err := r.page(ctx, set, page, st, &out); err != nil {
			return out, err
		}
		if err := wait(ctx, r.pause); err != nil {
			return out, err
		}
	}
	if st.To.After(st.Done) {
		st.Done = st.To
	}
	st = retroState{Done: st.Done}
	state, err := json.Marshal(st)
	if err != nil {
		return out, err
	}
	out.Done = true
	return out, r.db.SetFeedState(ctx, retroName, state)
}

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (r *retro) page(ctx context.Context, set *match.Set, page []store.Past, st retroState, out *retroReport) error {
	var found []store.Sighting
	for _, p := range page {
		out.Looked++
		items, err := past(ctx, set, p)
		if errors.Is(err, errNoBytes) {
			out.Undecided++
		} else if err != nil {
			return err
		}
		for _, h := range items {
			found = append(found, store.Sighting{MessageID: p.ID, Indicator: h.Indicator, Evidence: h.Item, FoundAt: r.now(),
				ReceivedAt: p.ReceivedAt, Sender: p.Sender, Subject: p.Subject, Disposition: string(p.Verdict.Disposition)})
		}
	}
	state, err := json.Marshal(st)
	if err != nil {
		return err
	}
	fresh, err := r.db.AddSightings(ctx, found, retroName, state)
	if err != nil {
		return err
	}
	out.New += len(fresh)
	out.Sightings = append(out.Sightings, fresh[:min(len(fresh), maxShown-len(out.Sightings))]...)
	return nil
}

// past looks for indicators in a recorded message: in what was noted of it, and
// in its bytes where these are kept. What held when it came counts.
func past(ctx context.Context, set *match.Set, p store.Past) ([]known.Found, error) {
	var f struct {
		Seen []mail.Seen `json:"seen"`
	}
	if err := json.Unmarshal(p.Facts, &f); err != nil && p.Raw == nil {
		return nil, fmt.Errorf("the facts of message %s: %w", p.ID, err)
	}
	if p.Raw != nil {
		env := p.Envelope
		if env.ReceivedAt.IsZero() {
			env.ReceivedAt = p.ReceivedAt
		}
		m := mail.Parse(env, p.Raw)
		if err := (link.Stage{}).Analyze(ctx, m, &mail.Facts{}); err != nil {
			return nil, err
		}
		seen := known.Observe(m)
		for _, s := range f.Seen {
			if s.Where == known.InInside { // attachments are not opened again
				seen = append(seen, s)
			}
		}
		return known.Look(ctx, set, m, seen, p.ReceivedAt)
	}
	found := known.Find(set, f.Seen, p.ReceivedAt)
	if needsBytes(set) {
		return found, errNoBytes
	}
	return found, nil
}

// needsBytes says whether there are indicators that what is recorded of a message
// cannot decide on.
func needsBytes(set *match.Set) bool { return set.HasPatterns() || set.Has(intel.SHA512) }

// Run hunts, or lists what was found.
func (c intelHuntCmd) Run(w *world, cl *cli) error {
	db, err := openIntel(w, cl)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.List {
		list, err := db.Sightings(w.ctx, orLimit(c.Limit, maxShown))
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(w.stdout, map[string]any{"sightings": list})
		}
		for _, s := range list {
			printSighting(w, s)
		}
		return nil
	}
	out, err := (&retro{db: db, now: time.Now, limit: c.Limit}).run(w.ctx, c.Since)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, out)
	}
	printRetro(w, out)
	return nil
}

func orLimit(n, most int) int {
	if n > 0 {
		return n
	}
	return most
}

func printSighting(w *world, s store.Sighting) {
	fmt.Fprintf(w.stdout, "%s (%s, %s)\n  from %s, subject %s\n  %s\n", s.MessageID, s.ReceivedAt.Format(time.RFC3339), s.Disposition, printable(s.Sender), printable(s.Subject), printable(s.Evidence.Claim))
}

func printRetro(w *world, out retroReport) {
	for _, s := range out.Sightings {
		printSighting(w, s)
	}
	if out.Indicators == 0 {
		fmt.Fprintln(w.stdout, "no indicator is new since the last hunt")
		return
	}
	fmt.Fprintf(w.stdout, "%d past messages looked at for %d statements on indicators: %d new sightings", out.Looked, out.Indicators, out.New)
	if out.Undecided > 0 {
		fmt.Fprintf(w.stdout, "; patterns could not be tried on %d whose bytes are no longer kept", out.Undecided)
	}
	if !out.Done {
		fmt.Fprint(w.stdout, "; not finished, the next hunt goes on")
	}
	fmt.Fprintln(w.stdout)
}

const (
	// retroPoll is how often the gate asks for indicators to hunt for, and
	// retroQuiet how long they must have been unchanged: a long import is one
	// hunt.
	retroPoll  = 10 * time.Second
	retroQuiet = 20 * time.Second
	// retroPause is how long the gate's hunt rests after each page.
	retroPause = 50 * time.Millisecond
)

// watchRetro hunts for new indicators until the context ends.
func watchRetro(ctx context.Context, db *store.DB, log *slog.Logger) {
	r := &retro{db: db, now: time.Now, pause: retroPause}
	for wait(ctx, retroPoll) == nil {
		changed, err := db.IntelChanged(ctx)
		if err == nil && time.Since(changed) < retroQuiet {
			continue
		}
		var out retroReport
		if err == nil {
			out, err = r.run(ctx, 0)
		}
		if err != nil && ctx.Err() == nil {
			log.Error("looking for new indicators in past messages", "error", err)
		}
		if out.New > 0 {
			log.Warn("past messages match new indicators", "sightings", out.New, "first_message", out.Sightings[0].MessageID, "claim", out.Sightings[0].Evidence.Claim)
		}
	}
}
