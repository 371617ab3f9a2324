package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confine takes every right from this process that the kernel lets it drop.
// There is no way back.
func confine() Status {
	var s Status
	miss := func(what string, err error) {
		s.Missing = append(s.Missing, fmt.Sprintf("%s: %v", what, err))
	}
	if err := limits(); err != nil {
		miss("limits", err)
	} else {
		s.Limits = true
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		miss("no core dumps", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		miss("no new privileges", err)
	}
	v, err := landlock()
	if err != nil {
		miss("landlock", err)
	} else {
		s.Landlock = v
	}
	// Last, since it forbids the calls above.
	if err := seccomp(); err != nil {
		miss("seccomp", err)
	} else {
		s.Seccomp = true
	}
	return s
}

// limits bounds memory, files and processes. Address space counts what the
// runtime has reserved already, so the bound is set above that.
func limits() error {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	pages, err := strconv.ParseUint(strings.Fields(string(b) + " 0")[0], 10, 64)
	if err != nil || pages == 0 {
		return errors.New("the size of this process is not known")
	}
	space := pages*uint64(os.Getpagesize()) + MemoryLimit
	for what, n := range map[int]uint64{unix.RLIMIT_AS: space, unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0} {
		if err := unix.Prlimit(0, what, &unix.Rlimit{Cur: n, Max: n}, nil); err != nil {
			return err
		}
	}
	return nil
}

// limitCPU lets this process work for d from now on; then the kernel ends it
// by SIGXCPU. Whole seconds count, so it is rounded up.
func limitCPU(d time.Duration) {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return
	}
	used := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	// Whole seconds, rounded down: the call gets d at most.
	soft := uint64((used + d) / time.Second)
	// Where this fails, the wall clock of the other side remains.
	_ = unix.Prlimit(0, unix.RLIMIT_CPU, &unix.Rlimit{Cur: soft, Max: unix.RLIM_INFINITY}, nil)
}

// landlock denies every access to files and, where the kernel can, to TCP ports,
// abstract sockets and signals of others. It returns the kernel's version of
// the interface (Documentation/userspace-api/landlock.rst).
func landlock() (int, error) {
	const askVersion = 1
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, askVersion)
	if errno != 0 {
		return 0, errno
	}
	// The rights that each version of the interface knows.
	attr := struct{ fs, net, scoped uint64 }{fs: 1<<13 - 1}
	size := uintptr(8)
	if v >= 2 {
		attr.fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if v >= 3 {
		attr.fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if v >= 4 {
		attr.net, size = unix.LANDLOCK_ACCESS_NET_BIND_TCP|unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, 16
	}
	if v >= 5 {
		attr.fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if v >= 6 {
		attr.scoped, size = 3, 24 // abstract UNIX sockets, signals
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return 0, errno
	}
	defer unix.Close(int(fd))
	// Landlock confines a thread, and the runtime has several already. The
	// standard library can ask all of them unless C code started some.
	if _, _, errno := syscall.AllThreadsSyscall6(syscall.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return 0, fmt.Errorf("asking all threads: %w", errno)
	}
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return 0, errno
	}
	return int(v), nil
}

// Offsets in struct seccomp_data, and the answers of a filter.
const (
	dataNumber = 0
	dataArch   = 4
	dataArg0   = 16 // its low half on a little-endian machine
	answerOK   = 0x7fff0000
	answerKill = 0x80000000
	answerErr  = 0x00050000
	x32Bit     = 0x40000000
)

// seccomp lets this process call what computing and the pipes need, and nothing
// else: other calls fail with EPERM.
func seccomp() error {
	arch := map[string]uint32{"amd64": 0xc000003e, "arm64": 0xc00000b7}[runtime.GOARCH]
	if arch == 0 {
		return fmt.Errorf("not for %s", runtime.GOARCH)
	}
	prog := filter(arch, allowed(), uint32(os.Getpid()))
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	const modeFilter, allThreads = 1, 1
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, modeFilter, allThreads, uintptr(unsafe.Pointer(&fprog))); errno != 0 {
		return errno
	}
	runtime.KeepAlive(prog)
	return nil
}

// allowed are the calls of the runtime's scheduler, memory, timers and signals,
// and of reading and writing what is open.
func allowed() []uint32 {
	return []uint32{
		unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_CLOSE, unix.SYS_FCNTL,
		unix.SYS_FUTEX, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY,
		unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_MPROTECT, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_BRK,
		unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_GETTID, unix.SYS_GETPID,
		unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
		unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE, unix.SYS_SETITIMER,
		unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_PIPE2,
		unix.SYS_GETRANDOM, unix.SYS_GETRUSAGE, unix.SYS_RESTART_SYSCALL, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ,
		unix.SYS_MEMBARRIER, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	}
}

// filter builds the program (Documentation/userspace-api/seccomp_filter.rst).
// Three calls depend on an argument: clone makes threads only, tgkill and
// prlimit64 reach this process only. clone3 hides its flags in memory; it is
// answered as unknown, so that C libraries fall back to clone.
func filter(arch uint32, calls []uint32, pid uint32) []unix.SockFilter {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	ret := func(v uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: v} }
	jump := func(op uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	p := []unix.SockFilter{
		load(dataArch), jump(unix.BPF_JEQ, arch, 1, 0), ret(answerKill),
		load(dataNumber), jump(unix.BPF_JGE, x32Bit, 0, 1), ret(answerKill),
	}
	for _, nr := range calls {
		p = append(p, jump(unix.BPF_JEQ, nr, 0, 1), ret(answerOK))
	}
	argument := func(nr uint32, op uint16, value uint32) {
		p = append(p, jump(unix.BPF_JEQ, nr, 0, 4), load(dataArg0), jump(op, value, 0, 1), ret(answerOK), ret(answerErr|uint32(unix.EPERM)))
	}
	argument(unix.SYS_CLONE, unix.BPF_JSET, unix.CLONE_THREAD)
	argument(unix.SYS_TGKILL, unix.BPF_JEQ, pid)
	argument(unix.SYS_PRLIMIT64, unix.BPF_JEQ, 0)
	p = append(p, jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), ret(answerErr|uint32(unix.ENOSYS)))
	return append(p, ret(answerErr|uint32(unix.EPERM)))
}
