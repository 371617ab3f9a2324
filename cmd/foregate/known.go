package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"foregate/intel"
	"foregate/intel/misp"
	"foregate/scan"
	"foregate/scan/known"
	"foregate/store"
)

// intelPoll is how often the gate asks whether indicators have changed: new ones
// are in force within a second, the time to load them apart.
const intelPoll = 500 * time.Millisecond

// indicators reads the indicators of the database for the known stage.
type indicators struct{ *store.DB }

// Indicators implements known.Source.
func (i indicators) Indicators(ctx context.Context, since time.Time, yield func(intel.Assertion) bool) error {
	return i.Assertions(ctx, store.IntelQuery{Relation: intel.Indicates, Since: since, Retracted: !since.IsZero()}, yield)
}

// withKnown lets the engine look for indicators once links and files have been
// looked at.
func withKnown(e *scan.Engine, index *known.Index) {
	e.Stage = scan.Seq{e.Stage, known.Stage{Index: index, Now: time.Now}}
}

// warnings reads the configured warninglists.
func warnings(c intelConfig) ([]known.Warning, error) {
	var out []known.Warning
	for _, pattern := range c.Warninglists {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			return nil, fmt.Errorf("intel.warninglists: %q matches no file", pattern)
		}
		for _, path := range paths {
			w, err := warning(path)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			out = append(out, w)
		}
	}
	return out, nil
}

func warning(path string) (known.Warning, error) {
	f, err := os.Open(path)
	if err != nil {
		return known.Warning{}, err
	}
	defer f.Close()
	l, _, err := misp.ReadWarninglist(f)
	if err != nil {
		return known.Warning{}, err
	}
	return known.Warning{Name: l.Name, Values: l.List}, nil
}

// watchIntel loads the indicators, and keeps those in force up to date until the
// context ends. It returns when they are loaded; a failure is logged and tried
// again.
func watchIntel(ctx context.Context, db *store.DB, index *known.Index, warn []known.Warning, log *slog.Logger) {
	failed := func(err error) { log.Error("indicators could not be loaded", "err", err) }
	have, err := index.Load(ctx, indicators{db}, warn)
	if err != nil && ctx.Err() == nil {
		failed(err)
	}
	if n, why := index.Refused(); n > 0 {
		log.Warn("some STIX patterns cannot be looked for in mail", "patterns", n, "first", why[0])
	}
	go index.Watch(ctx, indicators{db}, warn, have, intelPoll, failed)
}

// loadKnown gives an engine that runs once the indicators of the database.
func loadKnown(e *scan.Engine, c config) error {
	if !c.Intel.Match {
		return nil
	}
	warn, err := warnings(c.Intel)
	if err != nil {
		return err
	}
	db, err := store.Open(context.Background(), c.Database)
	if err != nil {
		return err
	}
	defer db.Close()
	index := &known.Index{}
	if _, err := index.Load(context.Background(), indicators{db}, warn); err != nil {
		return err
	}
	withKnown(e, index)
	return nil
}
