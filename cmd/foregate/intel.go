package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"foregate/intel"
	"foregate/intel/misp"
	"foregate/intel/stix"
	"foregate/store"
)

type intelCmd struct {
	Import    intelImportCmd    `cmd:"" help:"Take in STIX, MISP, CSV, edge lists, block lists and reports."`
	Export    intelExportCmd    `cmd:"" help:"Write what is known as STIX, a MISP event or CSV."`
	Naming    intelNamingCmd    `cmd:"" help:"Learn how an actor names its domains, and whether it still does."`
	Hunt      intelHuntCmd      `cmd:"" help:"Look for new indicators in the messages that the gate judged before."`
	Feeds     intelFeedsCmd     `cmd:"" help:"Fetch what is new of a TAXII collection or a file on the web."`
	Serve     intelServeCmd     `cmd:"" help:"Offer collections to others by TAXII 2.1."`
	Show      intelShowCmd      `cmd:"" help:"Show what is said of one thing, and by whom."`
	Search    intelSearchCmd    `cmd:"" help:"Look for a part of a value."`
	Pivot     intelPivotCmd     `cmd:"" help:"Walk from one thing to what shares infrastructure with it."`
	Cluster   intelClusterCmd   `cmd:"" help:"Group what probably has one operator, and say why."`
	Attribute intelAttributeCmd `cmd:"" help:"Weigh the rival hypotheses of a case file."`
	Report    intelReportCmd    `cmd:"" help:"Write the report of a case as Markdown, HTML and STIX."`
}

// openIntel opens the database of the configuration.
func openIntel(w *world, c *cli) (*store.DB, error) {
	conf, err := loadConfig(c.Config, c.DB)
	if err != nil {
		return nil, err
	}
	return store.Open(w.ctx, conf.Database)
}

type intelExportCmd struct {
	Format string `enum:"stix,misp,csv" default:"stix" help:"stix, misp or csv."`
	Title  string `default:"Foregate export" help:"Title of a MISP event."`
	TLP    string `name:"tlp" default:"amber" help:"The narrowest marking that may leave: clear, green, amber, amber+strict or red. What is unmarked counts as amber."`
	Text   string `help:"Only what has this in a value."`
	Raw    bool   `help:"STIX: the objects that were taken in, as they came and in all versions, in place of what they say; unknown properties and extensions are kept."`
	JSON   bool   `name:"json" hidden:"" help:"STIX and MISP are JSON already."`
}

// Run writes assertions that the marking allows to standard output.
func (c intelExportCmd) Run(w *world, cl *cli) error {
	limit, err := intel.ParseTLP(c.TLP)
	if err != nil {
		return err
	}
	db, err := openIntel(w, cl)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.Raw {
		return exportRaw(w, db, limit)
	}
	as, err := read(w, db, store.IntelQuery{Text: c.Text})
	if err != nil {
		return err
	}
	kept := as[:0]
	for _, a := range as {
		if a.TLP.Shareable(limit) {
			kept = append(kept, a)
		}
	}
	switch c.Format {
	case "misp":
		e, _, err := misp.NewEvent(c.Title, "Foregate", time.Now(), kept)
		if err != nil {
			return err
		}
		return e.Write(w.stdout)
	case "csv":
		return writeCSV(w.stdout, kept)
	}
	b := &stix.Builder{At: time.Now(), Author: "Foregate"}
	for _, a := range kept {
		if err := b.Add(a); err != nil {
			fmt.Fprintf(w.stderr, "foregate: left out: %v\n", err)
		}
	}
	_, err = b.WriteTo(w.stdout)
	return err
}

// exportRaw writes the objects that were taken in as one bundle, one at a time.
func exportRaw(w *world, db *store.DB, limit intel.TLP) error {
	out := bufio.NewWriter(w.stdout)
	fmt.Fprintf(out, "{\"type\":\"bundle\",\"id\":\"bundle--%s\",\"objects\":[", uuid.NewString())
	sep := "\n"
	err := db.Objects(w.ctx, "", time.Time{}, func(o store.Object) bool {
		if !stix.TLPOf(stix.Object{Raw: o.Raw}).Shareable(limit) {
			return true
		}
		_, err := fmt.Fprintf(out, "%s%s", sep, o.Raw)
		sep = ",\n"
		return err == nil
	})
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\n]}\n")
	return out.Flush()
}

