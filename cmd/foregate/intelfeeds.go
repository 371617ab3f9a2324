package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"foregate/feed"
	"foregate/intel"
	"foregate/intel/misp"
	"foregate/intel/stix"
)

type intelFeedsCmd struct {
	URL     string `arg:"" help:"A TAXII collection (…/collections/ID/), a MISP feed (…/manifest.json) or a file."`
	Format  string `help:"Of a file, as of 'intel import'; found out when not given."`
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
	if im.out.Format == "" {
		im.out.Format = "nothing new"
	}
	im.out.print(w.stdout)
	printDrifts(w, im.out.Alarms)
	return nil
}

// fetch takes in what is new and returns where to go on, also after a failure.
func (c intelFeedsCmd) fetch(w *world, im *importer, st feed.State) (feed.State, error) {
	client := feed.NewHTTP(c.Private)
	if collection, ok := collectionOf(c.URL); ok {
		return c.taxii(w, im, st, &feed.Client{HTTP: client, Collection: collection, User: c.User, Pass: w.getenv("FOREGATE_FEED_PASSWORD")})
	}
	get := feed.Getter{HTTP: client}
	body, next, err := get.Get(w.ctx, c.URL, st)
	if err != nil || body == nil {
		return next, err
	}
	defer body.Close()
	if strings.HasSuffix(c.URL, "/manifest.json") {
		next.After = st.After
		return c.events(w, im, get, body, st, next)
	}
	if err := im.packed(intelImportCmd{Format: c.Format}, body); err != nil {
		return st, err // fetched again the next time
	}
	return next, nil
}

// collectionOf is the address of a TAXII collection; ok is false when a URL is none.
// That of its objects is one too.
func collectionOf(addr string) (string, bool) {
	short := strings.TrimSuffix(strings.TrimSuffix(addr, "/"), "/objects")
	_, id, ok := strings.Cut(short, "/collections/")
	return short + "/", ok && id != "" && !strings.ContainsAny(id, "/?.")
}

// maxManifest bounds the list of events of a MISP feed in bytes: some 300 each.
const maxManifest = 256 << 20

// events takes in the events of a MISP feed that have changed, oldest first. It
// returns old with the place to go on when it does not come to the end.
func (c intelFeedsCmd) events(w *world, im *importer, get feed.Getter, list io.Reader, old, next feed.State) (feed.State, error) {
	var m misp.Manifest
	if err := json.NewDecoder(io.LimitReader(list, maxManifest)).Decode(&m); err != nil {
		return old, fmt.Errorf("reading the list of events: %w", err)
	}
	after, _ := time.Parse(time.RFC3339Nano, old.After) // empty at first: all
	im.out.Format = "misp"
	for _, id := range m.Newer(after) {
		body, _, err := get.Get(w.ctx, strings.TrimSuffix(c.URL, "manifest.json")+id+".json", feed.State{})
		if err != nil {
			return old, err
		}
		err = im.packed(intelImportCmd{Format: "misp"}, body)
		if err = errors.Join(err, body.Close()); err != nil {
			return old, err
		}
		// Another event of the same second may follow: it is asked for once more.
		old.After = m[id].At().Add(-time.Second).Format(time.RFC3339Nano)
		next.After = old.After
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
	im.out.Format = "stix"
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
