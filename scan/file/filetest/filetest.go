// Package filetest writes the inert sample files that tests open: archives,
// disk images and programs that do nothing, each with its writer here so that
// no sample need be stored.
package filetest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"io"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// File is one file to put into a sample.
type File struct {
	Name string
	Data []byte
}

// EICAR returns the test file that virus scanners know, put together at run
// time so that none takes this program for it.
func EICAR() []byte {
	return []byte(`X5O!P%@AP[4\PZX54(P^)7CC)7}$` + "EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*")
}

// Program returns a PE file with one section that holds nothing but a marker.
// It cannot run: it has no entry point and no code.
func Program(marker string) []byte {
	b := make([]byte, 0x400)
	copy(b, "MZ")
	put32(b[60:], 0x80)
	copy(b[0x80:], "PE\x00\x00")
	put16(b[0x84:], 0x8664)
	put16(b[0x86:], 1)     // sections
	put16(b[0x94:], 240)   // optional header
	put16(b[0x96:], 0x22)  // executable, large addresses
	put16(b[0x98:], 0x20b) // PE32+
	put32(b[0x98+108:], 16)
	s := b[0x98+240:]
	copy(s, ".data")
	put32(s[8:], 0x200)
	put32(s[12:], 0x1000)
	put32(s[16:], 0x200)
	put32(s[20:], 0x200)
	put32(s[36:], 0xc0000040)
	copy(b[0x200:], marker)
	return b
}

func put16(b []byte, v uint16) { binary.LittleEndian.PutUint16(b, v) }
func put32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
func put64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }
func le16(v int) []byte        { return binary.LittleEndian.AppendUint16(nil, uint16(v)) }
func le32(v int) []byte        { return binary.LittleEndian.AppendUint32(nil, uint32(v)) }
func le64(v int) []byte        { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }

// must stops a test whose own sample cannot be written: writing to memory fails
// only when the writer is used wrongly.
func must(err error) {
	if err != nil {
		panic("writing a sample: " + err.Error())
	}
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// Zip packs files by Deflate.
func Zip(files ...File) []byte {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range files {
		p, err := w.Create(f.Name)
		must(err)
		_, err = p.Write(f.Data)
		must(err)
	}
	must(w.Close())
	return buf.Bytes()
}

// ZipEntry is one file of a zip as RawZip writes it, word for word.
type ZipEntry struct {
	Name, LocalName string // LocalName "" is Name
	Flags, Method   uint16
	CRC             uint32
	Size            uint32 // as told
	Packed          []byte
	Extra           []byte
	Unlisted        bool // no entry in the directory
	SameAs          int  // share the place of an earlier entry, 1-based; 0 has its own
}

// RawZip writes a zip as it is told, lies included.
func RawZip(entries ...ZipEntry) []byte {
	var out, dir []byte
	count := 0
	places := make([]int, len(entries))
	for i, e := range entries {
		local := e.LocalName
		if local == "" {
			local = e.Name
		}
		places[i] = len(out)
		if e.SameAs > 0 {
			places[i] = places[e.SameAs-1]
		}
		fixed := join(le16(int(e.Flags)), le16(int(e.Method)), le32(0), le32(int(e.CRC)), le32(len(e.Packed)), le32(int(e.Size)))
		if e.SameAs == 0 {
			out = join(out, []byte("PK\x03\x04"), le16(20), fixed, le16(len(local)), le16(len(e.Extra)), []byte(local), e.Extra, e.Packed)
		}
		if e.Unlisted {
			continue
		}
		count++
		dir = join(dir, []byte("PK\x01\x02"), le16(20), le16(20), fixed, le16(len(e.Name)), le16(len(e.Extra)), make([]byte, 10), le32(0)[:0], le32(places[i]), []byte(e.Name), e.Extra)
	}
	return join(out, dir, []byte("PK\x05\x06"), le32(0), le16(count), le16(count), le32(len(dir)), le32(len(out)), le16(0))
}

// Stored is an entry that is told and packed honestly.
func Stored(name string, data []byte) ZipEntry {
	return ZipEntry{Name: name, CRC: crc32.ChecksumIEEE(data), Size: uint32(len(data)), Packed: data}
}

// Deflate compresses by RFC 1951.
func Deflate(data []byte) []byte {
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestCompression)
	must(err)
	_, err = w.Write(data)
	must(err)
	must(w.Close())
	return buf.Bytes()
}

