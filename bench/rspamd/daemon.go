package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// offModules ask the network, or need a server that is not there.
func offModules() []string {
	return []string{"rbl", "fuzzy_check", "asn", "url_redirector", "mx_check", "rspamd_update", "greylist", "ratelimit", "history_redis", "bimi", "p0f", "neural", "reputation", "replies"}
}

const (
	// startTime is how long Rspamd may take to answer first, askTime one message.
	startTime = 10 * time.Minute // it compiles its patterns first
	askTime   = 5 * time.Minute
	// warm is how many messages go before the count of processor time begins:
	// Rspamd compiles its patterns after its start.
	warm = 50
)

// rspamd scores all messages.
func rspamd(ctx context.Context, dir string, mails []message, progress io.Writer) (res result, err error) {
	stub, stop, err := servfail()
	if err != nil {
		return res, err
	}
	defer stop()
	addr, err := freeAddr()
	if err != nil {
		return res, err
	}
	conf := filepath.Join(dir, "rspamd")
	if err := configure(conf, addr, stub); err != nil {
		return res, err
	}
	cmd := exec.CommandContext(ctx, "rspamd", "-f", "-i", "-u", "root", "-g", "root", "-c", filepath.Join(conf, "rspamd.conf"),
		"--var=CONFDIR="+conf, "--var=LOCAL_CONFDIR="+conf, "--var=DBDIR="+conf, "--var=RUNDIR="+conf, "--var=LOGDIR="+conf)
	if os.Getuid() != 0 { // -i, -u and -g are for root alone
		cmd.Args = append(cmd.Args[:2:2], cmd.Args[7:]...)
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return res, err
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // killed by us: its status says nothing
	}()
	if err := answers(ctx, addr); err != nil {
		return res, fmt.Errorf("%w; it said: %s", err, lastLines(log.String()+logOf(conf)))
	}
	res = result{name: "Rspamd", scores: make([]float64, len(mails))}
	for _, m := range mails[:min(warm, len(mails))] {
		if _, err := ask(ctx, addr, m); err != nil {
			return res, err
		}
	}
	before := treeCPU(cmd.Process.Pid)
	if err := askAll(ctx, addr, mails, res.scores, progress); err != nil {
		return res, err
	}
	res.cpuMS = (treeCPU(cmd.Process.Pid) - before) / float64(len(mails))
	return res, nil
}

// installed is where Debian puts the configuration.
const installed = "/etc/rspamd"

// askers is how many messages are asked for at once: each waits for the resolver
// to give up, which costs time and no processor.
const askers = 16

// askAll has all messages scored.
func askAll(ctx context.Context, addr string, mails []message, scores []float64, progress io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range askers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(mails) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				score, err := ask(ctx, addr, mails[i])
				if err != nil {
					cancel(fmt.Errorf("%s: %w", mails[i].path, err))
				}
				scores[i] = score
			}
		})
	}
	wg.Wait()
	fmt.Fprintf(progress, "Rspamd: %d messages\n", len(mails))
	return context.Cause(ctx)
}

// configure copies the installed configuration and writes what differs. Maps
// that would be fetched are empty: Rspamd looks their hosts up by the resolver
// of the system while it starts.
func configure(dir, addr, stub string) error {
	host, port, err := net.SplitHostPort(stub)
	if err != nil {
		return err
	}
	empty := filepath.Join(dir, "empty.map")
	remote := regexp.MustCompile(`"((?:glob;|regexp;|sign\+)*)https?://[^"]*"`)
	err = filepath.WalkDir(installed, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(installed, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(dir, rel), 0o700)
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, rel), remote.ReplaceAll(data, []byte(`"${1}`+empty+`"`)), 0o600)
	})
	if err != nil {
		return fmt.Errorf("copying the configuration: %w", err)
	}
	files := map[string]string{
		"options.inc":           fmt.Sprintf("dns { nameserver = [\"%s:%s\"]; timeout = 1s; retransmits = 1; }\n", host, port),
		"worker-normal.inc":     fmt.Sprintf("bind_socket = \"%s\";\ncount = 1;\nenabled = true;\n", addr),
		"worker-controller.inc": "enabled = false;\n",
		"worker-proxy.inc":      "enabled = false;\n",
		"logging.inc":           "level = \"warning\";\n",
	}
	for _, m := range offModules() {
		files[m+".conf"] = "enabled = false;\n"
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, "local.d", name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(empty, nil, 0o600)
}

// servfail is a name server on loopback that knows nothing.
func servfail() (addr string, stop func(), err error) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)) // the client asks again or gives up
	})}
	go func() { _ = s.ActivateAndServe() }() // ends with stop
	return pc.LocalAddr().String(), func() { _ = s.Shutdown() }, nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// answers waits until Rspamd does.
func answers(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/ping", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// ask has one message scored.
func ask(ctx context.Context, addr string, m message) (float64, error) {
	raw, err := os.ReadFile(m.file)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/checkv2", bytes.NewReader(raw))
	if err != nil {
		return 0, err
	}
	for name, column := range map[string]string{"IP": "client_ip", "Helo": "helo", "Hostname": "rdns", "From": "mail_from"} {
		if v := m.env[column]; v != "" && !strings.ContainsAny(v, "\r\n") {
			req.Header.Set(name, v)
		}
	}
	req.Header.Set("Rcpt", "recipient@example.test")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var got struct {
		Score *float64 `json:"score"`
		Error string   `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 4<<20)).Decode(&got); err != nil {
		return 0, err
	}
	if got.Score == nil {
		return 0, fmt.Errorf("no score: status %d %s", resp.StatusCode, got.Error)
	}
	return *got.Score, nil
}

// treeCPU is the processor time of a process and its children in milliseconds,
// of those that live and those that were waited for.
func treeCPU(pid int) float64 {
	ms := statCPU(pid)
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return ms
	}
	for _, t := range tasks {
		data, err := os.ReadFile(t)
		if err != nil {
			continue
		}
		for f := range strings.FieldsSeq(string(data)) {
			if child, err := strconv.Atoi(f); err == nil {
				ms += treeCPU(child)
			}
		}
	}
	return ms
}

// ticks is the unit of /proc/PID/stat: a hundredth of a second on Linux.
const ticks = 10

// statCPU is the time of one process with the children it waited for.
func statCPU(pid int) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name in parentheses may hold anything; the fields come after it.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	sum := 0
	for _, i := range []int{11, 12, 13, 14} { // utime, stime, cutime, cstime
		if i < len(fields) {
			n, _ := strconv.Atoi(fields[i])
			sum += n
		}
	}
	return float64(sum) * ticks
}

func logOf(dir string) string {
	data, err := os.ReadFile(filepath.Join(dir, "rspamd.log"))
	if err != nil {
		return ""
	}
	return string(data)
}

// lastLines is the end of a log.
func lastLines(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " / ")
}
