//go:build !linux

package sandbox

import (
	"runtime"
	"time"
)

// confine can take nothing away here but what the other side bounds: time.
func confine() Status {
	return Status{Missing: []string{"landlock, seccomp and limits: not on " + runtime.GOOS}}
}

func limitCPU(time.Duration) {}
