package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"foregate/feed"
	"foregate/intel"
	"foregate/intel/stix"
)

type intelFeedsCmd struct {
	URL     string `arg:"" help:"A TAXII collection (…/collections/ID/) or a file."`
	Name    string `help:"What the feed is called; its URL when not given."`
	User    string `help:"TAXII user; the password is taken from FOREGATE_FEED_PASSWORD."`
	Private bool   `help:"Allow addresses that are not public."`
	JSON    bool   `name:"json" help:"Answer in JSON."`
}

// Run fetches what is new of a feed since the last time.
func (c intelFeedsCmd) Run(w *world, cl *cli) error {
	db, err := openIntel(w, cl)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.Name == "" {
		c.Name = c.URL
	}
	var st feed.State
	if raw, err := db.FeedState(w.ctx, c.Name); err != nil {
		return err
	} else if raw != nil {
		if err := json.Unmarshal(raw, &st); err != nil {
			return fmt.Errorf("the state of feed %q is broken: %w", c.Name, err)
		}
	}
	im := &importer{w: w, db: db, out: &imported{File: c.Name}, source: intel.Source{Name: c.Name, URL: c.URL}}
	next, failed := c.fetch(w, im, st)
	if failed != nil {
		next.Failures = st.Failures + 1
	}
	raw, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := db.SetFeedState(w.ctx, c.Name, raw); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	if im.out.Alarms, err = im.named.drifts(w, db); err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, im.out)
	}
	fmt.Fprintf(w.stdout, "%s: %d assertions, %d new, %d could not be used\n", c.Name, im.out.Assertions, im.out.New, im.out.Bad)
	printDrifts(w, im.out.Alarms)
	return nil
}

// fetch takes in what is new and returns where to go on, also after a failure.
func (c intelFeedsCmd) fetch(w *world, im *importer, st feed.State) (feed.State, error) {
	client := feed.NewHTTP(c.Private)
	if strings.Contains(c.URL, "/collections/") {
		return c.taxii(w, im, st, &feed.Client{HTTP: client, Collection: c.URL, User: c.User, Pass: w.getenv("FOREGATE_FEED_PASSWORD")})
	}
	body, next, err := feed.Get(w.ctx, client, c.URL, st)
	if err != nil || body == nil {
		return next, err
	}
	if err := im.reader(intelImportCmd{}, bufio.NewReaderSize(body, 1<<16)); err != nil {
		return st, err // fetched again the next time
	}
	return next, nil
}

// maxFetched bounds the objects of one fetch: a server that always has more must
// come to an end.
const maxFetched = 2_000_000

// errMore says that a fetch has ended before the collection.
var errMore = fmt.Errorf("more than %d objects: the rest is fetched the next time", maxFetched)

func (c intelFeedsCmd) taxii(w *world, im *importer, st feed.State, client *feed.Client) (feed.State, error) {
	after, _ := time.Parse(time.RFC3339Nano, st.After) // empty at first: from the beginning
	b := im.bundle()
	last, failed := client.Fetch(w.ctx, after, func(it stix.Item) error {
		if im.out.Objects >= maxFetched {
			return errMore
		}
		return b.add(it)
	})
	if err := b.finish(); err != nil {
		return st, err
	}
	if !last.IsZero() {
		st.After = last.UTC().Format(time.RFC3339Nano)
	}
	if failed == nil {
		st.Failures = 0
	}
	return st, failed
}