// read collects what a query selects.
func read(w *world, db *store.DB, q store.IntelQuery) ([]intel.Assertion, error) {
	var out []intel.Assertion
	err := db.Assertions(w.ctx, q, func(a intel.Assertion) bool { out = append(out, a); return true })
	return out, err
}

type intelShowCmd struct {
	Value string `arg:"" help:"An indicator, defanged or not, or a name."`
	Type  string `help:"Its type, such as domain or intrusion-set; found out when not given."`
	JSON  bool   `name:"json" help:"Answer in JSON."`
}

// nodeOf makes a node of what a person typed.
func nodeOf(value, kind string) (intel.Node, error) {
	if kind != "" {
		return intel.Clean(intel.ParseKind(kind), value)
	}
	if found := intel.Extract(value); len(found) == 1 {
		return found[0], nil
	}
	if n, err := intel.Clean(intel.Domain, value); err == nil {
		return n, nil
	}
	return intel.Clean(intel.IntrusionSet, value)
}

// Run shows every statement on a thing.
func (c intelShowCmd) Run(w *world, cl *cli) error {
	n, err := nodeOf(c.Value, c.Type)
	if err != nil {
		return err
	}
	db, err := openIntel(w, cl)
	if err != nil {
		return err
	}
	defer db.Close()
	as, err := read(w, db, store.IntelQuery{Node: &n, Retracted: true})
	if err != nil {
		return err
	}
	var means []intel.Candidate
	if !n.Kind.IsObservable() {
		names, err := read(w, db, store.IntelQuery{Relation: intel.AlsoKnownAs})
		if err != nil {
			return err
		}
		means = intel.NewAliases(names).Lookup(n.Value)
	}
	// A name that nobody speaks of by itself may be another's.
	for i := 0; len(as) == 0 && i < len(means); i++ {
		if as, err = read(w, db, store.IntelQuery{Node: &intel.Node{Kind: n.Kind, Value: means[i].Name}, Retracted: true}); err != nil {
			return err
		}
	}
	if c.JSON {
		return writeJSON(w.stdout, map[string]any{"node": n, "assertions": orEmpty(as), "may_mean": means})
	}
	if len(as) == 0 {
		fmt.Fprintf(w.stdout, "nothing is said of %s\n", n)
	}
	printAssertions(w.stdout, as)
	for _, m := range means {
		fmt.Fprintf(w.stdout, "may mean %s (%.0f %%; %s)\n", m.Name, 100*m.Probability, strings.Join(m.Witnesses, ", "))
	}
	return nil
}

func printAssertions(w io.Writer, as []intel.Assertion) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, a := range as {
		origin, gone := "", ""
		if a.Source.Origin != "" {
			origin = " from " + a.Source.Origin
		}
		if !a.Retracted.IsZero() {
			gone = " (taken back " + a.Retracted.Format(time.DateOnly) + ")"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s%s%s\n", a.Subject, a.Relation, a.Object, a.Confidence, a.Source.Name, origin, gone)
	}
	t.Flush()
}

type intelSearchCmd struct {
	Text  string `arg:"" help:"Part of a value, any case."`
	Limit int    `default:"100" help:"At most so many."`
	JSON  bool   `name:"json" help:"Answer in JSON."`
}

// Run looks for a text in values.
func (c intelSearchCmd) Run(w *world, cl *cli) error {
	db, err := openIntel(w, cl)
	if err != nil {
		return err
	}
	defer db.Close()
	as, err := read(w, db, store.IntelQuery{Text: intel.Refang(c.Text), Limit: c.Limit})
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, map[string]any{"assertions": orEmpty(as)})
	}
	if len(as) == 0 {
		fmt.Fprintf(w.stdout, "no value has %q in it\n", c.Text)
	}
	printAssertions(w.stdout, as)
	return nil
}
