package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"

	"foregate/mql"
)

type huntCmd struct {
	Query string   `arg:"" help:"An expression of the rule language; @FILE reads it from a file."`
	Paths []string `arg:"" optional:"" name:"mail" help:"Files, folders, mboxes or Maildirs; - reads standard input."`
	Since age      `placeholder:"AGE" help:"Look at the messages that the gate judged within this time, such as 30d or 12h, instead of files."`
	JSON  bool     `help:"One JSON object per hit and line, then one with the counts."`
	State string   `type:"path" placeholder:"FILE" help:"Keep here how far the hunt is; the same command then goes on from there."`
	Limit int      `placeholder:"N" help:"Stop after this many hits."`
}

// Help is the long help text.
func (huntCmd) Help() string {
	return `Evaluates a query over each message, with links, attachments and authentication as
the gate sees them, and prints the messages for which it is true with the passages
that decided. A message for which it cannot be decided is counted and says what
was lacking. Exit status 2 when something could not be read.

With --state a hunt that was stopped goes on where it was. A finished hunt over
the gate's own history then looks at the messages that came since.

With --since or --db the lists of correspondents ($sender_emails, $sender_domains,
$recipient_emails, $recipient_domains) are those of that database as they are now.

Examples:
  foregate hunt 'any(body.links, .href_url.domain.tld == "zip")' ~/Maildir
  foregate hunt --since 30d 'sender.display_name =~ "IT Service Desk"'`
}

// age is a duration that may be given in days or weeks.
type age time.Duration

// UnmarshalText reads "30d", "2w" or what time.ParseDuration reads.
func (a *age) UnmarshalText(text []byte) error {
	s := string(text)
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if num, ok := strings.CutSuffix(s, suffix); ok {
			n, err := strconv.ParseFloat(num, 64)
			if err != nil || !(n > 0 && n < 36500) {
				return fmt.Errorf("%q is no age: write 30d, 2w or 12h", s)
			}
			*a = age(n * float64(unit))
			return nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is no age: write 30d, 2w or 12h", s)
	}
	*a = age(d)
	return nil
}

// maxQuery bounds a query from a file in bytes, as a rule file.
const maxQuery = maxRuleBytes

// queryRule reads a query and makes a rule of it.
func queryRule(text string) (*mql.Rule, error) {
	file := "query"
	if name, ok := strings.CutPrefix(text, "@"); ok {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("reading the query: %w", err)
		}
		defer f.Close()
		raw, err := io.ReadAll(io.LimitReader(f, maxQuery+1))
		if err == nil && len(raw) > maxQuery {
			err = fmt.Errorf("%s is longer than %d bytes", name, maxQuery)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the query: %w", err)
		}
		file, text = name, string(raw)
	}
	return &mql.Rule{Name: "query", File: file, Source: text, Kind: mql.Insight}, nil
}

// huntState is how far a hunt is; the object of --state and of the last line of
// --json.
type huntState struct {
	Query  string `json:"query,omitempty"`
	After  string `json:"after,omitempty"` // the last message looked at
	Done   bool   `json:"done"`
	Looked int    `json:"looked"`
	Hits   int    `json:"hits"`
	Open   int    `json:"open"`     // could not be decided
	Gone   int    `json:"no_bytes"` // records whose bytes are no longer kept
	Unread int    `json:"unread"`
}

// huntHit is one line of --json.
type huntHit struct {
	Message    string    `json:"message"` // path, or ID in the history
	ReceivedAt time.Time `json:"received_at,omitzero"`
	From       string    `json:"from"`
	Subject    string    `json:"subject"`
	Quotes     []string  `json:"quotes"`
	Value      string    `json:"value,omitempty"` // of a query that computes one
	Missing    []string  `json:"missing,omitempty"`
	Error      string    `json:"error,omitempty"`
}

var errEnough = errors.New("enough hits")

// Run hunts.
func (c huntCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	if (c.Since > 0) == (len(c.Paths) > 0) {
		return errors.New("hunting: name files to look at, or give --since for the gate's own history")
	}
	query, err := queryRule(c.Query)
	if err != nil {
		return err
	}
	set, err := compileAll(query)
	if err != nil {
		return err
	}
	st, err := c.loadState(query.Source)
	if err != nil {
		return err
	}
	if st.Done && c.Since == 0 {
		_, err := fmt.Fprintf(w.stdout, "this hunt is finished: %s; remove %s to begin again\n", st, c.State)
		return err
	}
	past, err := openPast(w.ctx, conf, c.Since > 0 || g.DB != "")
	if err != nil {
		return err
	}
	return errors.Join(c.over(w, conf, set, past, st), past.close())
}

// over hunts with a rule set over the past or the paths.
func (c huntCmd) over(w *world, conf config, set *mql.RuleSet, past *pastMail, st *huntState) error {
	p, err := newProbe(conf, set, w.stderr)
	if err != nil {
		return err
	}
	p.lists = historyLists(p.lists, past.senders)
	if c.Since == 0 {
		return c.hunt(w, p, skipTo(st.After, pathMessages(c.Paths, w.stdin)), 0, st)
	}
	messages, total, err := past.messages(w.ctx, c.Since, st.After)
	if err != nil {
		return err
	}
	return c.hunt(w, p, messages, total, st)
}

