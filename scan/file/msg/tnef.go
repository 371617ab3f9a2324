package msg

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"foregate/scan/file/tree"
)

// tnefMagic is the signature of a TNEF stream, [MS-OXTNEF] section 2.1.1.
const tnefMagic = "\x78\x9f\x3e\x22"

// Attributes, section 2.1.3.2.
const (
	attrSubject     = 0x00018004
	attrBody        = 0x0002800C
	attrAttachData  = 0x0006800F
	attrAttachTitle = 0x00018010
	attrAttachStart = 0x00069002
	attrMessage     = 0x00069003
	attrAttachment  = 0x00069005
)

// Bounds of one stream.
const (
	maxAttributes = 20000
	maxProperties = 5000
	maxValues     = 1000 // values of one property
)

// TNEF opens winmail.dat attachments.
type TNEF struct{}

// Name implements tree.Parser.
func (TNEF) Name() string { return "tnef" }

// Opens implements tree.Parser.
func (TNEF) Opens(in *tree.Input) bool { return bytes.HasPrefix(in.Data, []byte(tnefMagic)) }

// Open implements tree.Parser.
func (TNEF) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	message := &item{}
	items := []*item{message}
	r := &reader{b: in.Data[min(len(in.Data), 6):]}
	for n := 0; len(r.b) >= 11 && n < maxAttributes; n++ {
		if ctx.Err() != nil {
			return res, context.Cause(ctx)
		}
		r.take(1)
		id, size := r.u32(), int64(r.u32())
		if size > int64(len(r.b)) {
			res.Find("file.damaged-document", fmt.Sprintf("%d bytes", size), "an attribute of TNEF attachment %q is larger than the file", in.Name)
			size = int64(len(r.b))
		}
		body := r.take(int(size))
		r.take(2)
		last := items[len(items)-1]
		switch id {
		case attrSubject:
			message.subject = decode(typeText8, body)
		case attrBody:
			message.body = decode(typeText8, body[:min(len(body), maxBody)])
		case attrMessage:
			properties(body, message)
		case attrAttachStart:
			if len(items) <= tree.MaxEntries {
				items = append(items, &item{attachment: true})
			}
		case attrAttachTitle:
			last.short = decode(typeText8, body)
		case attrAttachData:
			if last.attachment && last.data == nil {
				last.data = body
			}
		case attrAttachment:
			properties(body, last)
		}
	}
	for _, it := range items {
		if err := it.report(in, &res); err != nil {
			return res, fmt.Errorf("taking TNEF apart: %w", err)
		}
	}
	return res, nil
}

// properties reads a list of properties, section 2.1.3.4.
func properties(b []byte, it *item) {
	r := &reader{b: b}
	for range min(r.u32(), maxProperties) {
		typ, id := int(r.u16()), int(r.u16())
		if r.bad {
			return
		}
		if id >= 0x8000 && !r.named() {
			return
		}
		many := typ&0x1000 != 0
		typ &^= 0x1000
		count := uint32(1)
		variable := typ == typeText8 || typ == typeText16 || typ == typeBinary || typ == typeObject
		if many || variable {
			count = r.u32()
		}
		if count > maxValues {
			return
		}
		for i := range count {
			v, ok := r.value(typ, variable)
			if !ok {
				return
			}
			if i == 0 {
				it.tnefValue(id, typ, v)
			}
		}
	}
}

// tnefValue takes one property; an embedded message is TNEF behind the
// identifier of its interface.
func (it *item) tnefValue(id, typ int, v []byte) {
	if id == propData && typ == typeObject {
		if len(v) > 16 && (it.data == nil || len(it.data) < len(v)-16) {
			it.data = v[16:]
		}
		return
	}
	if id == propData && it.data != nil {
		return
	}
	it.set(id, typ, func() []byte { return v })
}

// value reads one value; variable ones have a length and end on four bytes.
func (r *reader) value(typ int, variable bool) ([]byte, bool) {
	if variable {
		n := int64(r.u32())
		if n > int64(len(r.b)) {
			return nil, false
		}
		v := r.take(int(n))
		r.take(min(int(-n&3), len(r.b)))
		return v, !r.bad
	}
	n := 4
	switch typ {
	case 0x0005, 0x0006, 0x0007, 0x0014, 0x0040:
		n = 8
	case 0x0048:
		n = 16
	}
	v := r.take(n)
	return v, !r.bad
}

// named passes the name of a named property: a set, then a number or a text.
func (r *reader) named() bool {
	r.take(16)
	if r.u32() == 0 {
		r.take(4)
		return !r.bad
	}
	n := int64(r.u32())
	if n > int64(len(r.b)) {
		return false
	}
	r.take(int(n))
	r.take(min(int(-n&3), len(r.b)))
	return !r.bad
}

// reader reads little-endian values; after the end it gives zeros and is bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u16() uint16 {
	if v := r.take(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if v := r.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}
