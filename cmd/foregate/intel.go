package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/encoding/unicode"

	"foregate/intel"
	"foregate/intel/misp"
	"foregate/intel/stix"
	"foregate/intel/tabular"
	"foregate/intel/xarf"
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

type intelImportCmd struct {
	Files   []string `arg:"" help:"Files, gzip or not; - is standard input."`
	Format  string   `help:"stix, misp, xarf, csv, edges, text, lines, phishtank, urlhaus or spamhaus; found out when not given."`
	Source  string   `help:"Who says so, where the file does not tell; the file's name when not given."`
	Origin  string   `help:"Whom the source has it from: copies of one report are one witness."`
	Licence string   `help:"Licence of the data."`
	Value   string   `help:"CSV: the column with the indicator."`
	Type    string   `help:"CSV: the column with its type, or the type of all with --kind."`
	Kind    string   `help:"CSV: the type of every indicator, such as domain."`
	Undo    bool     `help:"Take back what the files say in place of taking it in; --source must be as it was then."`
	NoHunt  bool     `help:"Do not look for new indicators in past messages."`
	JSON    bool     `name:"json" help:"Answer in JSON."`
}

// imported is what became of one file.
type imported struct {
	File       string      `json:"file"`
	Format     string      `json:"format"`
	Objects    int         `json:"objects,omitempty"`
	Assertions int         `json:"assertions"`
	New        int         `json:"new"` // or taken back
	Undo       bool        `json:"undo,omitempty"`
	Recovered  int         `json:"recovered,omitempty"`
	Bad        int         `json:"bad"`
	Problems   []string    `json:"problems,omitempty"`
	Alarms     []nameDrift `json:"alarms,omitempty"` // naming rules that do not match any more
	Seconds    float64     `json:"seconds"`
}

// print tells people what became of a file.
func (im *imported) print(w io.Writer) {
	new := "new"
	if im.Undo {
		new = "taken back"
	}
	fmt.Fprintf(w, "%s: %s, %d assertions, %d %s, %d could not be used", im.File, im.Format, im.Assertions, im.New, new, im.Bad)
	if im.Recovered > 0 {
		fmt.Fprintf(w, ", %d recovered from the wrong column", im.Recovered)
	}
	fmt.Fprintln(w)
	for _, p := range im.Problems {
		fmt.Fprintf(w, "  %s\n", p)
	}
	if more := im.Bad - len(im.Problems); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}

// maxProblems bounds the problems that are told of one file one by one.
const maxProblems = 100

// importBatch is how many assertions go to the database at a time.
const importBatch = 20_000

// importer takes in one file.
type importer struct {
	w      *world
	db     *store.DB
	out    *imported
	batch  []intel.Assertion
	busy   chan written // nil when no batch is being written
	source intel.Source
	undo   time.Time // when what comes is taken back; zero when it is taken in
	shown  time.Time
	named  named
}

// Run imports the files. What is broken is told with its place; the rest goes in.
func (c intelImportCmd) Run(w *world, cl *cli) error {
	db, err := openIntel(w, cl)
	if err != nil {
		return err
	}
	defer db.Close()
	var all []imported
	for _, name := range c.Files {
		im := &importer{w: w, db: db, out: &imported{File: name}, source: intel.Source{Name: c.Source, Origin: c.Origin, Licence: c.Licence}}
		if im.source.Name == "" {
			im.source.Name = filepath.Base(name)
		}
		begin := time.Now()
		if c.Undo {
			im.undo, im.out.Undo = begin, true
		}
		if err := im.file(c, name); err != nil {
			return fmt.Errorf("importing %s: %w", name, err)
		}
		if im.out.Alarms, err = im.named.drifts(w, db); err != nil {
			return fmt.Errorf("importing %s: %w", name, err)
		}
		im.out.Seconds = time.Since(begin).Seconds()
		all = append(all, *im.out)
		if !c.JSON {
			im.out.print(w.stdout)
			printDrifts(w, im.out.Alarms)
		}
	}
	if c.NoHunt {
		if c.JSON {
			return writeJSON(w.stdout, map[string]any{"imports": all})
		}
		return nil
	}
	hunt, err := (&retro{db: db, now: time.Now}).run(w.ctx, 0)
	if err != nil {
		return fmt.Errorf("the import is complete; looking for its indicators in past messages: %w", err)
	}
	if c.JSON {
		return writeJSON(w.stdout, map[string]any{"imports": all, "hunt": hunt})
	}
	if hunt.Looked > 0 {
		printRetro(w, hunt)
	}
	return nil
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func (im *importer) file(c intelImportCmd, name string) error {
	var r io.Reader = im.w.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		r = f
	}
	return im.packed(c, r)
}

// maxUnpacked bounds what comes out of a compressed file, in bytes: a bomb must end.
const maxUnpacked = 16 << 30

// packed takes in a text that may be compressed by gzip, or be in UTF-16 as some
// spreadsheets write it.
func (im *importer) packed(c intelImportCmd, r io.Reader) error {
	br := bufio.NewReaderSize(r, 1<<16)
	if head, err := br.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return err
		}
		defer z.Close()
		br = bufio.NewReaderSize(&bounded{r: z, left: maxUnpacked}, 1<<16)
	}
	if head, err := br.Peek(2); err == nil && (head[0] == 0xff && head[1] == 0xfe || head[0] == 0xfe && head[1] == 0xff) {
		br = bufio.NewReaderSize(unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Reader(br), 1<<16)
	}
	return im.reader(c, br)
}

