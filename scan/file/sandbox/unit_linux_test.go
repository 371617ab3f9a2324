package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestUnderUnit holds that a child can confine itself under the call filter of the
// unit that ships, as the systemd here reads it. A filter is inherited, and one
// without an error number kills who calls what it lacks.
func TestUnderUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze: what the unit's call filter lets through is not known here")
	}
	unit, err := os.ReadFile("../../../etc/foregate.service")
	if err != nil {
		t.Fatal(err)
	}
	calls, deny := unitFilter(t, string(unit))
	numbers := callNumbers(t)
	var list []string
	for _, name := range calls {
		if nr, ok := numbers[name]; ok {
			list = append(list, strconv.Itoa(nr))
		}
	}
	if len(list) < 150 {
		t.Fatalf("the unit lets %d calls through: %v", len(list), calls)
	}
	alone, err := newPool(t).Check()
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t)
	p.Command = []string{p.Command[0], "unit", deny, strings.Join(list, ",")}
	under, err := p.Check()
	if err != nil {
		t.Fatalf("a child under the unit's filter: %v", err)
	}
	if fmt.Sprint(under) != fmt.Sprint(alone) {
		t.Errorf("under the unit's filter a child is confined by %+v, without it by %+v", under, alone)
	}
	if out, err := call(t, p, "echo hello"); err != nil || out != "hello" {
		t.Errorf("echo: %q, %v", out, err)
	}
	// The filter is in force: what it denies fails.
	p2 := newPool(t)
	p2.Command = []string{p2.Command[0], "unit", deny, strings.Join(slices.DeleteFunc(list, func(s string) bool { return s == strconv.Itoa(unix.SYS_SECCOMP) }), ",")}
	if s, err := p2.Check(); err == nil && s.Seccomp {
		t.Error("without seccomp in the filter a child says it has it")
	}
}

// underUnit puts a filter in force and becomes the child. deny is an error number
// in decimal or "kill".
func underUnit(deny, list string) error {
	answer := uint32(answerKill)
	if n, err := strconv.Atoi(deny); err == nil {
		answer = answerErr | uint32(n)
	}
	prog := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: dataNumber}}
	for _, s := range strings.Split(list, ",") {
		nr, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return err
		}
		prog = append(prog, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(nr), Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: answerOK})
	}
	prog = append(prog, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: answer})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	runtime.LockOSThread() // execve keeps the filter of the thread that calls it
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	const modeFilter = 1
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, modeFilter, 0, uintptr(unsafe.Pointer(&fprog))); errno != 0 {
		return errno
	}
	return unix.Exec("/proc/self/exe", []string{os.Args[0], "child"}, nil)
}

// unitFilter returns the calls that the unit's SystemCallFilter lets through, and
// what becomes of others: an error number or "kill" (systemd.exec(5)).
func unitFilter(t *testing.T, unit string) (calls []string, deny string) {
	t.Helper()
	deny = "kill"
	in := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^SystemCall(Filter|ErrorNumber)=(.*)$`).FindAllStringSubmatch(unit, -1) {
		if m[1] == "ErrorNumber" {
			if m[2] != "EPERM" {
				t.Fatalf("SystemCallErrorNumber=%s: not known to this test", m[2])
			}
			deny = strconv.Itoa(int(unix.EPERM))
			continue
		}
		words, remove := strings.CutPrefix(m[2], "~")
		for _, w := range strings.Fields(words) {
			for _, c := range callSet(t, w) {
				in[c] = !remove
			}
		}
	}
	for c, yes := range in {
		if yes {
			calls = append(calls, c)
		}
	}
	slices.Sort(calls)
	return calls, deny
}

// callSet returns the calls that a word of a filter names.
func callSet(t *testing.T, word string) []string {
	t.Helper()
	if !strings.HasPrefix(word, "@") {
		return []string{word}
	}
	out, err := exec.Command("systemd-analyze", "--no-pager", "syscall-filter", word).Output()
	if err != nil {
		t.Fatalf("asking for %s: %v", word, err)
	}
	var calls []string
	for _, line := range strings.Split(string(out), "\n")[1:] { // the first is the set's name
		if w := strings.TrimSpace(line); w != "" && !strings.HasPrefix(w, "#") {
			calls = append(calls, callSet(t, w)...)
		}
	}
	return calls
}

// callNumbers reads the numbers of calls by name.
func callNumbers(t *testing.T) map[string]int {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Skipf("the numbers of calls are not known here: %v", err)
	}
	table, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix", "zsysnum_linux_"+runtime.GOARCH+".go"))
	if err != nil {
		t.Skipf("the numbers of calls are not known here: %v", err)
	}
	out := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^\s+SYS_(\w+)\s+= (\d+)$`).FindAllStringSubmatch(string(table), -1) {
		out[strings.ToLower(m[1])], _ = strconv.Atoi(m[2])
	}
	return out
}
