package sensitive

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"

	"foregate/mql/shape"
)

// key is a secret that its beginning gives away.
type key struct {
	kind   string
	prefix string
	min    int    // characters after the prefix
	chars  string // those it may have besides letters and digits
	valid  func(whole string) bool
}

var keyForms = []key{
	{kind: "aws_access_key", prefix: "AKIA", min: 16, valid: func(s string) bool { return len(s) == 20 && s == strings.ToUpper(s) }},
	{kind: "aws_access_key", prefix: "ASIA", min: 16, valid: func(s string) bool { return len(s) == 20 && s == strings.ToUpper(s) }},
	{kind: "github_token", prefix: "ghp_", min: 36},
	{kind: "github_token", prefix: "gho_", min: 36},
	{kind: "github_token", prefix: "ghu_", min: 36},
	{kind: "github_token", prefix: "ghs_", min: 36},
	{kind: "github_token", prefix: "ghr_", min: 36},
	{kind: "github_token", prefix: "github_pat_", min: 40, chars: "_"},
	{kind: "google_api_key", prefix: "AIza", min: 35, chars: "-_", valid: func(s string) bool { return len(s) == 39 }},
	{kind: "slack_access_token", prefix: "xoxb-", min: 20, chars: "-"},
	{kind: "slack_access_token", prefix: "xoxp-", min: 20, chars: "-"},
	{kind: "slack_access_token", prefix: "xoxa-", min: 20, chars: "-"},
	{kind: "slack_access_token", prefix: "xoxr-", min: 20, chars: "-"},
	{kind: "slack_access_token", prefix: "xoxs-", min: 20, chars: "-"},
	{kind: "slack_access_token", prefix: "xapp-", min: 20, chars: "-"},
	{kind: "oauth_client_secret", prefix: "GOCSPX-", min: 24, chars: "-_"},
	{kind: "jwt", prefix: "eyJ", min: 20, chars: "-_.", valid: jwt},
	{kind: "crypto_wallet_address", prefix: "bc1", min: 11, valid: bech32},
	{kind: "crypto_wallet_address", prefix: "0x", min: 40, valid: func(s string) bool { return len(s) == 42 && strings.Trim(s[2:], "0123456789abcdefABCDEF") == "" }},
}

// maxKey bounds the characters of a key that are looked at.
const maxKey = 8 << 10

// keys finds keys, blocks of PEM, authorization headers and secrets by name.
func (f *finder) keys() {
	for _, k := range keyForms {
		f.keyForm(k)
	}
	f.blocks()
	f.headers()
	for i := 0; i < len(f.text); i++ {
		if end := word(f.text, i); end > i {
			if end-i >= 26 && end-i <= 35 && (f.text[i] == '1' || f.text[i] == '3') && base58(f.text[i:end]) {
				f.add("crypto_wallet_address", shape.High, i, end)
			}
			i = end
		}
	}
}

func (f *finder) keyForm(k key) {
	for at := 0; ; {
		i := strings.Index(f.text[at:], k.prefix)
		if i < 0 {
			return
		}
		from := at + i
		end := from + len(k.prefix)
		for end < len(f.text) && end-from < maxKey && (alnum(f.text[end]) || strings.IndexByte(k.chars, f.text[end]) >= 0) {
			end++
		}
		at = end
		whole := strings.TrimRight(f.text[from:end], ".-_")
		if (from == 0 || !alnum(f.text[from-1])) && len(whole)-len(k.prefix) >= k.min && (k.valid == nil || k.valid(whole)) {
			f.add(k.kind, shape.High, from, from+len(whole))
		}
	}
}

