package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"foregate/mql"
)

// Bounds of a set of rule files. The largest public feed has 1,588 files and
// 8 MB; an archive of more than that is a bomb or no feed.
const (
	maxRuleBytes = 1 << 20 // of one file, as mql.ParseRule
	maxRuleFiles = 20_000
	maxRuleTotal = 256 << 20 // bytes of all files, unpacked
)

// ruleFile is one YAML file. err says why it could not be read.
type ruleFile struct {
	name string // as shown to people
	// place is the name below the folder or archive given, with the folder's
	// own last name; it tells the kind of the rule.
	place string
	raw   []byte
	err   error
}

// rule parses the file; nil without an error when it holds no rule.
func (f ruleFile) rule() (*mql.Rule, error) {
	if f.err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, f.err)
	}
	r, err := mql.ParseRule(f.place, f.raw)
	if err != nil && f.place != f.name {
		_, err = mql.ParseRule(f.name, f.raw) // the error with the name that people know
	}
	if err != nil {
		return nil, withPlace(err)
	}
	if r != nil {
		r.File = f.name
	}
	return r, nil
}

// inFile is an error of the YAML reader: file, then line and column in brackets.
var inFile = regexp.MustCompile(`^([^\n]+?): \[(\d+):(\d+)\] (?s:(.*))$`)

// withPlace writes the place of an error of the YAML reader as all others are
// written.
func withPlace(err error) error {
	if m := inFile.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("%s:%s:%s: %s", m[1], m[2], m[3], m[4])
	}
	return err
}

func isRuleFile(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".yml" || ext == ".yaml"
}

// ruleFiles reads the YAML files of a folder and its sub-folders, of a .tar.gz,
// or the one file named, in sorted order.
func ruleFiles(name string) ([]ruleFile, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	switch {
	case info.IsDir():
		abs, err := filepath.Abs(name)
		if err != nil {
			return nil, fmt.Errorf("reading rules: %w", err)
		}
		return ruleFilesFS(os.DirFS(name), name, filepath.Base(abs))
	case strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz"):
		return ruleArchive(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	defer f.Close()
	raw, err := readBounded(f)
	abs, _ := filepath.Abs(name)
	return []ruleFile{{name: name, place: path.Join(filepath.Base(filepath.Dir(abs)), filepath.Base(abs)), raw: raw, err: err}}, nil
}

// readBounded reads a rule file, of which one byte too many is enough to be
// refused.
func readBounded(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxRuleBytes+1))
	if err == nil && len(raw) > maxRuleBytes {
		return nil, fmt.Errorf("more than %d bytes", maxRuleBytes)
	}
	return raw, err
}

var errTooManyRules = fmt.Errorf("more than %d rule files or %d bytes of them", maxRuleFiles, maxRuleTotal)

// ruleFilesFS reads the YAML files of fsys. shown goes before their names, base
// before their places. A file that cannot be read is in the answer with its
// error; links and devices are passed over.
func ruleFilesFS(fsys fs.FS, shown, base string) ([]ruleFile, error) {
	var out []ruleFile
	total := 0
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		full := path.Join(filepath.ToSlash(shown), name)
		if err != nil {
			if name == "." {
				return err
			}
			out = append(out, ruleFile{name: full, err: err})
			return nil
		}
		if !isRuleFile(name) || !d.Type().IsRegular() && d.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		rf := ruleFile{name: full, place: path.Join(base, name)}
		rf.raw, rf.err = readFile(fsys, name)
		out = append(out, rf)
		if total += len(rf.raw); len(out) > maxRuleFiles || total > maxRuleTotal {
			return errTooManyRules
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading rules: %s: %w", shown, err)
	}
	return out, nil
}

func readFile(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is no regular file")
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readBounded(f)
}

// ruleArchive reads the YAML files of a .tar.gz.
func ruleArchive(name string) ([]ruleFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading rules: %s: %w", name, err)
	}
	// The limit also bounds what is skipped: members that are no rules.
	tr := tar.NewReader(io.LimitReader(gz, 4*maxRuleTotal))
	var out []ruleFile
	total := 0
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading rules: %s: %w", name, err)
		}
		if h.Typeflag != tar.TypeReg || !isRuleFile(h.Name) {
			continue
		}
		rf := ruleFile{name: path.Clean(h.Name), place: path.Clean(h.Name)}
		rf.raw, rf.err = readBounded(tr)
		out = append(out, rf)
		if total += len(rf.raw); len(out) > maxRuleFiles || total > maxRuleTotal {
			return nil, fmt.Errorf("reading rules: %s: %w", name, errTooManyRules)
		}
	}
}

// parseRules parses files: the rules, and one error for each file that is
// refused. Files that hold no rule are passed over.
func parseRules(files []ruleFile) (rules []*mql.Rule, errs []error) {
	for _, f := range files {
		r, err := f.rule()
		switch {
		case err != nil:
			errs = append(errs, err)
		case r != nil:
			rules = append(rules, r)
		}
	}
	return rules, errs
}