// Crypto encrypts an entry the old way (PKWARE APPNOTE section 6.1).
func (e ZipEntry) Crypto(password string) ZipEntry {
	k := [3]uint32{0x12345678, 0x23456789, 0x34567890}
	update := func(c byte) {
		k[0] = crc32.IEEETable[byte(k[0])^c] ^ k[0]>>8
		k[1] = (k[1]+k[0]&0xff)*134775813 + 1
		k[2] = crc32.IEEETable[byte(k[2])^byte(k[1]>>24)] ^ k[2]>>8
	}
	for i := range len(password) {
		update(password[i])
	}
	plain := append([]byte("twelve bytes")[:11:11], byte(e.CRC>>24))
	plain = append(plain, e.Packed...)
	out := make([]byte, len(plain))
	for i, c := range plain {
		t := k[2]&0xffff | 2
		out[i] = c ^ byte(t*(t^1)>>8)
		update(c)
	}
	e.Flags, e.Packed = e.Flags|1, out
	return e
}

// AES encrypts an entry as WinZip does (AE-2, 256 bits).
func (e ZipEntry) AES(password string) ZipEntry {
	salt := []byte("sixteen bytes ..")
	key, err := pbkdf2.Key(sha1.New, password, salt, 1000, 66)
	must(err)
	block, err := aes.NewCipher(key[:32])
	must(err)
	body := make([]byte, len(e.Packed))
	var counter, pad [16]byte
	for i := range body {
		if i%16 == 0 {
			put64(counter[:], uint64(i/16+1))
			block.Encrypt(pad[:], counter[:])
		}
		body[i] = e.Packed[i] ^ pad[i%16]
	}
	mac := hmac.New(sha1.New, key[32:64])
	mac.Write(body)
	e.Extra = join(le16(0x9901), le16(7), le16(2), []byte("AE\x03"), le16(int(e.Method)))
	e.Flags, e.Method, e.CRC = e.Flags|1, 99, 0
	e.Packed = join(salt, key[64:66], body, mac.Sum(nil)[:10])
	return e
}

// Tar packs files into a tar archive.
func Tar(files ...File) []byte {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range files {
		must(w.WriteHeader(&tar.Header{Name: f.Name, Size: int64(len(f.Data)), Mode: 0o644, Format: tar.FormatPAX}))
		_, err := w.Write(f.Data)
		must(err)
	}
	must(w.Close())
	return buf.Bytes()
}

// Gzip compresses data and names it.
func Gzip(name string, data []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Name = name
	compress(w, data)
	return buf.Bytes()
}

// XZ compresses data.
func XZ(data []byte) []byte {
	var buf bytes.Buffer
	w, err := xz.NewWriter(&buf)
	must(err)
	compress(w, data)
	return buf.Bytes()
}

// Zstd compresses data.
func Zstd(data []byte) []byte {
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf)
	must(err)
	compress(w, data)
	return buf.Bytes()
}

func compress(w io.WriteCloser, data []byte) {
	_, err := w.Write(data)
	must(err)
	must(w.Close())
}

// Bzip2 is a bzip2 stream of the text "marker in a bzip2 stream\n".
func Bzip2() []byte {
	return []byte("\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xd9\x94\xd3\xfd\x00\x00\x08\x59\x80\x00\x10\x40\x00\x10\x00\x32\x2b\x5c\x10\x20\x00\x31\x4c\x00\x01\x46\x8d\x3c\x93\xd4\x7a\x86\xa5\x6d\x0a\x11\x2a\x1e\x4f\x3b\x62\xf4\x1b\xf8\xbb\x92\x29\xc2\x84\x86\xcc\xa6\x9f\xe8")
}

// Bzip2Tar is a bzip2 stream of a tar with Program("marker") as MARKER.EXE; there
// is no writer of the format at hand.
func Bzip2Tar() []byte {
	b, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWaGqCEQAAFZ/1Pi4QABQAXcE4g5RUGcKHgDBAAQAQABACCAAcipkGhoAADQDINNPUGKm0p6jI0AyNB5QADEkpnRp+W2OfTP5vIZqDMiQYI7k" +
		"SNK134p9iGPQoEAXKpBwKPpHrc1iADIAb0T3dJEZnvyRyyaAEeEpRvMU4IOlshifCWozSx5qWoQDAC2mIIBiY/F3JFOFCQoaoIRA")
	must(err)
	return b
}

