package tree

import (
	"runtime"
	"runtime/metrics"
)

// Bounds of garbage.
const (
	muchHeap   = 160 << 20 // bytes of the heap below which nothing is done
	muchGrowth = 64 << 20  // bytes of growth since the last time
)

// Sweep collects garbage where much has gathered. Libraries make buffers of up to
// 64 MiB for each archive, and under a hard bound of memory a busy machine's
// collector comes too late for a few hundred of them. Parsers call it between
// files; it costs a microsecond where there is nothing to do.
func (b *Budget) Sweep() {
	heap := heapSize()
	if heap < muchHeap || heap < b.swept+muchGrowth {
		return
	}
	runtime.GC()
	b.swept = heapSize()
}

// heapSize is what objects take, the dead ones that were not swept yet among them.
func heapSize() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}
