// Command report reads the JSON lines of go test and prints what people and
// machines want to know at the end: failures with their output, skips with
// their reasons, and the count. With CI set, a skip is a failure.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// event is one line of "go test -json".
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

type tally struct {
	passed, failed, skipped int
	output                  map[string]*strings.Builder
	keep                    []string // lines that tests mark with "figure:"
}

func main() {
	f, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(2)
	}
	t, err := read(f, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(2)
	}
	for _, l := range t.keep {
		fmt.Println(l)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", t.passed, t.failed, t.skipped)
	if t.failed > 0 || t.passed == 0 || os.Getenv("CI") != "" && t.skipped > 0 {
		os.Exit(1)
	}
}

// read tallies the events and prints failures and skips with their output.
func read(r io.Reader, w io.Writer) (tally, error) {
	t := tally{output: map[string]*strings.Builder{}}
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 1<<20), 1<<26)
	for sc.Scan() {
		var e event
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			fmt.Fprintln(w, sc.Text()) // a build failure speaks plainly
			continue
		}
		t.add(e, w)
	}
	return t, sc.Err()
}

func (t *tally) add(e event, w io.Writer) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(w, e.Output)
	case "output":
		if t.output[key] == nil {
			t.output[key] = &strings.Builder{}
		}
		t.output[key].WriteString(e.Output)
		if _, fig, ok := strings.Cut(e.Output, "figure: "); ok {
			t.keep = append(t.keep, strings.TrimSpace("figure: "+fig))
		}
	case "pass":
		if e.Test == "" {
			fmt.Fprintf(w, "ok    %s (%.1fs)\n", e.Package, e.Elapsed)
			break
		}
		t.passed++
		delete(t.output, key)
	case "skip":
		if e.Test == "" {
			break // a package without tests
		}
		t.skipped++
		t.show(w, "SKIP", key)
		delete(t.output, key)
	case "fail":
		t.failed++
		t.show(w, "FAIL", key)
		delete(t.output, key)
		if e.Test == "" {
			t.showUnfinished(w, e.Package)
		}
	}
}

// showUnfinished shows the tests of a package that neither passed nor failed:
// what was running when the process died.
func (t *tally) showUnfinished(w io.Writer, pkg string) {
	for _, key := range slices.Sorted(maps.Keys(t.output)) {
		if strings.HasPrefix(key, pkg+" ") && key != pkg+" " {
			t.show(w, "unfinished", key)
		}
	}
}

func (t *tally) show(w io.Writer, word, key string) {
	fmt.Fprintf(w, "%s  %s\n", word, key)
	if o := t.output[key]; o != nil {
		fmt.Fprint(w, o.String())
	}
}