// jwt tells whether the first part of a compact token is a JOSE header (RFC 7515).
func jwt(s string) bool {
	head, rest, ok := strings.Cut(s, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	var h struct {
		Alg string `json:"alg"`
	}
	return ok && strings.Contains(rest, ".") && err == nil && json.Unmarshal(raw, &h) == nil && h.Alg != ""
}

// blocks finds private keys and certificates in PEM (RFC 7468).
func (f *finder) blocks() {
	const begin = "-----BEGIN "
	for at := 0; ; {
		i := strings.Index(f.text[at:], begin)
		if i < 0 {
			return
		}
		from := at + i
		at = from + len(begin)
		label, _, ok := strings.Cut(f.text[at:min(len(f.text), at+40)], "-----")
		switch end := at + len(label) + 5; {
		case !ok:
		case strings.HasSuffix(label, "PRIVATE KEY") || label == "PGP PRIVATE KEY BLOCK":
			f.add("private_key", shape.High, from, end)
		case label == "CERTIFICATE":
			f.add("ssl_certificate", shape.High, from, end)
		}
	}
}

// named are secrets that the name of their field tells, in lower case.
var named = []struct {
	kind, name string
	schemes    []string
}{
	{"http_authorization_header", "authorization", []string{"bearer ", "basic ", "digest "}},
	{"oauth_client_secret", "client_secret", []string{""}},
	{"oauth_client_secret", "client-secret", []string{""}},
	{"oauth_client_secret", "clientsecret", []string{""}},
}

// leastSecret is the length from which on a value is taken for a secret.
const leastSecret = 12

func (f *finder) headers() {
	lower := []byte(f.text) // only ASCII letters change, so that places stay
	for i, c := range lower {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c | 0x20
		}
	}
	low := string(lower)
	for _, n := range named {
		for at := 0; ; {
			i := strings.Index(low[at:], n.name)
			if i < 0 {
				break
			}
			from := at + i
			at = from + len(n.name)
			value := strings.TrimLeft(low[at:min(len(low), at+16)], "\"' :=")
			start := at + (min(len(low), at+16) - at - len(value))
			if start == at {
				continue // no separator: part of a longer word
			}
			for _, s := range n.schemes {
				if end := secretEnd(low, start+len(s)); strings.HasPrefix(low[start:], s) && end-start-len(s) >= leastSecret {
					f.add(n.kind, shape.High, from, end)
					at = end
					break
				}
			}
		}
	}
}

// secretEnd returns the end of the value at i.
func secretEnd(s string, i int) int {
	for i < len(s) && (alnum(s[i]) || strings.IndexByte("-_.~+/=", s[i]) >= 0) {
		i++
	}
	return i
}

// base58 is the check of a Bitcoin address: the last four of 25 bytes are the
// beginning of the double SHA-256 of the others.
func base58(s string) bool {
	const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	n, base := new(big.Int), big.NewInt(58)
	for i := range len(s) {
		d := strings.IndexByte(digits, s[i])
		if d < 0 {
			return false
		}
		n.Add(n.Mul(n, base), big.NewInt(int64(d)))
	}
	var raw [25]byte
	if n.BitLen() > 8*len(raw) {
		return false
	}
	n.FillBytes(raw[:])
	once := sha256.Sum256(raw[:21])
	twice := sha256.Sum256(once[:])
	return string(twice[:4]) == string(raw[21:]) && (raw[0] == 0 || raw[0] == 5)
}

// bech32 is the check of BIP 173 and BIP 350.
func bech32(s string) bool {
	const digits = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	if s != strings.ToLower(s) || len(s) > 90 {
		return false
	}
	chk := uint32(1)
	step := func(v uint32) {
		top := chk >> 25
		chk = (chk&0x1ffffff)<<5 ^ v
		for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				chk ^= g
			}
		}
	}
	for _, v := range []uint32{3, 3, 0, 'b' & 31, 'c' & 31} { // "bc" expanded
		step(v)
	}
	for i := 3; i < len(s); i++ {
		d := strings.IndexByte(digits, s[i])
		if d < 0 {
			return false
		}
		step(uint32(d))
	}
	return chk == 1 || chk == 0x2bc830a3
}

// addresses finds mail addresses and hardware addresses.
func (f *finder) addresses() {
	for at := 0; ; {
		i := strings.IndexByte(f.text[at:], '@')
		if i < 0 {
			break
		}
		at += i
		from, to := at, at+1
		for from > 0 && at-from < 64 && (alnum(f.text[from-1]) || strings.IndexByte("._%+-", f.text[from-1]) >= 0) {
			from--
		}
		for to < len(f.text) && to-at < 255 && (alnum(f.text[to]) || f.text[to] == '.' || f.text[to] == '-') {
			to++
		}
		host := strings.TrimRight(f.text[at+1:to], ".-")
		if local := f.text[from:at]; local != "" && local[0] != '.' && strings.Contains(host, ".") && host[0] != '.' {
			f.add("email_address", shape.High, from, at+1+len(host))
		}
		at++
	}
	const macLen = 17
	for i := 0; i+macLen <= len(f.text); i++ {
		if c := f.text[i+2]; (c == ':' || c == '-') && (i == 0 || !alnum(f.text[i-1]) && f.text[i-1] != c) && isMAC(f.text[i:i+macLen], c) && (i+macLen == len(f.text) || !alnum(f.text[i+macLen]) && f.text[i+macLen] != c) {
			f.add("mac_address", shape.High, i, i+macLen)
		}
	}
}

func isMAC(s string, sep byte) bool {
	for i := range len(s) {
		if i%3 == 2 {
			if s[i] != sep {
				return false
			}
		} else if !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}
