package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"foregate/mail"
)

// judged is what the engine said of one message and what it cost.
type judged struct {
	msg     *mail.Message
	facts   *mail.Facts
	verdict mail.Verdict
	cpu     time.Duration // processor time of the judging thread
}

// judger judges one message; scan.Engine is one.
type judger interface {
	Judge(ctx context.Context, env mail.Envelope, raw []byte) (*mail.Message, *mail.Facts, mail.Verdict)
}

// judgeOne judges a message and measures the processor time of this thread. The
// caller has locked its goroutine to the thread.
func judgeOne(ctx context.Context, j judger, env mail.Envelope, raw []byte) judged {
	before := threadCPU()
	m, f, v := j.Judge(ctx, env, raw)
	return judged{msg: m, facts: f, verdict: v, cpu: threadCPU() - before}
}

// threadCPU is the processor time that this thread has used, user and system, to
// the nanosecond: what getrusage(2) says of a thread is as old as the kernel's
// last tick, 4 ms.
func threadCPU() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// processCPU is the processor time of the whole process, garbage collection
// included, with its children: those that open files live on.
func processCPU() time.Duration {
	all := cpuTime(unix.RUSAGE_SELF) + cpuTime(unix.RUSAGE_CHILDREN)
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		return all
	}
	for _, l := range lists {
		pids, err := os.ReadFile(l)
		if err != nil {
			continue // the thread has ended
		}
		for pid := range strings.FieldsSeq(string(pids)) {
			all += childCPU(pid)
		}
	}
	return all
}

// childCPU is the processor time of a living child, to a hundredth of a second
// (proc_pid_stat(5)).
func childCPU(pid string) time.Duration {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	// The name in parentheses may hold anything; the fields come after it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	sum := 0
	for _, i := range []int{11, 12} { // utime and stime
		if i < len(fields) {
			n, _ := strconv.Atoi(fields[i]) // a number by the kernel's word
			sum += n
		}
	}
	return time.Duration(sum) * 10 * time.Millisecond
}

func cpuTime(who int) time.Duration {
	var ru unix.Rusage
	if err := unix.Getrusage(who, &ru); err != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// judgeAll judges n messages on all processors and hands each result to sink,
// one at a time, in the order of the index.
func judgeAll(ctx context.Context, j judger, n int, get func(int) (mail.Envelope, []byte), sink func(int, judged)) error {
	type result struct {
		i int
		j judged
	}
	work, results := make(chan int), make(chan result)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for i := range work {
				env, raw := get(i)
				results <- result{i, judgeOne(ctx, j, env, raw)}
			}
		})
	}
	go func() {
		defer close(results)
		defer wg.Wait()
		defer close(work)
		for i := range n {
			select {
			case work <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	pending := map[int]judged{}
	next := 0
	for r := range results {
		pending[r.i] = r.j
		for {
			j, ok := pending[next]
			if !ok {
				break
			}
			delete(pending, next)
			sink(next, j)
			next++
		}
	}
	return ctx.Err()
}
