// Package jsfold folds JavaScript: it works out, without a browser and without
// running the script, what values the script's own constants lead to. A page
// that carries a file as text, to put it together in the reader's browser, gives
// it away like this, as does a script that spells its target backwards.
//
// Folding knows the pure part of the language: literals, variables, functions,
// loops, the methods of strings, arrays and bytes. Everything else (the
// document, the network, the clock) is unknown, and what a script would do with
// it is noted instead of done: the file it would save, the address it would go
// to, the code or markup it would add. Where a condition is unknown, both of its
// branches are followed. Steps, memory and depth are bounded.
package jsfold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"
)

// Bounds of one script or page.
const (
	// maxSteps is up to two seconds' work: a decoder of half a megabyte,
	// written in the script itself, takes 10 to 20 steps for each character.
	maxSteps = 12_000_000
	// maxMemory bounds what all values together take over time, in bytes.
	maxMemory = 128 << 20
	// maxText bounds one string, in units.
	maxText = 24 << 20
	// maxDepth bounds calls and expressions inside each other.
	maxDepth = 1000
	// maxSource bounds the scripts of one page, in bytes.
	maxSource = 32 << 20
	// maxNotes bounds each list of a report.
	maxNotes = 64
	// maxLayers is how many times code may unpack code.
	maxLayers = 8
)

// File is a file that a script puts together.
type File struct {
	Name  string // "" where the script gives none
	Media string // the media type it is told to be
	Data  []byte
	Saved bool // the script hands it to the reader, beside making it
}

// Call is what a script asks of a program of Windows.
type Call struct {
	Object, Method string
	Args           []string
}

// Report is what folding found out.
type Report struct {
	Files    []File
	Goes     []string // addresses that the reader is sent to
	Asks     []string // addresses that data is fetched from or sent to
	Loads    []string // addresses of scripts, frames and pictures
	Markup   []string // markup that is written into the page
	Code     []string // code that is made from text
	Calls    []Call
	Signs    []string // functions used that ordinary pages seldom need together
	Problems []string // why folding stopped, and what could not be read
}

// Element is an element of the page that scripts may read.
type Element struct {
	Tag   string
	Attrs map[string]string
	Text  string
}

// Fold folds scripts that share one page, in order. elements are those that
// have an ID; nil where there is no page. It never fails: what could not be read
// is in Problems.
func Fold(ctx context.Context, elements map[string]Element, scripts ...[]byte) Report {
	x := &interp{ctx: ctx, global: &scope{vars: map[string]value{}}, blobs: map[string]*object{}, signs: map[string]bool{}, page: elements, found: map[string]*object{}, names: map[string]string{}}
	size := 0
	for i, s := range scripts {
		if size += len(s); size > maxSource {
			x.problem("scripts are longer than %d bytes", maxSource)
			break
		}
		// A script that is not followed to its end leaves half of what is left
		// to the others.
		x.limit = x.steps + (maxSteps-x.steps)/2
		if i == len(scripts)-1 {
			x.limit = maxSteps / 8 * 7 // functions that nothing called come last
		}
		x.guarded(func() { x.source(s) })
		if x.memory > maxMemory || x.ctx.Err() != nil {
			break
		}
	}
	x.limit = maxSteps
	x.guarded(x.later)
	x.collect()
	return x.report
}

type interp struct {
	ctx    context.Context
	steps  int
	limit  int // of steps, for now
	memory int64
	depth  int
	layers int
	global *scope
	thrown bool

	page    map[string]Element
	found   map[string]*object // elements that scripts have asked for
	names   map[string]string  // of members, each once
	report  Report
	signs   map[string]bool
	blobs   map[string]*object // by the URL made for them
	made    []*object          // blobs in order
	saved   []*object          // elements with a download name
	opened  []octetsOf         // decoded bytes that may be files
	pending []value            // functions to be called by events and timers
	seen    []*function        // functions declared
}

// octetsOf are decoded bytes.
type octetsOf []byte

// scope holds the variables of one call.
type scope struct {
	vars map[string]value
	up   *scope
	this value
}

// errStop ends folding: a bound was met or the time is over.
var errStop = errors.New("stop")

// guarded runs f and tells whether folding may go on.
func (x *interp) guarded(f func()) (ok bool) {
	defer func() {
		x.depth, x.thrown = 0, false
		if r := recover(); r != nil {
			err, stop := r.(error)
			if !stop || !errors.Is(err, errStop) {
				panic(r)
			}
			ok = false
		}
	}()
	f()
	return true
}

// stop ends folding with a reason.
func (x *interp) stop(format string, args ...any) {
	x.problem(format, args...)
	panic(errStop)
}

