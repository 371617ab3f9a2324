// Package e2e runs the gate's own binary between real mail servers: Postfix
// instances in private directories on loopback ports. It runs when FOREGATE_E2E
// is set ("make e2e", "make test") and needs root, for Postfix does.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the gate under test, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("FOREGATE_E2E") == "" {
		fmt.Println("end to end tests not run: FOREGATE_E2E is not set (make e2e sets it)")
		return 0
	}
	dir, err := os.MkdirTemp("", "foregate-e2e")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "foregate")
	if out, err := exec.Command("go", "build", "-o", binary, "foregate/cmd/foregate").CombinedOutput(); err != nil {
		fmt.Printf("building the gate: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// missing skips a test that can't run here; under CI it fails it.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing", what)
	}
	t.Skipf("%s is missing: install it, or run as root on Debian (test/deps.sh)", what)
}

// workDir is a directory that server users can enter.
func workDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "foregate-e2e")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			os.RemoveAll(dir)
		} else {
			t.Logf("logs are kept in %s", dir)
		}
	})
	return dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// freePorts returns n loopback ports that nobody listens on now.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// waitOpen waits until something accepts connections at addr.
func waitOpen(addr string) error {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(end) {
			return fmt.Errorf("nothing listens at %s: %w", addr, err)
		}
	}
}

// gate is a running foregate serve.
type gate struct {
	conf, db, log string
	addr          string
	cmd           *exec.Cmd
}

// newGate writes a gate's configuration. groups is YAML under policy.groups.
func newGate(t *testing.T, dir string, port, nextHop int, groups string) *gate {
	t.Helper()
	g := &gate{conf: filepath.Join(dir, "foregate.yaml"), db: filepath.Join(dir, "foregate.db"), log: filepath.Join(dir, "gate.log"), addr: loopback(port)}
	write(t, g.conf, fmt.Sprintf(`database: %s
organisation: {domains: [example.test, hold.test, reject.test]}
smtp: {listen: ["%s"], next_hop: "%s", hostname: gate.e2e.test, stop_timeout: 5s}
http: {listen: ""}
dns: {offline: true}
policy:
  groups:
%s`, g.db, g.addr, loopback(nextHop), groups))
	return g
}

func (g *gate) start() error {
	out, err := os.OpenFile(g.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	g.cmd = exec.Command(binary, "serve", "-c", g.conf)
	g.cmd.Stdout, g.cmd.Stderr = out, out
	if err := g.cmd.Start(); err != nil {
		return err
	}
	return waitOpen(g.addr)
}

// kill ends the gate as a power cut would.
func (g *gate) kill() error {
	if err := g.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = g.cmd.Wait() // "signal: killed"
	return nil
}

// stop ends it as an operator would; it must go in peace.
func (g *gate) stop(t *testing.T) {
	t.Helper()
	if g.cmd.ProcessState != nil {
		return
	}
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	if err := g.cmd.Wait(); err != nil {
		t.Errorf("stopping the gate: %v\n%s", err, tail(g.log))
	}
}

// tail returns the end of a log.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-3000):])
}

// postfix is one Postfix instance with its own directories.
type postfix struct {
	dir  string
	port int
}

const postfixMain = `compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = DIR/log
maillog_file_prefixes = DIR
myhostname = NAME.e2e.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = all
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
default_database_type = texthash
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_tls_security_level = none
virtual_mailbox_domains = example.test hold.test reject.test
virtual_mailbox_base = DIR/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = 0
mailbox_size_limit = 0
message_size_limit = 52428800
in_flow_delay = 0
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 4s
# The far end must keep every byte, so that what the gate changes can be seen.
local_header_rewrite_clients =
message_drop_headers =
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_authorized_xforward_hosts = 127.0.0.0/8
`

