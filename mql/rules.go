package mql

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"foregate/mql/internal/check"
	"foregate/mql/internal/eval"
	"foregate/mql/internal/syntax"
	"foregate/mql/internal/value"
)

// Bounds of rule files. The largest public rule file has 240 KB, the largest
// public feed 1,588 files.
const (
	maxRuleFile = 1 << 20
	maxRules    = 20_000
	maxTokens   = 200_000 // of one YAML file
	maxKeys     = 5000    // of one YAML file: the parser compares each with the others
	maxNested   = 64      // lists in lists of YAML: the parser's memory grows by the square
	maxText     = 64 << 10
	maxWords    = 1000 // entries of one list field
)

// Kind says what a rule is for.
type Kind string

// The kinds of rule, from the type field and the folder of its file.
const (
	Detection  Kind = "detection"
	Insight    Kind = "insight"
	DLP        Kind = "dlp"
	Discovery  Kind = "discovery"
	Automation Kind = "automation"
	Exclusion  Kind = "exclusion"
)

// Rule is one rule as its file describes it.
type Rule struct {
	ID             string   `yaml:"id"`
	Name           string   `yaml:"name"`
	Description    string   `yaml:"description"`
	Claim          string   `yaml:"claim"` // what a hit says to a recipient, one sentence; "" in rules of others
	Type           string   `yaml:"type"`
	Severity       string   `yaml:"severity"`
	Source         string   `yaml:"source"`
	AttackTypes    []string `yaml:"attack_types"`
	Tactics        []string `yaml:"tactics_and_techniques"`
	Methods        []string `yaml:"detection_methods"`
	Tags           []string `yaml:"tags"`
	References     []string `yaml:"references"`
	FalsePositives []string `yaml:"false_positives"`

	Kind Kind   `yaml:"-"`
	File string `yaml:"-"`
	// Line is the line of File on which Source begins, Indent the columns
	// before it; errors in the source are shown in the file's own lines.
	Line   int `yaml:"-"`
	Indent int `yaml:"-"`
}

// RuleSet is a set of compiled rules. It is immutable and safe for concurrent
// use; swap the whole set to change it.
type RuleSet struct {
	Rules    []*Rule
	prog     *eval.Program
	computes []bool // rules whose source is no truth value
}

// CompileRules checks and compiles rules together. Rules with errors are left
// out, each with its diagnostics; so is every rule but the first of one ID.
func (e *Env) CompileRules(rules []*Rule) (*RuleSet, []error) {
	rs := &RuleSet{prog: eval.NewProgram(e.env)}
	bytes := 0
	for _, rule := range rules {
		bytes += len(rule.Source)
	}
	g := check.NewGraph(bytes)
	var errs []error
	var nodes []*check.Node
	seen := map[string]string{}
	trees := parseAll(rules)
	for i, rule := range rules {
		if other, dup := seen[rule.ID]; dup && rule.ID != "" {
			errs = append(errs, fmt.Errorf("%s: id %s is taken by %s", rule.File, rule.ID, other))
			continue
		}
		n, diags := e.checkTree(g, rule.File, rule.Source, trees[i])
		trees[i] = parsed{}
		if len(diags) > 0 {
			for _, d := range diags {
				d.Line, d.Col = d.Line+max(0, rule.Line-1), d.Col+rule.Indent
				d.Text = strings.Repeat(" ", rule.Indent) + d.Text
				errs = append(errs, d)
			}
			continue
		}
		seen[rule.ID] = rule.File
		rs.Rules = append(rs.Rules, rule)
		nodes = append(nodes, n)
	}
	rs.prog.Prepare(g)
	for _, n := range nodes { // after all are checked, so that shared nodes are known
		rs.prog.Add(n)
		rs.computes = append(rs.computes, n.Type.Kind != value.Bool)
	}
	rs.prog.Finish()
	return rs, errs
}

// parsed is what came of parsing one source.
type parsed struct {
	tree *syntax.Tree
	errs []Diagnostic
}

// parseAll parses the sources on all processors.
func parseAll(rules []*Rule) []parsed {
	out := make([]parsed, len(rules))
	eval.Each(len(rules), func(i int) {
		out[i].tree, out[i].errs = syntax.Parse(rules[i].File, rules[i].Source)
	})
	return out
}

// Needs returns the names of functions with capabilities and of lists that
// rule i may ask for.
func (rs *RuleSet) Needs(i int) (funcs, lists []string) {
	funcs, lists = rs.prog.Names(i)
	slices.Sort(funcs)
	slices.Sort(lists)
	return funcs, lists
}

// Load reads every .yml and .yaml file of fsys that holds a rule and compiles
// them. Files that are no rules (no source) are passed over. Errors are kept
// per file beside the rules that could be read.
func (e *Env) Load(fsys fs.FS) (*RuleSet, []error) {
	rules, errs := ReadRules(fsys)
	rs, more := e.CompileRules(rules)
	return rs, append(errs, more...)
}