// skipTo passes over the messages up to the one called after.
func skipTo(after string, messages iter.Seq[found]) iter.Seq[found] {
	if after == "" {
		return messages
	}
	return func(yield func(found) bool) {
		met := false
		for m := range messages {
			switch {
			case met && !yield(m):
				return
			case m.name == after:
				met = true
			}
		}
		if !met {
			yield(found{name: after, err: errors.New("the message that the hunt stopped at is not here: nothing was looked at")})
		}
	}
}

// saveEvery is after how many messages the state is saved.
const saveEvery = 500

// hunt looks at all messages and prints what is found.
func (c huntCmd) hunt(w *world, p *probe, messages iter.Seq[found], total int, st *huntState) error {
	bar := newProgress(w.stderr, "hunting", total)
	defer bar.finish()
	before := st.Hits
	err := p.lookAll(w.ctx, messages, func(s seen) error {
		bar.step()
		hit, show := st.count(s)
		if show && (c.JSON || len(hit.Missing) == 0 || st.Open <= maxOpenShown) {
			bar.finish()
			if err := c.print(w.stdout, hit); err != nil {
				return err
			}
		}
		if st.Looked%saveEvery == 0 {
			if err := c.saveState(st); err != nil {
				return err
			}
		}
		if c.Limit > 0 && st.Hits-before >= c.Limit {
			return errEnough
		}
		return nil
	})
	st.Done = err == nil
	if serr := c.saveState(st); serr != nil {
		return errors.Join(err, serr)
	}
	if err != nil && !errors.Is(err, errEnough) {
		if w.ctx.Err() == nil {
			return err
		}
		goesOn := "the same command goes on from there"
		if c.State == "" {
			goesOn = "with --state FILE the same command would go on from there"
		}
		return fmt.Errorf("stopped after %s (%s): %s", orWord(st.After, "nothing"), st, goesOn)
	}
	bar.finish()
	if c.JSON {
		out := *st
		out.Query = ""
		err = json.NewEncoder(w.stdout).Encode(out)
	} else {
		_, err = fmt.Fprintln(w.stdout, st)
	}
	if err == nil && st.Unread > 0 {
		return errGap
	}
	return err
}

// count adds one message to the counts and says what is to be shown of it.
func (st *huntState) count(s seen) (hit huntHit, show bool) {
	st.Looked++
	st.After = s.from.name
	hit = huntHit{Message: s.from.name, ReceivedAt: s.from.env.ReceivedAt, Quotes: []string{}}
	switch {
	case errors.Is(s.err, errNoBytes):
		st.Gone++
		return hit, false
	case s.err != nil:
		st.Unread++
		hit.Error = s.err.Error()
		return hit, true
	}
	hit.From = s.msg.Sender.Email.Email
	if s.msg.Subject != nil {
		hit.Subject = s.msg.Subject.Subject
	}
	if len(s.result.Outcomes) == 0 {
		return hit, false
	}
	o := s.result.Outcomes[0] // of the one query
	if o.State == mql.Indeterminate {
		st.Open++
		hit.Missing = o.Missing
		return hit, true
	}
	st.Hits++
	hit.Value = o.Shown
	for _, q := range o.Quotes[:min(3, len(o.Quotes))] {
		hit.Quotes = append(hit.Quotes, strings.ToValidUTF8(q.Text, "\uFFFD"))
	}
	return hit, true
}

// maxOpenShown bounds how many undecided messages are shown to people: they
// mostly lack the same thing. --json has all.
const maxOpenShown = 5

// String shows the counts.
func (st *huntState) String() string {
	s := fmt.Sprintf("%d hits in %d messages", st.Hits, st.Looked)
	for _, x := range []struct {
		n    int
		what string
	}{{st.Open, "could not be decided"}, {st.Gone, "have only their record left"}, {st.Unread, "could not be read"}} {
		if x.n > 0 {
			s += fmt.Sprintf(", %d %s", x.n, x.what)
		}
	}
	return s
}

func (c huntCmd) print(out io.Writer, h huntHit) error {
	if c.JSON {
		return encodeLines(out, []huntHit{h})
	}
	var b strings.Builder
	switch {
	case h.Error != "":
		fmt.Fprintf(&b, "%s\n  could not be read: %s\n", printable(h.Message), printable(h.Error))
	case len(h.Missing) > 0:
		fmt.Fprintf(&b, "%s\n  could not be decided for want of %s\n", printable(h.Message), strings.Join(h.Missing, ", "))
	default:
		fmt.Fprintf(&b, "%s\n  from %s, subject %s\n", printable(h.Message), printable(h.From), printable(h.Subject))
		if h.Value != "" {
			fmt.Fprintf(&b, "  = %s\n", printable(h.Value))
		}
		for _, q := range h.Quotes {
			fmt.Fprintf(&b, "  | %s\n", printable(q))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// loadState reads the state of an earlier run of the same query.
func (c huntCmd) loadState(query string) (*huntState, error) {
	st := &huntState{Query: query}
	if c.State == "" {
		return st, nil
	}
	raw, err := os.ReadFile(c.State)
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the state: %w", err)
	}
	if err := json.Unmarshal(raw, st); err != nil {
		return nil, fmt.Errorf("reading the state %s: %w", c.State, err)
	}
	if st.Query != query {
		return nil, fmt.Errorf("%s is the state of another query: %s", c.State, printable(st.Query))
	}
	return st, nil
}

func (c huntCmd) saveState(st *huntState) error {
	if c.State == "" {
		return nil
	}
	raw, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	return replaceFile(c.State, append(raw, '\n'))
}