const postfixMaster = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
127.0.0.1:PORT inet n - n - 100 smtpd OPTIONS
`

// newPostfix writes an instance that accepts mail at port and delivers it to its
// Maildir, or through a filter when one is given.
func newPostfix(t *testing.T, dir, name string, port, filter int) *postfix {
	t.Helper()
	if os.Getuid() != 0 {
		missing(t, "root, which Postfix needs,")
	}
	if _, err := exec.LookPath("postfix"); err != nil {
		missing(t, "postfix")
	}
	p := &postfix{dir: filepath.Join(dir, name), port: port}
	options := ""
	if filter != 0 {
		options = "-o smtpd_proxy_filter=" + loopback(filter)
	}
	r := strings.NewReplacer("DIR", p.dir, "NAME", name, "PORT", fmt.Sprint(port), "OPTIONS", options)
	write(t, filepath.Join(p.dir, "etc", "main.cf"), r.Replace(postfixMain))
	write(t, filepath.Join(p.dir, "etc", "master.cf"), r.Replace(postfixMaster))
	for _, d := range []string{"queue", "data", "mail"} {
		if err := os.MkdirAll(filepath.Join(p.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(p.dir, "mail"), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	// postsuper, which mends the queue after a kill, writes the log itself and as
	// this user when it has something to say.
	write(t, filepath.Join(p.dir, "log"), "")
	if out, err := exec.Command("chown", "postfix", filepath.Join(p.dir, "data"), filepath.Join(p.dir, "log")).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return p
}

func (p *postfix) command(words ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	args := append([]string{"-c", filepath.Join(p.dir, "etc")}, words...)
	cmd := exec.CommandContext(ctx, "postfix", args...)
	// Daemons inherit the pipes, so the output goes to a file.
	out, err := os.OpenFile(filepath.Join(p.dir, "command.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("postfix %s: %w\n%s", strings.Join(words, " "), err, tail(out.Name()))
	}
	return nil
}

// start tries more than once, as a supervisor would.
func (p *postfix) start() (err error) {
	for range 5 {
		if err = p.command("start"); err == nil {
			return waitOpen(loopback(p.port))
		}
		time.Sleep(time.Second)
	}
	return err
}

func (p *postfix) stop(t *testing.T) {
	t.Helper()
	if p.master() == 0 {
		return
	}
	if err := p.command("stop"); err != nil {
		t.Error(err)
	}
}

// master returns the process ID of the instance's master, 0 when it is not
// running.
func (p *postfix) master() int {
	b, err := os.ReadFile(filepath.Join(p.dir, "queue", "pid", "master.pid"))
	if err != nil {
		return 0
	}
	pid := 0
	if _, err := fmt.Sscan(string(b), &pid); err != nil || syscall.Kill(pid, 0) != nil {
		return 0
	}
	return pid
}

// kill ends master and its children at once, by their IDs.
func (p *postfix) kill() error {
	master := p.master()
	if master == 0 {
		return errors.New("postfix is not running")
	}
	// Stopped, it starts no more of them meanwhile.
	if err := syscall.Kill(master, syscall.SIGSTOP); err != nil {
		return err
	}
	pids := append([]int{master}, children(master)...)
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range pids {
		for end := time.Now().Add(10 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				return fmt.Errorf("process %d does not die", pid)
			}
		}
	}
	return nil
}

// alive reports a process that is neither gone nor a zombie.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, ok := strings.Cut(string(b), ") ")
	return ok && !strings.HasPrefix(rest, "Z")
}

// children returns the processes whose parent is pid.
func children(pid int) (out []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, s := range stats {
		b, err := os.ReadFile(s)
		if err != nil {
			continue
		}
		_, rest, ok := strings.Cut(string(b), ") ")
		child, parent, state := 0, 0, ""
		if _, err := fmt.Sscan(rest, &state, &parent); err != nil || !ok || parent != pid {
			continue
		}
		if _, err := fmt.Sscan(filepath.Base(filepath.Dir(s)), &child); err == nil {
			out = append(out, child)
		}
	}
	return out
}

// letters reads the messages that were delivered, LF line ends, by recipient.
func (p *postfix) letters(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "mail", "box", "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		to := headerValue(string(b), "Delivered-To")
		out[to] = append(out[to], string(b))
	}
	return out
}

func (p *postfix) count() int {
	files, _ := os.ReadDir(filepath.Join(p.dir, "mail", "box", "new"))
	return len(files)
}

// headerValue returns the first field of that name.
func headerValue(raw, name string) string {
	for line := range strings.Lines(raw) {
		if line == "\n" {
			break
		}
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
