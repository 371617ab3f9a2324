package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"foregate/mail"
	"foregate/scan/file"
	"foregate/scan/file/sandbox"
)

type explodeCmd struct {
	File     string `arg:"" help:"A file or a message; - reads standard input."`
	JSON     bool   `help:"The tree as JSON."`
	Extract  string `placeholder:"DIR" help:"Write every file found into this folder, under a safe name and without the execute bit. Nothing is overwritten."`
	Password string `short:"p" help:"A password to try first."`
	Sandbox  string `enum:"auto,off,require," default:"" placeholder:"MODE" help:"auto, off or require; overrides files.sandbox."`
}

// Help is the long help text.
func (explodeCmd) Help() string {
	return `Shows what is inside a file, without running any of it: one line for each file
found, with its type by content, size and hash, and one for each finding.

Examples:
  foregate explode invoice.zip
  foregate explode --json suspicious.eml | jq '.. | .url? // empty'
  foregate explode --extract /tmp/samples --password infected sample.7z`
}

// maxExplode bounds the file: as much as a message may decode to.
const maxExplode = 256 << 20

// Run prints the tree of the file.
func (c explodeCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	if c.Sandbox != "" {
		conf.Files.Sandbox = c.Sandbox
	}
	data, err := c.read(w.stdin)
	if err != nil {
		return err
	}
	trees, err := newTrees(conf)
	if err != nil {
		return err
	}
	name := filepath.Base(c.File)
	if c.File == "-" {
		name = ""
	}
	r := file.Request{Files: []file.Source{{Name: name, Data: data}}, Keep: c.Extract != ""}
	if c.Password != "" {
		r.Passwords = append(r.Passwords, c.Password)
	}
	m := &mail.Message{}
	if file.Type(data) == "eml" {
		m = mail.Parse(mail.Envelope{}, data)
	}
	r.Passwords = append(r.Passwords, file.Passwords(m)...)
	nodes, err := trees.Exploder.Explode(w.ctx, r)
	if len(nodes) == 1 {
		if perr := c.print(w.stdout, nodes[0]); perr != nil {
			return perr
		}
		if c.Password == "" && locked(nodes[0]) {
			fmt.Fprintln(w.stderr, "Something in it is locked; --password WORD tries a word.")
		}
		if c.Extract != "" {
			err = errors.Join(err, extract(w.stderr, c.Extract, nodes[0]))
		}
	}
	return err
}

func (c explodeCmd) read(stdin io.Reader) ([]byte, error) {
	in := stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxExplode+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", c.File, err)
	}
	if len(data) > maxExplode {
		return nil, fmt.Errorf("reading %s: more than %d bytes", c.File, maxExplode)
	}
	return data, nil
}

func (c explodeCmd) print(out io.Writer, root *file.Node) error {
	if c.JSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(root)
	}
	var b strings.Builder
	root.Walk(func(n *file.Node, path []string) {
		in := strings.Repeat("  ", len(path)-1)
		typ := n.Type
		if typ == "" {
			typ = "?"
		}
		fmt.Fprintf(&b, "%s%s  %s", in, n.Label(), typ)
		if n.SHA256 == "" {
			b.WriteString("  not opened")
		} else {
			fmt.Fprintf(&b, "  %d bytes  sha256 %s  md5 %s", n.Size, n.SHA256, n.MD5)
		}
		if n.How != "attached" || n.Depth > 0 {
			fmt.Fprintf(&b, "  %s", n.How)
		}
		if n.Path != "" {
			fmt.Fprintf(&b, "  from %q", n.Path)
		}
		if n.Password != "" {
			fmt.Fprintf(&b, "  password %q", n.Password)
		}
		b.WriteByte('\n')
		for _, f := range n.Findings {
			fmt.Fprintf(&b, "%s  ! %s [%s]\n", in, f.Claim, f.ID)
		}
		if n.Problem != "" {
			fmt.Fprintf(&b, "%s  ? %s\n", in, n.Problem)
		}
	})
	_, err := io.WriteString(out, b.String())
	return err
}

// extract writes every file of the tree into dir. Names are made safe and end
// in ".inert", so that nothing runs by a careless click; what exists is left.
func extract(told io.Writer, dir string, root *file.Node) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("extracting: %w", err)
	}
	in, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("extracting: %w", err)
	}
	defer in.Close()
	i := 0
	var errs []error
	root.Walk(func(n *file.Node, _ []string) {
		i++
		if n == root || n.Data == nil {
			return
		}
		name := fmt.Sprintf("%03d-%s.inert", i, safeName(n.Label()))
		f, err := in.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			errs = append(errs, fmt.Errorf("extracting: %w", err))
			return
		}
		_, werr := f.Write(n.Data)
		if err := errors.Join(werr, f.Close()); err != nil {
			errs = append(errs, fmt.Errorf("extracting: %w", err))
			return
		}
		fmt.Fprintln(told, filepath.Join(dir, name))
	})
	return errors.Join(errs...)
}

// safeName keeps letters, digits, dots, dashes and underscores of a name's last
// part, at most 80, its extension among them.
func safeName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	const most, mostExt = 80, 16
	out := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, name)
	if len(out) > most {
		ext := filepath.Ext(out)
		if len(ext) > mostExt {
			ext = ""
		}
		out = out[:most-len(ext)] + ext
	}
	return strings.TrimLeft(out, ".")
}

// locked tells whether a file of the tree wants a password.
func locked(root *file.Node) bool {
	found := false
	root.Walk(func(n *file.Node, _ []string) { found = found || strings.HasPrefix(n.Problem, "encrypted") })
	return found
}

// fileWorkerCmd is the child that opens untrusted files.
type fileWorkerCmd struct{}

// Run gives up every right and answers requests on standard input until it
// ends.
func (fileWorkerCmd) Run(w *world) error { return sandbox.Serve(w.stdin, w.stdout, file.Work) }
