package file

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every finding that has a prior is found by some parser, and none counts more
// than a prior may.
func TestPriors(t *testing.T) {
	var code strings.Builder
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || path == "priors.go" {
			return err
		}
		b, err := os.ReadFile(path)
		code.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("priors.go")
	if err != nil {
		t.Fatal(err)
	}
	ids := regexp.MustCompile(`"file\.[a-z-]+"`).FindAllString(string(own), -1)
	if len(ids) < 40 {
		t.Fatalf("only %d priors", len(ids))
	}
	for _, id := range ids {
		if !strings.Contains(code.String(), id) {
			t.Errorf("nothing finds %s", id)
		}
		if w := prior(strings.Trim(id, `"`)); w <= 0 || w > 1 {
			t.Errorf("%s weighs %v", id, w)
		}
	}
}
