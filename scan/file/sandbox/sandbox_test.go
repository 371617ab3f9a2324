package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain is the program under test and, with an argument, its child.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "child" {
		if err := Serve(os.Stdin, os.Stdout, child); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 4 && os.Args[1] == "unit" {
		fmt.Fprintln(os.Stderr, underUnit(os.Args[2], os.Args[3]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child does what a taken-over parser would try.
func child(ctx context.Context, request []byte) ([]byte, error) {
	word, arg, _ := strings.Cut(string(request), " ")
	switch word {
	case "echo":
		return []byte(arg), nil
	case "fail":
		return nil, errors.New("as asked")
	case "panic":
		panic("as asked")
	case "open":
		_, err := os.ReadFile(arg)
		return nil, err
	case "create":
		return nil, os.WriteFile(arg, []byte("x"), 0o600)
	case "list":
		_, err := os.ReadDir(arg)
		return nil, err
	case "socket":
		_, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		return nil, err
	case "unix":
		_, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		return nil, err
	case "exec":
		return nil, exec.Command("/bin/true").Run()
	case "execve":
		return nil, unix.Exec("/bin/true", []string{"true"}, nil)
	case "kill":
		return nil, unix.Kill(os.Getppid(), 0)
	case "ptrace":
		return nil, unix.PtraceAttach(os.Getppid())
	case "memory":
		var keep [][]byte
		for range 64 {
			b := make([]byte, 32<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			keep = append(keep, b)
		}
		return []byte(fmt.Sprint(len(keep))), nil
	case "hang":
		time.Sleep(time.Hour)
	case "die":
		os.Exit(3)
	case "babble":
		os.Stdout.WriteString("no frame at all")
		os.Exit(0)
	case "threads":
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				runtime.LockOSThread()
				time.Sleep(time.Millisecond)
			})
		}
		wg.Wait()
		return []byte("done"), nil
	}
	return nil, fmt.Errorf("no such request %q", word)
}

func newPool(t testing.TB) *Pool {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &Pool{Command: []string{exe, "child"}, Workers: 1, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	t.Cleanup(p.Close)
	return p
}

func call(t *testing.T, p *Pool, request string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	b, err := p.Call(ctx, []byte(request))
	return string(b), err
}

func TestCall(t *testing.T) {
	p := newPool(t)
	big := strings.Repeat("x", 3<<20)
	for _, want := range []string{"hello", "", big} {
		if got, err := call(t, p, "echo "+want); err != nil || got != want {
			t.Errorf("%d bytes came back as %d: %v", len(want), len(got), err)
		}
	}
	if got, err := call(t, p, "threads"); err != nil || got != "done" {
		t.Errorf("a child cannot start threads: %q, %v", got, err)
	}
}

// Whatever the kernel has, a confined child must not get through to.
func TestConfined(t *testing.T) {
	p := newPool(t)
	status, err := p.Check()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("confined by %+v", status)
	if !status.Seccomp {
		t.Fatalf("not confined: %v", status.Missing)
	}
	secret := t.TempDir() + "/secret"
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, request := range []string{"open " + secret, "open /etc/passwd", "open /proc/self/environ", "create " + secret + "2", "list /", "socket", "unix", "exec", "execve", "kill", "ptrace"} {
		if _, err := call(t, p, request); err == nil || !strings.Contains(err.Error(), "not permitted") && !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: got %v, want a refusal", request, err)
		}
	}
	if _, err := os.Stat(secret + "2"); err == nil {
		t.Error("a child wrote a file")
	}
}

// A child that ends in any way costs its call and is replaced.
func TestReplaced(t *testing.T) {
	p := newPool(t)
	for _, tt := range []struct{ request, want string }{
		{"fail", "as asked"},
		{"panic", "panic: as asked"},
		{"die", "it died: exit status 3"},
		{"babble", "too large for a sandbox"},
		{"memory", "more than 512 MiB of memory"},
	} {
		if got, err := call(t, p, tt.request); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: answer %q, error %v; want %q", tt.request, got, err, tt.want)
		}
		if got, err := call(t, p, "echo on"); err != nil || got != "on" {
			t.Errorf("after %s: %q, %v", tt.request, got, err)
		}
	}
}

func TestDeadline(t *testing.T) {
	p := newPool(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := p.Call(ctx, []byte("hang")); err == nil {
		t.Error("a child that hangs gave an answer")
	}
	if got, err := call(t, p, "echo on"); err != nil || got != "on" {
		t.Errorf("after a hang: %q, %v", got, err)
	}
}

func TestUnavailable(t *testing.T) {
	p := &Pool{Command: []string{"/nonexistent"}}
	if _, err := p.Call(t.Context(), nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
	p = &Pool{Command: []string{"/bin/true"}}
	if _, err := p.Call(t.Context(), nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error %v, want ErrUnavailable", err)
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("A\x00\x00\x00\x02ok"))
	f.Add([]byte("A\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, kind, err := readFrame(bytes.NewReader(b), 1<<20)
		if err == nil && (len(got)+frameHead > len(b) || kind != b[0]) {
			t.Fatalf("read %d bytes of kind %q from %d", len(got), kind, len(b))
		}
	})
}

func BenchmarkCall(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			p := newPool(b)
			request := append([]byte("echo "), bytes.Repeat([]byte("x"), size)...)
			if _, err := p.Call(b.Context(), request); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Call(b.Context(), request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		p := newPool(b)
		if _, err := p.Check(); err != nil {
			b.Fatal(err)
		}
		p.Close()
	}
}
