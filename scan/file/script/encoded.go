package script

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"

	"foregate/scan/file/internal/payload"
)

// The Windows Script Encoder replaces every character by one of three tables,
// which change by a sequence of 64. The rows are the plain characters of the
// codes 32 to 127, in hexadecimal.
const (
	encodedRow0 = "2E477A56426A2F26494134325B7672433839704568714F09624423754A7E4A5E40774A615D224B6F4E3B4C50672A7D74" +
		"542B2D2C306E6B66352521644D52633F7B7829287359337F6D55537C3A5F65465831696C5A48275C3D24793760512036"
	encodedRow1 = "2D755260715E495C627D2936207C7A7F6B63332B68516676316454434C3A4C7E4C452C2A7427374479592F6F26726A39" +
		"7B3F387767534734785D30235A5B6C485570692E4C21244E5009567335614B583B57226D4D2528464A32413D5F4F4265"
	encodedRow2 = "323021295B38333D583A3565395C5673664E456B6259785E7D4A6D714160415340422748727531374D5222546A47642D" +
		"207F2E4C5D7E6C6F797443267625242B28234134092A443F773B55696163506751494F46687C36706E7A2F5F4B5A2C57"
	encodedTurns = "0120121221210212021200122102122100212120200120210212001220012021"
)

// encodedMark begins a script that the Windows Script Encoder wrote (.vbe,
// .jse): eight digits of base64 tell its length, eight behind it a checksum.
const encodedMark = "#@~^"

// decodeEncoded decodes every encoded part of b in its place; ok is false where
// there is none.
func decodeEncoded(b []byte) (plain []byte, ok bool) {
	for {
		at := bytes.Index(b, []byte(encodedMark))
		if at < 0 || len(b) < at+12 {
			return append(plain, b...), ok
		}
		size := payloadLength(b[at+4 : at+12])
		body := b[at+12:]
		if size < 0 || size > len(body) {
			if end := bytes.Index(body, []byte("==^#~@")); end >= 6 {
				size = end - 6 // a lying length: the end mark tells
			} else {
				size = len(body)
			}
		}
		plain = append(plain, b[:at]...)
		plain = appendDecoded(plain, body[:size])
		b, ok = body[size:], true
		if len(b) >= 12 && bytes.Equal(b[8:12], []byte("^#~@")) {
			b = b[12:]
		}
	}
}

// payloadLength reads a length; −1 where it is none.
func payloadLength(b []byte) int {
	n, ok := payload.Base64(b)
	if !ok || len(n) < 4 {
		return -1
	}
	if v := binary.LittleEndian.Uint32(n); v < 1<<30 {
		return int(v)
	}
	return -1
}

// appendDecoded decodes one part. The length counts the escaped characters as
// they stand in the file.
func appendDecoded(out, b []byte) []byte {
	var rows [3][]byte
	for i, r := range []string{encodedRow0, encodedRow1, encodedRow2} {
		rows[i], _ = hex.DecodeString(r)
	}
	turn := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '@' && i+1 < len(b) {
			if p := bytes.IndexByte([]byte("&#*!$"), b[i+1]); p >= 0 {
				out = append(out, "\n\r><@"[p])
				i++
				turn++
				continue
			}
		}
		if c < 128 {
			if c == 9 {
				out = append(out, "\x57\x6e\x7b"[encodedTurns[turn%64]-'0'])
			} else if c > 31 && c != '<' && c != '>' && c != '@' {
				out = append(out, rows[encodedTurns[turn%64]-'0'][c-32])
			} else {
				out = append(out, c)
			}
			turn++
			continue
		}
		out = append(out, c)
	}
	return out
}
