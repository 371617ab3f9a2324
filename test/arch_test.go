// Package test holds the house rules: what the code may import, how large it
// may grow, and that the documentation's examples run.
package test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// floors ranks every package. A package imports lower ranks only; packages of
// one rank never see each other. See docs/adr/0001-floors.md.
func floors() map[string]int {
	return map[string]int{
		"domain": 0, "evidence": 0, "dns": 0,
		"mail": 1, "intel": 1,
		"mql": 2, "policy": 2, "rules": 2, "training": 2,
		"scan":      3,
		"scan/auth": 4, "scan/link": 4, "scan/file": 4, "scan/text": 4, "scan/sender": 4, "scan/known": 4, "scan/claim": 4, "scan/form": 4, "scan/rule": 4,
		"store": 4, "quarantine": 5, "watch": 4, "takedown": 4, "recall": 4, "feed": 4, "rpz": 4, "posture": 4,
		"smtpd": 6, "milter": 6, "api": 6, "web": 6,
		"cmd/foregate": 7,
		"bench":        8,
		"test":         8, "bench/history": 8, "bench/rspamd": 8,
	}
}

const (
	module       = "foregate/"
	maxFuncLines = 150
	maxFileLines = 900
)

// house returns the ranked package that a directory belongs to: itself or the
// nearest parent that is ranked.
func house(dir string) (string, bool) {
	for d := dir; d != "." && d != "/"; d = path.Dir(d) {
		if _, ok := floors()[d]; ok {
			return d, true
		}
	}
	return "", false
}

type source struct {
	path string // slash-separated, from the repository's root
	dir  string
	fset *token.FileSet
	file *ast.File
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) generated() bool { return ast.IsGenerated(s.file) }

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(p, ".."), string(filepath.Separator)))
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || rel == "var" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{path: rel, dir: path.Dir(rel), fset: fset, file: f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10 {
		t.Fatalf("only %d Go files found: is the test run from its own folder?", len(out))
	}
	return out
}

func TestFloors(t *testing.T) {
	for _, s := range sources(t) {
		home, ok := house(s.dir)
		if !ok {
			t.Errorf("%s: package %s has no floor: add it to the table and to the design", s.path, s.dir)
			continue
		}
		if s.isTest() {
			continue // tests may look anywhere
		}
		for _, imp := range s.file.Imports {
			p := strings.Trim(imp.Path.Value, `"`)
			if !strings.HasPrefix(p, module) {
				continue
			}
			to, ok := house(strings.TrimPrefix(p, module))
			if !ok || to == home {
				continue
			}
			if floors()[to] >= floors()[home] {
				t.Errorf("%s: %s (floor %d) imports %s (floor %d); imports point down", s.path, home, floors()[home], to, floors()[to])
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		if s.generated() {
			continue
		}
		if n := s.fset.File(s.file.Pos()).LineCount(); n > maxFileLines {
			t.Errorf("%s has %d lines, the house allows %d", s.path, n, maxFileLines)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			fn, ok := n.(*ast.FuncDecl)
			if !ok {
				return true
			}
			if lines := s.fset.Position(fn.End()).Line - s.fset.Position(fn.Pos()).Line + 1; lines > maxFuncLines {
				t.Errorf("%s: %s has %d lines, the house allows %d", s.path, fn.Name.Name, lines, maxFuncLines)
			}
			return true
		})
	}
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: func init: wire it in the composition root", s.path)
			}
		}
	}
}

// TestNoMutablePackageVariables finds package variables that any function
// assigns to, increments or takes the address of.
func TestNoMutablePackageVariables(t *testing.T) {
	vars := map[string]map[string]bool{} // dir → names
	all := sources(t)
	for _, s := range all {
		for _, d := range s.file.Decls {
			gd, ok := d.(*ast.GenDecl)
			if !ok || gd.Tok != token.VAR || s.isTest() {
				continue
			}
			for _, spec := range gd.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if vars[s.dir] == nil {
						vars[s.dir] = map[string]bool{}
					}
					vars[s.dir][name.Name] = true
				}
			}
		}
	}
	for _, s := range all {
		if s.isTest() {
			continue
		}
		for _, w := range writes(s.file, vars[s.dir]) {
			t.Errorf("%s: package variable %s is written to: make it a field", s.fset.Position(w.Pos()), w.Name)
		}
	}
}

// writes returns the identifiers of package variables that the file writes to.
func writes(f *ast.File, names map[string]bool) []*ast.Ident {
	var found []*ast.Ident
	check := func(e ast.Expr) {
		if id := root(e); id != nil && names[id.Name] && !local(f, id) {
			found = append(found, id)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				return true
			}
			for _, l := range n.Lhs {
				check(l)
			}
		case *ast.IncDecStmt:
			check(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				check(n.X)
			}
		}
		return true
	})
	return found
}

// root returns the variable at the root of a selector or index expression.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// local tells whether the identifier resolves to something declared inside a
// function of the file.
func local(f *ast.File, id *ast.Ident) bool {
	if id.Obj == nil {
		return false // declared in another file of the package
	}
	return f.Scope.Lookup(id.Name) != id.Obj
}

// TestExportedNamesAreDocumented wants a doc comment on every exported name of
// every package that others can import.
func TestExportedNamesAreDocumented(t *testing.T) {
	pkgDocs := map[string]bool{}
	for _, s := range sources(t) {
		if s.isTest() || s.file.Name.Name == "main" {
			continue
		}
		if _, seen := pkgDocs[s.dir]; !seen {
			pkgDocs[s.dir] = false
		}
		if s.file.Doc != nil {
			pkgDocs[s.dir] = true
		}
		for _, name := range undocumented(s.file) {
			t.Errorf("%s: exported %s has no doc comment", s.path, name)
		}
	}
	for dir, ok := range pkgDocs {
		if !ok {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

func undocumented(f *ast.File) []string {
	var out []string
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d)) {
				out = append(out, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				out = append(out, undocumentedSpec(d, spec)...)
			}
		}
	}
	return out
}

func undocumentedSpec(d *ast.GenDecl, spec ast.Spec) []string {
	switch sp := spec.(type) {
	case *ast.TypeSpec:
		if sp.Name.IsExported() && d.Doc == nil && sp.Doc == nil {
			return []string{sp.Name.Name}
		}
	case *ast.ValueSpec:
		var out []string
		for _, n := range sp.Names {
			if n.IsExported() && d.Doc == nil && sp.Doc == nil && sp.Comment == nil {
				out = append(out, n.Name)
			}
		}
		return out
	}
	return nil
}

func exportedReceiver(d *ast.FuncDecl) bool {
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// TestFloorTable keeps the table of floors free of packages that are gone from
// the design: what is listed and has no folder yet is part of the plan.
func TestFloorTable(t *testing.T) {
	planned := []string{"feed", "intel", "rules", "scan/text", "scan/sender", "scan/known", "scan/file", "scan/rule", "scan/form", "watch", "takedown", "recall", "rpz", "posture", "milter", "api", "web", "mql"}
	have := map[string]bool{}
	for _, s := range sources(t) {
		if h, ok := house(s.dir); ok {
			have[h] = true
		}
	}
	var missing []string
	for p := range floors() {
		if !have[p] && !slices.Contains(planned, p) {
			missing = append(missing, p)
		}
	}
	if len(missing) > 0 {
		t.Errorf("ranked but neither there nor planned: %v", missing)
	}
}
