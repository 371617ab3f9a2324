// Package authtest is what the tests of authentication share.
package authtest

import (
	"math"
	"syscall"
	"testing"
	"time"
)

// CPUTime is the least processor time that f takes of two runs: what tests of
// quadratic work compare, since a clock on the wall also counts the neighbours.
func CPUTime(t *testing.T, f func()) time.Duration {
	t.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	least := time.Duration(math.MaxInt64)
	for range 2 {
		before := used()
		f()
		least = min(least, used()-before)
	}
	return least
}
