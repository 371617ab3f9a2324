package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"foregate/intel"
	"foregate/intel/attrib"
	"foregate/intel/casebook"
	"foregate/intel/graph"
	"foregate/store"
)

// writeCSV writes assertions in the columns of an edge list.
func writeCSV(w io.Writer, as []intel.Assertion) error {
	cw := csv.NewWriter(w)
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	cw.Write([]string{"subject_type", "subject", "relation", "object_type", "object", "first", "last", "source"})
	for _, a := range as {
		cw.Write([]string{string(a.Subject.Kind), a.Subject.Value, string(a.Relation), string(a.Object.Kind), a.Object.Value, day(a.First), day(a.Last), a.Source.Name})
	}
	cw.Flush()
	return cw.Error()
}

// loadGraph reads all assertions into a graph.
func loadGraph(w *world, cl *cli) (*graph.Graph, error) {
	db, err := openIntel(w, cl)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	b := graph.NewBuilder(0, 0)
	if err := db.Assertions(w.ctx, store.IntelQuery{}, func(a intel.Assertion) bool { b.Add(a); return true }); err != nil {
		return nil, err
	}
	return b.Graph(), nil
}

type intelPivotCmd struct {
	Value string `arg:"" help:"Where to begin: an indicator, defanged or not."`
	Type  string `help:"Its type; found out when not given."`
	Hops  int    `default:"2" help:"How many hops to walk; a hop goes from a name over what it shares to the next name."`
	JSON  bool   `name:"json" help:"Answer in JSON."`
}

// Run walks from a node and says over what.
func (c intelPivotCmd) Run(w *world, cl *cli) error {
	n, err := nodeOf(c.Value, c.Type)
	if err != nil {
		return err
	}
	g, err := loadGraph(w, cl)
	if err != nil {
		return err
	}
	if c.Hops < 1 || c.Hops > 6 {
		return fmt.Errorf("--hops is %d, use 1 to 6", c.Hops)
	}
	reached, cut, err := g.Pivot(n, graph.PivotLimits{Hops: c.Hops})
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, map[string]any{"from": n, "reached": orEmpty(reached), "cut": orEmpty(cut)})
	}
	for _, r := range reached {
		fmt.Fprintf(w.stdout, "%d  %s\n", r.Hops, r.Node)
		for _, j := range r.Path {
			fmt.Fprintf(w.stdout, "     %s\n", j.Why)
		}
	}
	for _, j := range cut {
		fmt.Fprintln(w.stdout, j.Why)
	}
	return nil
}

type intelClusterCmd struct {
	Messages bool `help:"Cluster the messages that the gate has judged, in place of what was taken in."`
	Since    age  `placeholder:"AGE" help:"With --messages: of this time, such as 30d, which is the default."`
	All      bool `help:"With --messages: also clusters of which all messages were delivered."`
	JSON     bool `name:"json" help:"Answer in JSON."`
}

// Help is the long help text.
func (intelClusterCmd) Help() string {
	return `Groups names, addresses and other things that probably have one operator: what they
share is weighed by how many share it in all, by whether they came there at one time,
and by what else ties them to each other. What is shared by many joins nothing and is
listed as cut, as is a single weak tie between two groups. Relations of an edge list
may have any name: the types say what is meant ("domain", "ip", "certificate",
"registrant", "name-server", "kit-marker" and others). What is said of actors
(indicates, attributed-to, also-known-as) joins nothing.

A cluster lists the names and also the addresses, certificates and other things that
they have and that are not cut; joined_by are those of them that tie it together, with
the odds and a sentence. It has names of two owners, or three names of one. A thing
that was rented by two operators in turn is in both clusters.

With --messages the gate's own messages are grouped the same way, by sending server,
linked domain, file, layout of the body, writing program and make of the Message-ID;
the messages of one sender count once among those that share a thing.`
}

// Run prints clusters and hubs.
func (c intelClusterCmd) Run(w *world, cl *cli) error {
	clusters, hubs, err := c.clusters(w, cl)
	if err != nil {
		return err
	}
	if c.JSON {
		for i := range clusters {
			clusters[i].JoinedBy = orEmpty(clusters[i].JoinedBy)
		}
		return writeJSON(w.stdout, map[string]any{"clusters": orEmpty(clusters), "cut": orEmpty(hubs)})
	}
	for _, cl := range clusters {
		fmt.Fprintf(w.stdout, "%s, %d nodes\n", cl.ID, len(cl.Nodes))
		for _, n := range cl.Nodes {
			fmt.Fprintf(w.stdout, "  %s\n", n)
		}
		for _, j := range cl.JoinedBy {
			fmt.Fprintf(w.stdout, "  %s\n", j.Why)
		}
	}
	for _, h := range hubs {
		fmt.Fprintln(w.stdout, h.Why)
	}
	return nil
}