// ReadRules reads the rule files of fsys without compiling them.
func ReadRules(fsys fs.FS) ([]*Rule, []error) {
	var rules []*Rule
	var errs []error
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			errs = append(errs, fmt.Errorf("reading rules: %w", err))
			return nil
		}
		if ext := path.Ext(name); d.IsDir() || ext != ".yml" && ext != ".yaml" {
			return nil
		}
		if len(rules) >= maxRules {
			return fmt.Errorf("reading rules: more than %d rule files", maxRules)
		}
		rule, err := readRule(fsys, name)
		if err != nil {
			errs = append(errs, err)
		} else if rule != nil {
			rules = append(rules, rule)
		}
		return nil
	})
	if err != nil {
		errs = append(errs, err)
	}
	return rules, errs
}

func readRule(fsys fs.FS, name string) (*Rule, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading rule: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxRuleFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading rule %s: %w", name, err)
	}
	return ParseRule(name, raw)
}

// ParseRule reads one rule file. It returns nil without an error for YAML that
// is no rule (a mapping without a source).
func ParseRule(file string, raw []byte) (*Rule, error) {
	if len(raw) > maxRuleFile {
		return nil, fmt.Errorf("%s: more than %d bytes", file, maxRuleFile)
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff")) // some editors write it
	if err := invisible(file, raw); err != nil {
		return nil, err
	}
	root, err := parseYAML(file, raw)
	if root == nil || err != nil {
		return nil, err
	}
	rule := &Rule{File: file}
	has := map[string]bool{} // fields
	for _, pair := range root.Values {
		key := pair.Key
		name := key.GetToken().Value
		has[name] = true
		if err := rule.set(name, pair.Value); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, key.GetToken().Position.Line, err)
		}
	}
	if !has["source"] {
		return nil, nil
	}
	for _, pair := range root.Values {
		t := pair.Key.GetToken()
		if hint := misspelt(t.Value, has); hint != "" {
			return nil, fmt.Errorf("%s:%d: rules have no field %q; %s", file, t.Position.Line, t.Value, hint)
		}
	}
	rule.Kind = kindOf(file, rule.Type)
	if rule.Name == "" {
		return nil, fmt.Errorf("%s: rule has no name", file)
	}
	return rule, nil
}

var errNoMapping = errors.New("expected one mapping of names to values")

// parseYAML returns the document's mapping, nil for an empty document. Anchors,
// aliases and merges are refused: no rule needs them, and bombs are made of
// them.
func parseYAML(file string, raw []byte) (*ast.MappingNode, error) {
	tokens, err := tokenize(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	doc, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", file, strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	if len(doc.Docs) == 0 || doc.Docs[0].Body == nil {
		return nil, nil
	}
	if len(doc.Docs) > 1 {
		return nil, fmt.Errorf("%s: more than one document", file)
	}
	switch body := doc.Docs[0].Body.(type) {
	case *ast.MappingNode:
		return body, nil
	case *ast.MappingValueNode:
		return &ast.MappingNode{Values: []*ast.MappingValueNode{body}}, nil
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil, nil
	}
	return nil, fmt.Errorf("%s: %w", file, errNoMapping)
}

func tokenize(raw []byte) (token.Tokens, error) {
	if n := bytes.Count(raw, []byte("[")) + bytes.Count(raw, []byte("{")); n > maxTokens {
		return nil, fmt.Errorf("more than %d brackets", maxTokens)
	}
	tokens := lexer.Tokenize(string(raw))
	if len(tokens) > maxTokens {
		return nil, fmt.Errorf("more than %d YAML tokens", maxTokens)
	}
	// Brackets nest anywhere, dashes on one line; indents only as deep as a file of
	// maxRuleFile bytes can be, which the parser bears.
	keys, brackets, dashes, line := 0, 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			dashes, line = 0, t.Position.Line
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType:
			return nil, fmt.Errorf("line %d: %q is not allowed in rule files", line, t.Value)
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		case token.MappingValueType:
			keys++
		}
		if brackets+dashes > maxNested {
			return nil, fmt.Errorf("line %d: lists are nested deeper than %d levels", line, maxNested)
		}
		if keys > maxKeys {
			return nil, fmt.Errorf("line %d: more than %d keys", line, maxKeys)
		}
	}
	return tokens, nil
}

// The words that the fields severity and type may have. Another would give a rule
// no weight, or a role that it is not meant for, and say nothing.
var (
	severities = []string{"critical", "high", "medium", "low", "informational"}
	ruleTypes  = []string{"rule", "query", "insight", "exclusion", "dlp", "triage_rule"}
)

