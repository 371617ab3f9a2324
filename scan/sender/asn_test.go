package sender

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asnFile is a database of one network in the MaxMind DB format: 198.51.100.0/24
// is AS64500 "Example". A search tree of 24 nodes follows the bits of the
// network; what leaves the path is not found.
func asnFile() []byte {
	const nodes = 24
	net := uint32(198)<<16 | 51<<8 | 100
	var out []byte
	put := func(v uint32) { out = append(out, byte(v>>16), byte(v>>8), byte(v)) }
	for i := range uint32(nodes) {
		next := i + 1
		if next == nodes {
			next = nodes + 16 // the first byte of the data section
		}
		if net>>(23-i)&1 == 0 {
			put(next)
			put(nodes)
		} else {
			put(nodes)
			put(next)
		}
	}
	out = append(out, make([]byte, 16)...)
	text := func(s string) string {
		if len(s) < 29 {
			return string([]byte{2<<5 | byte(len(s))}) + s
		}
		return string([]byte{2<<5 | 29, byte(len(s) - 29)}) + s
	}
	number := func(n uint32) string {
		return string([]byte{6<<5 | 4, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}
	short := func(n uint16) string { return string([]byte{5<<5 | 2, byte(n >> 8), byte(n)}) }
	pairs := func(n int) string { return string([]byte{7<<5 | byte(n)}) }
	out = append(out, pairs(2)+text("autonomous_system_number")+number(64500)+text("autonomous_system_organization")+text("Example")...)
	out = append(out, "\xAB\xCD\xEFMaxMind.com"...)
	out = append(out, pairs(9)+
		text("binary_format_major_version")+short(2)+text("binary_format_minor_version")+short(0)+
		text("build_epoch")+"\x08\x02\x00\x00\x00\x00\x00\x00\x00\x01"+
		text("database_type")+text("Example-ASN")+text("description")+pairs(0)+text("ip_version")+short(4)+
		text("languages")+"\x00\x04"+text("node_count")+number(nodes)+text("record_size")+short(24)...)
	return out
}

func TestASN(t *testing.T) {
	path := filepath.Join(t.TempDir(), "asn.mmdb")
	if err := os.WriteFile(path, asnFile(), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := OpenASN(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for addr, want := range map[string]uint32{"198.51.100.7": 64500, "::ffff:198.51.100.9": 64500, "198.51.101.7": 0, "203.0.113.1": 0, "2001:db8::1": 0} {
		if got, _ := db.Lookup(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is in AS%d, want AS%d", addr, got, want)
		}
	}
	if _, org := db.Lookup(netip.MustParseAddr("198.51.100.7")); org != "Example" {
		t.Errorf("organisation %q", org)
	}
	if _, err := OpenASN(path + ".gone"); err == nil || !strings.HasPrefix(err.Error(), "opening the ASN database: ") {
		t.Errorf("a missing file gives %v", err)
	}
	// A new network of the usual autonomous system is no change.
	o := newOffice(t)
	o.stage.ASN = func(a netip.Addr) (uint32, string) { return 64500, "Example" }
	o.daily(usualLetter(), 30)
	l := usualLetter()
	l.ip, l.rdns = "203.0.113.9", ""
	if got := o.look(l); got[IDNewRelay].ID != "" {
		t.Errorf("another network of the same system: %+v", got[IDNewRelay])
	}
}
