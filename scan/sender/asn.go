package sender

import (
	"fmt"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"
)

// ASNDatabase names the autonomous systems of addresses, from a file in the
// MaxMind DB format with the fields of GeoLite2-ASN.
type ASNDatabase struct{ db *maxminddb.Reader }

// OpenASN opens a database file.
func OpenASN(path string) (*ASNDatabase, error) {
	db, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the ASN database: %w", err)
	}
	return &ASNDatabase{db}, nil
}

// Close closes the file.
func (d *ASNDatabase) Close() error { return d.db.Close() }

// Lookup returns the autonomous system of an address, 0 when it is not known.
func (d *ASNDatabase) Lookup(a netip.Addr) (number uint32, organisation string) {
	var row struct {
		Number       uint32 `maxminddb:"autonomous_system_number"`
		Organisation string `maxminddb:"autonomous_system_organization"`
	}
	if err := d.db.Lookup(a.Unmap()).Decode(&row); err != nil {
		return 0, "" // not in the database, or a damaged row: unknown
	}
	return row.Number, row.Organisation
}