// oneOf returns an error when a field has a text that is none of words.
func oneOf(field, text string, words []string) error {
	if text == "" || slices.Contains(words, strings.ToLower(text)) {
		return nil
	}
	return fmt.Errorf("%s: %q is none of %s", field, text, strings.Join(words, ", "))
}

// misspelt returns "did you mean X?" for a field that is spelled nearly like one
// that a rule must not lose and lacks.
func misspelt(name string, has map[string]bool) string {
	lacks := slices.DeleteFunc([]string{"id", "type", "severity", "claim", "attack_types"}, func(k string) bool { return has[k] })
	if known := slices.Contains([]string{"name", "description", "source", "tags"}, name); known {
		return ""
	}
	return syntax.Nearest(name, lacks)
}

// set takes one field of the file. Unknown fields are passed over: feeds add
// their own.
func (rule *Rule) set(name string, node ast.Node) error {
	texts := map[string]*string{"id": &rule.ID, "name": &rule.Name, "description": &rule.Description, "claim": &rule.Claim, "type": &rule.Type, "severity": &rule.Severity}
	words := map[string]*[]string{"attack_types": &rule.AttackTypes, "tactics_and_techniques": &rule.Tactics, "detection_methods": &rule.Methods,
		"tags": &rule.Tags, "references": &rule.References, "false_positives": &rule.FalsePositives}
	switch {
	case name == "source":
		return rule.setSource(node)
	case texts[name] != nil:
		s, ok := scalarText(node)
		if !ok || len(s) > maxText {
			return fmt.Errorf("%s: expected a text of at most %d bytes", name, maxText)
		}
		*texts[name] = s
		switch name {
		case "severity":
			return oneOf(name, s, severities)
		case "type":
			return oneOf(name, s, ruleTypes)
		}
	case words[name] != nil:
		list, ok := scalarTexts(node)
		if !ok || len(list) > maxWords {
			return fmt.Errorf("%s: expected a list of at most %d texts", name, maxWords)
		}
		*words[name] = list
	}
	return nil
}

// setSource takes the expression, which YAML may read as a boolean. A text with a
// comment whose lines YAML joins is refused: the comment would take the rest.
func (rule *Rule) setSource(node ast.Node) error {
	switch n := node.(type) {
	case *ast.LiteralNode:
		rule.Source = n.Value.Value
		rule.Line = n.Start.Position.Line + 1
		rule.Indent = indentOf(n.Value.GetToken().Origin)
	case *ast.BoolNode, *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.NullNode:
		rule.Source = node.GetToken().Value
		rule.Line = node.GetToken().Position.Line
		rule.Indent = node.GetToken().Position.Column - 1
	default:
		return errors.New("source: expected an expression as text")
	}
	if strings.TrimSpace(rule.Source) == "" {
		return errors.New("source: is empty")
	}
	if joins(node) {
		if tree, _ := syntax.Parse(rule.File, rule.Source); len(tree.Comments) > 0 {
			return errors.New(`source: YAML joins its lines, and the // comment takes all that follows; begin it with "|"`)
		}
	}
	return nil
}

// joins tells whether a text is written in several lines that YAML joins.
func joins(node ast.Node) bool {
	written := ""
	switch n := node.(type) {
	case *ast.LiteralNode:
		if n.Start.Type != token.FoldedType {
			return false
		}
		written = n.Value.GetToken().Origin
	case *ast.StringNode:
		written = n.Token.Origin
	}
	return strings.Contains(strings.TrimSpace(written), "\n")
}

// indentOf counts the blanks before the first line of a literal block.
func indentOf(origin string) int {
	for line := range strings.Lines(origin) {
		if t := strings.TrimLeft(line, " "); strings.TrimSpace(t) != "" {
			return len(line) - len(t)
		}
	}
	return 0
}

func scalarText(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.NullNode:
		return "", true
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func scalarTexts(node ast.Node) ([]string, bool) {
	if seq, ok := node.(*ast.SequenceNode); ok {
		var out []string
		for _, item := range seq.Values {
			s, ok := scalarText(item)
			if !ok {
				return nil, false
			}
			out = append(out, s)
		}
		return out, true
	}
	s, ok := scalarText(node)
	if !ok || s == "" {
		return nil, ok
	}
	return []string{s}, true
}

// kindOf tells a rule's kind: the type names automations and queries, the
// folder the rest.
func kindOf(file, typ string) Kind {
	dirs := "/" + strings.ToLower(path.Dir(file)) + "/"
	switch {
	case typ == "triage_rule" || strings.Contains(dirs, "/automations/"):
		return Automation
	case typ == "exclusion" || strings.Contains(dirs, "/exclusions/"):
		return Exclusion
	case strings.Contains(dirs, "/dlp"):
		return DLP
	case strings.Contains(dirs, "/discovery"):
		return Discovery
	case typ == "query" || typ == "insight" || strings.Contains(dirs, "/insights/"):
		return Insight
	}
	return Detection
}