func utf16le(s string) []byte {
	var out []byte
	for _, c := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, c)
	}
	return out
}

func cbc(key, iv, data []byte) []byte {
	block, err := aes.NewCipher(key)
	must(err)
	out := append(bytes.Clone(data), make([]byte, (16-len(data)%16)%16)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, out)
	return out
}

// SevenZip stores files in a 7z archive. A password encrypts their content, and
// with names their names as well.
func SevenZip(password string, names bool, files ...File) []byte {
	return sevenZip(password, names, []byte{1, 1, 0}, files...) // one coder, its name has one byte: copy
}

// SevenZipCoded writes a 7z archive whose file says that it is packed (which it is
// not) by a coder of that name with these properties.
func SevenZipCoded(name, props string, f File) []byte {
	const hasProps = 0x20
	return sevenZip("", false, join([]byte{1, byte(len(name)) | hasProps}, []byte(name), []byte{byte(len(props))}, []byte(props)), f)
}

func sevenZip(password string, names bool, coder []byte, files ...File) []byte {
	const cycles = 6 // key stretching that costs a test nothing
	iv := []byte("sixteen bytes ..")
	var key []byte
	if password != "" {
		h := sha256.New()
		for i := range 1 << cycles {
			h.Write(utf16le(password))
			h.Write(le64(i))
		}
		key = h.Sum(nil)
	}
	if password != "" {
		coder = join([]byte{1, 0x24, 6, 0xf1, 7, 1, 18, 0x40 | cycles, 0x0f}, iv)
	}
	var packed []byte
	var packSizes, unpackSizes, crcs, list []byte
	for _, f := range files {
		data := f.Data
		if password != "" {
			data = cbc(key, iv, data)
		}
		packed = append(packed, data...)
		packSizes, unpackSizes = append(packSizes, number(len(data))...), append(unpackSizes, number(len(f.Data))...)
		crcs = append(crcs, le32(int(crc32.ChecksumIEEE(f.Data)))...)
		list = join(list, utf16le(f.Name), []byte{0, 0})
	}
	n := number(len(files))
	header := join([]byte{1, 4, 6}, number(0), n, []byte{9}, packSizes, []byte{0}, []byte{7, 0x0b}, n, []byte{0}, bytes.Repeat(coder, len(files)),
		[]byte{0x0c}, unpackSizes, []byte{0x0a, 1}, crcs, []byte{0}, []byte{8, 0x0d}, bytes.Repeat([]byte{1}, len(files)), []byte{0, 0}, []byte{5}, n, []byte{0x11}, number(len(list)+1), []byte{0}, list, []byte{0, 0})
	if password != "" && names {
		plain := header
		header = join([]byte{0x17, 6}, number(len(packed)), number(1), []byte{9}, number(len(cbc(key, iv, plain))), []byte{0}, []byte{7, 0x0b, 1, 0}, coder,
			[]byte{0x0c}, number(len(plain)), []byte{0x0a, 1}, le32(int(crc32.ChecksumIEEE(plain))), []byte{0, 0})
		packed = append(packed, cbc(key, iv, plain)...)
	}
	start := join(le64(len(packed)), le64(len(header)), le32(int(crc32.ChecksumIEEE(header))))
	return join([]byte("7z\xbc\xaf\x27\x1c\x00\x04"), le32(int(crc32.ChecksumIEEE(start))), start, packed, header)
}

// number is 7z's number of variable length, for values below 2^14.
func number(n int) []byte {
	if n < 0x80 {
		return []byte{byte(n)}
	}
	if n < 0x4000 {
		return []byte{0x80 | byte(n>>8), byte(n)}
	}
	return join([]byte{0xf0}, le32(n))
}

// Rar stores files in a RAR 5 archive; a password encrypts their content.
func Rar(password string, files ...File) []byte { return rar(password, 0, files...) }

// RarPacked writes a RAR 5 archive whose file says that it is packed (which it is
// not) with a dictionary of 128 KiB times two to the power of n, and goes on with an earlier
// one, so that the dictionary cannot be taken smaller.
func RarPacked(n int, f File) []byte {
	const method, solid = 3, 1 << 6
	return rar("", n<<10|method<<7|solid, f)
}