// bounded fails when more comes than may.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("more than %d bytes come out of it", int64(maxUnpacked))
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// reader takes in a text of any format.
func (im *importer) reader(c intelImportCmd, br *bufio.Reader) error {
	head, err := br.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	format := c.Format
	if format == "" {
		format = detect(head)
	}
	im.out.Format = format
	switch format {
	case "stix":
		err = im.stix(br)
	case "misp":
		err = im.misp(br)
	case "xarf":
		err = im.xarf(br)
	default:
		err = im.table(c, br, tabular.Format(format))
	}
	if err != nil {
		return err
	}
	return im.flush()
}

// detect tells STIX from MISP by the first keys, and leaves the rest to tabular.
func detect(head []byte) string {
	t := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(t) == 0 || t[0] != '{' && t[0] != '[' {
		return string(tabular.Detect(head))
	}
	for _, key := range []string{`"Event"`, `"response"`, `"Attribute"`, `"Orgc"`} {
		if bytes.Contains(t, []byte(key)) {
			return "misp"
		}
	}
	if xarf.Detect(t) {
		return "xarf"
	}
	if f := tabular.Detect(head); f == tabular.Spamhaus {
		return string(f)
	}
	return "stix"
}

func (im *importer) problem(err error) {
	im.out.Bad++
	if len(im.out.Problems) < maxProblems {
		im.out.Problems = append(im.out.Problems, err.Error())
	}
}

func (im *importer) add(as ...intel.Assertion) error {
	im.out.Assertions += len(as)
	if im.named == nil {
		im.named = named{}
	}
	for i := range as {
		if !im.undo.IsZero() {
			as[i].Retracted = im.undo
			continue
		}
		im.named.note(as[i])
	}
	im.batch = append(im.batch, as...)
	if len(im.batch) < importBatch {
		return nil
	}
	return im.write()
}

// written is what became of a batch.
type written struct {
	fresh int
	err   error
}

// write hands the batch to the database and goes on with reading meanwhile.
func (im *importer) write() error {
	if err := im.wait(); err != nil || len(im.batch) == 0 {
		return err
	}
	batch, done := im.batch, make(chan written, 1)
	im.batch, im.busy = make([]intel.Assertion, 0, importBatch), done
	go func() {
		n, err := im.db.AddAssertions(im.w.ctx, batch, time.Now())
		done <- written{n, err}
	}()
	return nil
}

// wait waits for the batch that is being written.
func (im *importer) wait() error {
	if im.busy == nil {
		return nil
	}
	d := <-im.busy
	im.busy = nil
	im.out.New += d.fresh
	// Long imports tell on a terminal how far they are.
	if p := newProgress(im.w.stderr, im.out.File, 0); p != nil && time.Since(im.shown) > time.Second {
		im.shown = time.Now()
		fmt.Fprintf(im.w.stderr, "\r%s: %d assertions, %d new", im.out.File, im.out.Assertions, im.out.New)
	}
	return d.err
}

// flush writes what is left and waits for it.
func (im *importer) flush() error {
	if err := im.write(); err != nil {
		return err
	}
	return im.wait()
}

func (im *importer) misp(r io.Reader) error {
	var failed error
	err := misp.Stream(r, func(e *misp.Event, bad []error) bool {
		im.out.Objects++
		for _, b := range bad {
			im.problem(fmt.Errorf("event %s: %w", e.UUID, b))
		}
		e.Each(im.source, func(a intel.Assertion, err error) bool {
			if err != nil {
				im.problem(fmt.Errorf("event %s: %w", e.UUID, err))
			} else {
				failed = im.add(a)
			}
			return failed == nil
		})
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	if err == nil && im.out.Objects == 0 {
		err = errors.New("no event is in it")
	}
	if err != nil {
		im.problem(err) // what was read up to there goes in
	}
	return nil
}

func (im *importer) xarf(r io.Reader) error {
	reports, bad, err := xarf.Read(r)
	if err != nil {
		return err
	}
	for _, b := range bad {
		im.problem(b)
	}
	for i, rep := range reports {
		as, err := rep.Assertions(im.source)
		if err != nil {
			im.problem(fmt.Errorf("report %d: %w", i, err))
		}
		if err := im.add(as...); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) table(c intelImportCmd, r io.Reader, f tabular.Format) error {
	m := tabular.DefaultMapping()
	if c.Value != "" {
		m.Value = []string{strings.ToLower(c.Value)}
		f = tabular.CSV
	}
	if c.Type != "" {
		m.Type = []string{strings.ToLower(c.Type)}
	}
	if c.Kind != "" {
		m.Kind, m.Type = intel.ParseKind(c.Kind), nil
	}
	for row := range tabular.Read(r, f, m, im.source) {
		if row.Err != nil {
			im.problem(fmt.Errorf("line %d: %w", row.Line, row.Err))
		}
		if row.Recovered {
			im.out.Recovered++
		}
		if row.Err == nil {
			if err := im.add(row.Assertions...); err != nil {
				return err
			}
		}
	}
	return nil
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
