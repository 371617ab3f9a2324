package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"foregate/mail"
	"foregate/scan/file/filetest"
	"foregate/scan/file/sandbox"
)

// TestMain is the program under test and, with an argument, its child.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "file-worker" {
		if err := sandbox.Serve(os.Stdin, os.Stdout, Work); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func boxed(t testing.TB) Sandboxed {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	p := &sandbox.Pool{Command: []string{exe, "file-worker"}, Workers: 1, Log: quiet}
	t.Cleanup(p.Close)
	return Sandboxed{Pool: p, Log: quiet}
}

// What is hidden is found in the sandbox as well as outside, to the byte: no
// parser needs what the sandbox forbids.
func TestSandboxed(t *testing.T) {
	box := boxed(t)
	f := filetest.File{Name: "MARKER.EXE", Data: filetest.Program("marker")}
	for _, h := range hideouts(f) {
		r := Request{Keep: true, Files: []Source{{Name: h.attachment, Data: h.data}}, Passwords: []string{"Winter2026"}}
		local, err := Local{}.Explode(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := box.Explode(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %v", h.way, err)
		}
		if a, b := outline(local), outline(got); a != b {
			t.Errorf("%s: outside\n%s\ninside\n%s", h.way, a, b)
		}
	}
}

// Where no child can be had, files are opened here if that is allowed, and
// the stage says why it could not look if it is not.
func TestNoSandbox(t *testing.T) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	none := &sandbox.Pool{Command: []string{"/nonexistent"}, Log: quiet}
	zip := filetest.Zip(filetest.File{Name: "run.exe", Data: filetest.Program("marker")})
	m := func() *mail.Message {
		return &mail.Message{Attachments: []mail.Attachment{{FileName: "a.pdf.zip", Raw: zip}, {FileName: "b.exe", Raw: []byte("MZ")}}}
	}
	f := &mail.Facts{}
	if err := (Stage{Trees: &Trees{Exploder: Sandboxed{Pool: none, Fallback: Local{}, Log: quiet}}}).Analyze(t.Context(), m(), f); err != nil || len(f.Evidence) == 0 {
		t.Errorf("%d findings, error %v", len(f.Evidence), err)
	}
	f = &mail.Facts{}
	err := (Stage{Trees: &Trees{Exploder: Sandboxed{Pool: none, Log: quiet}}}).Analyze(t.Context(), m(), f)
	if err == nil || !strings.Contains(err.Error(), "no sandbox") {
		t.Errorf("error %v, want one that says there is no sandbox", err)
	}
	// Names need no sandbox.
	if len(f.Evidence) != 1 || f.Evidence[0].ID != "file.program" {
		t.Errorf("found %v, want the program by its name", f.Evidence)
	}
}

// A message without attachments starts nothing.
func TestNothingToOpen(t *testing.T) {
	none := &Trees{Exploder: Sandboxed{Pool: &sandbox.Pool{Command: []string{"/nonexistent"}}}}
	f := &mail.Facts{}
	if err := (Stage{Trees: none}).Analyze(t.Context(), &mail.Message{}, f); err != nil || len(f.Evidence) > 0 {
		t.Errorf("%v, %v", f.Evidence, err)
	}
	if allocs := testing.AllocsPerRun(10, func() { _ = Stage{Trees: none}.Analyze(t.Context(), &mail.Message{}, f) }); allocs > 1 {
		t.Errorf("%v allocations for nothing", allocs)
	}
}

// The price of the sandbox: the same file here and in a child.
func BenchmarkSandbox(b *testing.B) {
	prog := filetest.File{Name: "run.exe", Data: filetest.Program("marker")}
	for _, s := range []struct {
		name string
		data []byte
	}{
		{"zip", filetest.Zip(prog)},
		{"text-100KiB", []byte(strings.Repeat("some words ", 100<<10/11))},
		{"img-2MiB", filetest.FAT(16, prog)},
	} {
		r := Request{Files: []Source{{Name: "a", Data: s.data}}}
		run := func(b *testing.B, x Exploder) {
			if _, err := x.Explode(b.Context(), r); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := x.Explode(b.Context(), r); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(s.name+"/off", func(b *testing.B) { run(b, Local{}) })
		b.Run(s.name+"/on", func(b *testing.B) { run(b, boxed(b)) })
	}
}

// killer is an exploder that one file kills.
type killer struct{ asked int }

func (k *killer) Explode(ctx context.Context, r Request) ([]*Node, error) {
	k.asked++
	for _, f := range r.Files {
		if string(f.Data) == "deadly" {
			return nil, errors.New("file worker: it died")
		}
	}
	return Local{}.Explode(ctx, r)
}

// A file that kills its process does not hide the files beside it.
func TestDeadlyFile(t *testing.T) {
	m := &mail.Message{Attachments: []mail.Attachment{
		{FileName: "a.bin", Raw: []byte("deadly")},
		{FileName: "a.zip", Raw: filetest.Zip(filetest.File{Name: "run.exe", Data: filetest.Program("marker")})},
	}}
	f := &mail.Facts{}
	k := &killer{}
	err := (Stage{Trees: &Trees{Exploder: k}}).Analyze(t.Context(), m, f)
	if err == nil || !strings.Contains(err.Error(), "it died") {
		t.Errorf("error %v, want what killed it", err)
	}
	found := false
	for _, it := range f.Evidence {
		found = found || it.ID == "file.archived-program"
	}
	if !found || k.asked != 3 {
		t.Errorf("asked %d times, found %v", k.asked, f.Evidence)
	}
}