func (x *interp) problem(format string, args ...any) {
	if p := fmt.Sprintf(format, args...); len(x.report.Problems) < maxNotes && !slices.Contains(x.report.Problems, p) {
		x.report.Problems = append(x.report.Problems, p)
	}
}

// step charges n steps.
func (x *interp) step(n int) {
	before := x.steps
	x.steps += n
	if x.steps > x.limit {
		x.stop("the script takes more steps to follow than it is given")
	}
	const often = 4096
	if before/often != x.steps/often && x.ctx.Err() != nil {
		x.stop("no time left to follow the script")
	}
}

// take charges n bytes of values, and the work of filling them.
func (x *interp) take(n int) {
	x.memory += int64(n)
	x.step(n/64 + 1)
	if x.memory > maxMemory || n > 2*maxText {
		x.stop("the script's values are larger than %d MiB", maxMemory>>20)
	}
}

// source folds one script or handler.
func (x *interp) source(src []byte) {
	ast, err := js.Parse(parse.NewInputBytes(slices.Clone(src)), js.Options{Inline: true})
	if err != nil {
		x.problem("a script cannot be read: %s", firstLine(err.Error()))
	}
	if ast == nil {
		return
	}
	x.hoist(ast.List, x.global)
	for _, s := range ast.List {
		x.statement(s, x.global)
		x.thrown = false
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// code folds text that a script makes code of.
func (x *interp) code(v value, s *scope) value {
	t, ok := v.(text)
	if !ok {
		if known(v) {
			return v
		}
		return mystery("eval")
	}
	note(&x.report.Code, t.String())
	if x.layers++; x.layers > maxLayers {
		x.layers--
		return mystery("eval")
	}
	defer func() { x.layers-- }()
	x.take(t.n)
	ast, err := js.Parse(parse.NewInputString(t.String()), js.Options{Inline: true})
	if err != nil {
		x.problem("code made of text cannot be read: %s", firstLine(err.Error()))
	}
	if ast == nil {
		return mystery("eval")
	}
	x.hoist(ast.List, s)
	var last value
	for _, st := range ast.List {
		if e, ok := st.(*js.ExprStmt); ok {
			last = x.eval(e.Value, s)
			continue
		}
		if done, v := x.statement(st, s); done == returned {
			return v
		}
	}
	return last
}

// later calls what events and timers would call, then the functions that
// nothing called.
func (x *interp) later() {
	const rounds = 4
	for range rounds {
		todo := x.pending
		x.pending = nil
		for _, f := range todo {
			x.call(f, nil, nil)
			x.thrown = false
		}
	}
	for i := 0; i < len(x.seen) && i < maxNotes; i++ {
		if f := x.seen[i]; !f.called {
			args := make([]value, len(f.params.List))
			for j := range args {
				args[j] = mystery("argument")
			}
			x.call(f, nil, args)
			x.thrown = false
		}
	}
}

// collect turns blobs and decoded bytes into files.
func (x *interp) collect() {
	names := map[*object]string{}
	saved := map[*object]bool{}
	for _, e := range x.saved {
		href, _ := e.props["href"].(text)
		name, _ := e.props["download"].(text)
		target := href.String()
		b := x.blobs[target]
		if b != nil {
			names[b], saved[b] = name.String(), true
		} else if len(target) > 5 && strings.EqualFold(target[:5], "data:") {
			x.file(File{Name: name.String(), Data: []byte(target), Media: dataURL, Saved: true})
		}
	}
	for _, b := range x.made {
		if b.name != "" {
			names[b], saved[b] = b.name, saved[b] || b.props["saved"] != nil
		}
		if len(b.data) > 0 {
			x.file(File{Name: names[b], Media: b.media, Data: b.data, Saved: saved[b]})
		}
	}
	for _, o := range x.opened {
		x.file(File{Data: o})
	}
	for s := range x.signs {
		x.report.Signs = append(x.report.Signs, s)
	}
	slices.Sort(x.report.Signs)
}

// dataURL marks a File whose Data is a data URL still to be decoded.
const dataURL = "data:"

// IsDataURL tells that a file's Data is a data URL, to be decoded by the caller.
func (f File) IsDataURL() bool { return f.Media == dataURL }

func (x *interp) file(f File) {
	for i := range x.report.Files {
		if have := &x.report.Files[i]; string(have.Data) == string(f.Data) {
			if have.Name == "" {
				have.Name = f.Name
			}
			have.Saved = have.Saved || f.Saved
			return
		}
	}
	if len(x.report.Files) < maxNotes {
		x.report.Files = append(x.report.Files, f)
	}
}

// note adds a text to a list once.
func note(list *[]string, s string) {
	if s != "" && len(*list) < maxNotes && !slices.Contains(*list, s) {
		*list = append(*list, s)
	}
}