func rar(password string, info int, files ...File) []byte {
	const stretch = 4 // key stretching that costs a test nothing
	out := []byte("Rar!\x1a\x07\x01\x00")
	block := func(head, data []byte) {
		sized := join(vint(len(head)), head)
		out = join(out, le32(int(crc32.ChecksumIEEE(sized))), sized, data)
	}
	block([]byte{1, 0, 0}, nil)
	for _, f := range files {
		data, extra, flags := f.Data, []byte(nil), 2
		if password != "" {
			salt, iv := []byte("sixteen bytes .."), []byte("sixteen other ..")
			key, err := pbkdf2.Key(sha256.New, password, salt, 1<<stretch, 32)
			must(err)
			data = cbc(key, iv, data)
			record := join([]byte{1, 0, 0, stretch}, salt, iv)
			extra, flags = join(vint(len(record)), record), 3
		}
		head := join(vint(2), vint(flags))
		if extra != nil {
			head = append(head, vint(len(extra))...)
		}
		head = join(head, vint(len(data)), vint(4), vint(len(f.Data)), vint(0), le32(int(crc32.ChecksumIEEE(f.Data))), vint(info), vint(1), vint(len(f.Name)), []byte(f.Name), extra)
		block(head, data)
	}
	block([]byte{5, 0, 0}, nil)
	return out
}

func vint(n int) []byte {
	var out []byte
	for n >= 0x80 {
		out = append(out, byte(n)|0x80)
		n >>= 7
	}
	return append(out, byte(n))
}

// The ways that Cab packs.
const (
	CabStored = 0
	CabMSZIP  = 1
	CabLZX    = 15<<8 | 3
)

// Cab packs files into a cabinet of one folder.
func Cab(method int, files ...File) []byte {
	var all, list []byte
	for _, f := range files {
		list = join(list, le32(len(f.Data)), le32(len(all)), le16(0), le16(0), le16(0), le16(0x20), []byte(f.Name), []byte{0})
		all = append(all, f.Data...)
	}
	var blocks []byte
	count := 0
	for first := true; len(all) > 0 || first; first = false {
		plain := all[:min(len(all), 32768)]
		all = all[len(plain):]
		packed := plain
		switch method {
		case CabMSZIP:
			packed = append([]byte("CK"), Deflate(plain)...)
		case CabLZX:
			packed = lzx(plain, first)
		}
		blocks = join(blocks, le32(0), le16(len(packed)), le16(len(plain)), packed)
		count++
	}
	filesAt := 36 + 8
	dataAt := filesAt + len(list)
	head := join([]byte("MSCF"), le32(0), le32(dataAt+len(blocks)), le32(0), le32(filesAt), le32(0), []byte{3, 1}, le16(1), le16(len(files)), le16(0), le16(0), le16(0))
	return join(head, le32(dataAt), le16(count), le16(method), list, blocks)
}

// lzx packs one frame as a verbatim block whose codes have nine bits each; runs
// of a byte become matches at the last distance, which is 1 at the start.
func lzx(data []byte, first bool) []byte {
	var acc uint64
	var n uint
	var out []byte
	put := func(v uint64, bits uint) {
		for i := int(bits) - 1; i >= 0; i-- {
			acc, n = acc<<1|v>>i&1, n+1
			if n == 16 {
				out, acc, n = append(out, byte(acc), byte(acc>>8)), 0, 0
			}
		}
	}
	if first {
		put(0, 1) // no filter of x86 calls
	}
	put(1, 3)
	put(uint64(len(data)), 24)
	// Each part of the code lengths: a code for the differences, then the
	// differences. Nine is told as 8 from zero (17-9), later as no difference.
	part := func(count, symbol, other int) {
		for i := range 20 {
			bit := uint64(0)
			if i == symbol || i == other {
				bit = 1
			}
			put(bit, 4)
		}
		v := uint64(0)
		if symbol > other {
			v = 1
		}
		for range count {
			put(v, 1)
		}
	}
	diff := 8
	if !first {
		diff = 0
	}
	part(256, diff, diff+1)
	part(240, diff, diff+1)
	part(249, 0, 1)
	code := func(symbol int) { put(uint64(symbol), 9) }
	for i := 0; i < len(data); {
		run := 0
		for i > 0 && i+run < len(data) && data[i+run] == data[i-1] && run < 8 {
			run++
		}
		if run >= 2 {
			code(256 + run - 2)
			i += run
			continue
		}
		code(int(data[i]))
		i++
	}
	for n != 0 {
		put(0, 1)
	}
	return out
}
