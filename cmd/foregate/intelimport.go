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
	"time"

	"golang.org/x/text/encoding/unicode"

	"foregate/intel"
	"foregate/intel/misp"
	"foregate/intel/tabular"
	"foregate/intel/xarf"
	"foregate/store"
)

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