func (c intelClusterCmd) clusters(w *world, cl *cli) ([]graph.Cluster, []graph.Join, error) {
	if !c.Messages {
		g, err := loadGraph(w, cl)
		if err != nil {
			return nil, nil, err
		}
		clusters, hubs := g.Clusters()
		return clusters, hubs, nil
	}
	if c.Since == 0 {
		c.Since = campaignAge
	}
	g, bad, err := mailGraph(w, cl, c.Since)
	if err != nil {
		return nil, nil, err
	}
	clusters, hubs := g.Clusters()
	if !c.All {
		clusters = suspicious(clusters, bad)
	}
	return clusters, hubs, nil
}

type intelAttributeCmd struct {
	Case     string `arg:"" type:"existingfile" help:"A case file (YAML), see docs/cases."`
	Profiles bool   `help:"Compare techniques and software with all known actors in the database; done anyway when a hypothesis names an actor."`
	JSON     bool   `name:"json" help:"Answer in JSON."`
}

// Help is the long help text.
func (intelAttributeCmd) Help() string { return caseHelp }

const caseHelp = `A case file states a question, rival hypotheses with priors, and facts, each with its
source, confidence (Admiralty code) and how likely it is under each hypothesis; see
docs/cases/callisto-2016/case.yaml. One hypothesis should be that nobody known is
behind it, and one that several share a criminal service. The answer is what the facts
leave of the priors, which single fact would change it, and "no answer" when nothing
separates the rivals.

A hypothesis with "actor: NAME" is also weighed by that actor's profile of techniques
and software in the database (import ATT&CK for that), "actor: *" by those of all that
no hypothesis names; what rests on the sources of the case alone is left out of the
profiles. The fact that this adds has the lineage "methods": give a fact of your own
on similar methods the same, so that it counts once. "half_life_days" lets a fact age.

Example:
  foregate intel import enterprise-attack.json
  foregate attribute --profiles case.yaml`

// readCase reads and weighs a case, with the profiles of known actors where they are
// asked for.
func readCase(w *world, cl *cli, path string, profiles bool) (*casebook.Case, *attrib.Result, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the case: %w", err)
	}
	if info.Size() > casebook.MaxFile {
		return nil, nil, fmt.Errorf("reading the case: %s has %d bytes, at most %d are read", path, info.Size(), casebook.MaxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the case: %w", err)
	}
	c, err := casebook.Read(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if profiles || slices.ContainsFunc(c.Hypotheses, func(h attrib.Hypothesis) bool { return h.Actor != "" }) {
		if err := compare(w, cl, c); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	r, err := c.Weigh()
	return c, r, err
}

// compare weighs a case against the actors in the database.
func compare(w *world, cl *cli, c *casebook.Case) error {
	db, err := openIntel(w, cl)
	if err != nil {
		return err
	}
	defer db.Close()
	var as []intel.Assertion
	for _, rel := range []intel.Relation{intel.Uses, intel.AttributedTo} {
		found, err := read(w, db, store.IntelQuery{Relation: rel})
		if err != nil {
			return err
		}
		as = append(as, found...)
	}
	return c.Compare(casebook.NewKnown(as, c))
}

// Run weighs a case and prints where the hypotheses stand.
func (c intelAttributeCmd) Run(w *world, cl *cli) error {
	cs, r, err := readCase(w, cl, c.Case, c.Profiles)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(w.stdout, map[string]any{"case": cs, "result": r})
	}
	return cs.Markdown(w.stdout, r)
}

type intelReportCmd struct {
	Case     string `arg:"" type:"existingfile" help:"A case file (YAML)."`
	Dir      string `default:"." type:"path" help:"Where report.md, report.html and bundle.json are written."`
	Profiles bool   `help:"Compare techniques and software with all known actors in the database; done anyway when a hypothesis names an actor."`
	JSON     bool   `name:"json" help:"Answer in JSON."`
}

// Help is the long help text.
func (intelReportCmd) Help() string { return caseHelp }

// Run writes the three forms of the report.
func (c intelReportCmd) Run(w *world, cl *cli) error {
	cs, r, err := readCase(w, cl, c.Case, c.Profiles)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	var files []string
	for _, f := range []struct {
		name  string
		write func(io.Writer, *attrib.Result) error
	}{{"report.md", cs.Markdown}, {"report.html", cs.HTML}, {"bundle.json", cs.STIX}} {
		path := filepath.Join(c.Dir, f.name)
		if err := writeFile(path, func(w io.Writer) error { return f.write(w, r) }); err != nil {
			return err
		}
		files = append(files, path)
	}
	if c.JSON {
		return writeJSON(w.stdout, map[string]any{"files": files, "answer": r.Why})
	}
	fmt.Fprintln(w.stdout, r.Why)
	for _, f := range files {
		fmt.Fprintln(w.stdout, f)
	}
	return nil
}

// writeFile writes a whole file or says why not.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := write(f); err != nil {
		f.Close()
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
