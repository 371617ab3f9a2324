package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"unicode/utf16"

	"foregate/scan/file/tree"
)

// The parts of NTFS that reading files needs: the records of the master file
// table, in the order they stand, with their names and their unnamed data.
const (
	attrName     = 0x30
	attrData     = 0x80
	attrEnd      = 0xffffffff
	maxRecords   = 4096 // records looked at: an image sent by mail holds few files
	firstUser    = 24   // records before are the file system's own
	maxRunLength = 64   // runs of one file
)

var errNTFS = errors.New("broken NTFS")

// ntfs reads the files of an NTFS volume. Windows writes VHDs so.
func (r *diskReader) ntfs(ctx context.Context, d disk, at int64, boot []byte) error {
	cluster := int64(le16(boot[11:])) * int64(boot[13])
	record := int64(1) << 10
	if n := int8(boot[64]); n < 0 && n > -20 {
		record = 1 << -n
	} else if n > 0 {
		record = int64(n) * cluster
	}
	if cluster < block || cluster > 2<<20 || record < 256 || record > 64<<10 {
		return fmt.Errorf("%w: sizes", errNTFS)
	}
	v := &ntfsVolume{d: d, at: at, cluster: cluster, record: record}
	first, err := v.readRecord(at + int64(le64(boot[48:]))*cluster)
	if err != nil {
		return err
	}
	_, table, ok := v.attributes(first)
	if !ok {
		return fmt.Errorf("%w: no table", errNTFS)
	}
	size := table.size
	for i := int64(firstUser); i < min(size/record, maxRecords); i++ {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading NTFS: %w", context.Cause(ctx))
		}
		place, ok := table.place(v, i*record)
		if !ok {
			break
		}
		rec, err := v.readRecord(place)
		if err != nil || le16(rec[22:])&3 != 1 { // in use, no folder
			continue
		}
		name, data, ok := v.attributes(rec)
		if !ok || name == "" || name[0] == '$' {
			continue
		}
		if err := r.ntfsFile(v, name, data); err != nil {
			return err
		}
	}
	return nil
}

func (r *diskReader) ntfsFile(v *ntfsVolume, name string, data ntfsData) error {
	if err := r.entry(name); err != nil {
		return err
	}
	if data.size > maxRead || data.odd {
		r.add(tree.Child{Name: name}, errors.New("compressed, encrypted or too large"))
		return nil
	}
	if err := r.in.Budget.Take(max(data.size, 0), int64(len(r.in.Data))); err != nil {
		r.add(tree.Child{Name: name}, err)
		return err
	}
	b := data.resident
	for _, run := range data.runs {
		n := min(run.count*v.cluster, data.size-int64(len(b)))
		if n <= 0 {
			break
		}
		if run.sparse {
			b = append(b, make([]byte, n)...)
			continue
		}
		part, err := readAt(v.d, v.at+run.start*v.cluster, n)
		b = append(b, part...)
		if err != nil {
			r.finding("file.lying-size", name, "disk image %s says that %s reaches beyond its end", quoted(label(r.in)), quoted(name))
			break
		}
	}
	r.add(tree.Child{Name: name, Data: b}, nil)
	return nil
}

type ntfsVolume struct {
	d               disk
	at              int64
	cluster, record int64
}

// ntfsData is the unnamed data of a file: in its record or in runs of clusters.
type ntfsData struct {
	size     int64
	resident []byte
	runs     []ntfsRun
	odd      bool // compressed or encrypted
}

type ntfsRun struct {
	start, count int64
	sparse       bool
}

// place returns where a byte of the data stands on the disk.
func (d ntfsData) place(v *ntfsVolume, off int64) (int64, bool) {
	for _, run := range d.runs {
		if n := run.count * v.cluster; off < n {
			return v.at + run.start*v.cluster + off, !run.sparse
		} else {
			off -= n
		}
	}
	return 0, false
}

// readRecord reads a record and puts back the last bytes of each sector, which
// stand in its update sequence.
func (v *ntfsVolume) readRecord(at int64) ([]byte, error) {
	b, err := readAt(v.d, at, v.record)
	if err != nil {
		return nil, err
	}
	if string(b[:4]) != "FILE" {
		return nil, fmt.Errorf("%w: no record", errNTFS)
	}
	seq, n := int(le16(b[4:])), int(le16(b[6:]))
	for i := 1; i < n; i++ {
		end := i * block
		if seq+2*i+2 > len(b) || end > len(b) {
			return nil, fmt.Errorf("%w: update sequence", errNTFS)
		}
		copy(b[end-2:end], b[seq+2*i:])
	}
	return b, nil
}

// attributes returns the longest name and the unnamed data of a record.
func (v *ntfsVolume) attributes(rec []byte) (name string, data ntfsData, ok bool) {
	for at := int(le16(rec[20:])); at+24 <= len(rec); {
		kind, n := le32(rec[at:]), int(le32(rec[at+4:]))
		if kind == attrEnd || n < 24 || at+n > len(rec) {
			break
		}
		a := rec[at : at+n]
		at += n
		value := []byte(nil)
		if a[8] == 0 {
			start, size := int(le16(a[20:])), int(le32(a[16:]))
			if size < 0 || start+size > len(a) || start+size < start {
				continue
			}
			value = a[start : start+size]
		}
		switch {
		case kind == attrName && len(value) >= 66 && 66+2*int(value[64]) <= len(value):
			var u []uint16
			for i := range int(value[64]) {
				u = append(u, le16(value[66+2*i:]))
			}
			if s := string(utf16.Decode(u)); len(s) > len(name) {
				name = s
			}
		case kind == attrData && a[9] == 0:
			data, ok = v.data(a, value)
		}
	}
	return name, data, ok
}

// data reads the place of an attribute's content.
func (v *ntfsVolume) data(a, value []byte) (ntfsData, bool) {
	if a[8] == 0 {
		return ntfsData{size: int64(len(value)), resident: bytes.Clone(value)}, true
	}
	if len(a) < 64 {
		return ntfsData{}, false
	}
	d := ntfsData{size: int64(le64(a[48:])), odd: le16(a[12:])&0x4001 != 0}
	if d.size < 0 {
		return d, false
	}
	start := int64(0)
	list := a[min(len(a), int(le16(a[32:]))):]
	for len(list) > 0 && list[0] != 0 && len(d.runs) < maxRunLength {
		nc, ns := int(list[0]&15), int(list[0]>>4)
		if nc == 0 || nc > 8 || ns > 8 || 1+nc+ns > len(list) {
			return d, false
		}
		count := number(list[1:1+nc], false)
		run := ntfsRun{count: count, sparse: ns == 0}
		if ns > 0 {
			start += number(list[1+nc:1+nc+ns], true)
			run.start = start
		}
		if count <= 0 || count > 1<<32 || run.start < 0 || run.start > 1<<40 {
			return d, false
		}
		d.runs = append(d.runs, run)
		list = list[1+nc+ns:]
	}
	return d, true
}

// number reads a little-endian number of up to eight bytes.
func number(b []byte, signed bool) int64 {
	v := int64(0)
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | int64(b[i])
	}
	if signed && len(b) < 8 && b[len(b)-1]&0x80 != 0 {
		v -= 1 << (8 * len(b))
	}
	return v
}
