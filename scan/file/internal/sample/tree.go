package sample

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"foregate/scan/file/tree"

	"github.com/google/go-cmp/cmp"
)

// Marker stands for a malicious program: inert, found by every test.
const Marker = "MZ this is the marker program, which runs nowhere; it only has to be found inside documents of all kinds"

// EICAR is the test virus, put together at run time so that no scanner takes
// the source for it.
func EICAR() []byte {
	return []byte(`X5O!P%@AP[4\PZX54(P^)7CC)7}$` + "EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*")
}

// Input is a file with a fresh budget.
func Input(name string, data []byte) *tree.Input {
	return &tree.Input{Name: name, Data: data, Budget: tree.DefaultBudget()}
}

// Render writes a result as text to compare with a golden file. Facts are
// written as JSON, children with the start of their content.
func Render(res tree.Result, err error) string {
	var b strings.Builder
	for _, f := range res.Findings {
		fmt.Fprintf(&b, "finding %s: %s\n", f.ID, f.Claim)
		if f.Quote != "" {
			fmt.Fprintf(&b, "\t%s\n", f.Quote)
		}
	}
	for _, c := range res.Children {
		fmt.Fprintf(&b, "child %s %q path %q declared %q size %d problem %q\n", c.How, c.Name, c.Path, c.Declared, len(c.Data), c.Problem)
		if c.Password != "" {
			fmt.Fprintf(&b, "\tpassword %q\n", c.Password)
		}
		if len(c.Data) > 0 {
			fmt.Fprintf(&b, "\t%.40q\n", c.Data)
		}
	}
	for _, u := range res.URLs {
		fmt.Fprintf(&b, "url %s\n", u)
	}
	for line := range strings.Lines(res.Text) {
		fmt.Fprintf(&b, "text %s\n", strings.TrimRight(line, "\r\n"))
	}
	for _, k := range slices.Sorted(maps.Keys(res.Facts)) {
		j, jerr := json.MarshalIndent(res.Facts[k], "", " ")
		if jerr != nil {
			j = []byte(jerr.Error())
		}
		fmt.Fprintf(&b, "fact %s %s\n", k, j)
	}
	if err != nil {
		fmt.Fprintf(&b, "error %v\n", err)
	}
	return b.String()
}

// Golden opens a file with a parser and compares the result with
// testdata/name.golden; with the flag -update it writes that file.
func Golden(t *testing.T, p tree.Parser, name string, in *tree.Input) tree.Result {
	t.Helper()
	if !p.Opens(in) {
		t.Fatalf("%s does not open %q", p.Name(), in.Name)
	}
	res, err := p.Open(context.Background(), in)
	got := Render(res, err)
	path := filepath.Join("testdata", name+".golden")
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
	return res
}

// Torture opens every prefix (in steps) and mutations of a file: whatever comes
// out, the parser must return, without a panic and within the budget.
func Torture(t *testing.T, p tree.Parser, name string, data []byte) {
	t.Helper()
	step := max(1, len(data)/150)
	for n := 0; n <= len(data); n += step {
		open(t, p, name, data[:n])
	}
	for i := 0; i < len(data); i += step {
		for _, v := range []byte{0x00, 0xff, 0x7f} {
			broken := slices.Clone(data)
			broken[i] = v
			if i+3 < len(broken) && v != 0x7f {
				broken[i+1], broken[i+2], broken[i+3] = v, v, v
			}
			open(t, p, name, broken)
		}
	}
}

func open(t *testing.T, p tree.Parser, name string, data []byte) {
	t.Helper()
	in := Input(name, data)
	if !p.Opens(in) {
		return
	}
	res, _ := p.Open(context.Background(), in)
	Check(t, res)
}

// Check holds a result to the bounds that every parser promises.
func Check(t *testing.T, res tree.Result) {
	t.Helper()
	var sum int64
	for _, c := range res.Children {
		sum += int64(len(c.Data))
	}
	if sum > tree.MaxBytes || len(res.Children) > tree.MaxEntries+1 || len(res.Text) > 2<<20 {
		t.Fatalf("over the bounds: %d bytes, %d children, %d bytes of text", sum, len(res.Children), len(res.Text))
	}
	for _, f := range res.Findings {
		if f.ID == "" || f.Claim == "" {
			t.Fatalf("empty finding %+v", f)
		}
	}
}
