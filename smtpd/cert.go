package smtpd

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// certLook is how often CertFile looks for a renewed certificate.
const certLook = 10 * time.Second

// CertFile is a certificate chain and its key in PEM files, read again when one
// of them changes. A renewal that can't be read leaves the old pair in use.
type CertFile struct {
	Cert, Key string // paths

	mu      sync.Mutex
	checked time.Time
	stamps  [2]stamp
	pair    *tls.Certificate
}

type stamp struct {
	mod  time.Time
	size int64
}

// GetCertificate fits tls.Config. It errs only when no pair could ever be read.
func (c *CertFile) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pair != nil && time.Since(c.checked) < certLook {
		return c.pair, nil
	}
	c.checked = time.Now()
	stamps := [2]stamp{stampOf(c.Cert), stampOf(c.Key)}
	if c.pair != nil && stamps == c.stamps {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err == nil {
		c.pair, c.stamps = &pair, stamps
	} else if c.pair == nil {
		return nil, fmt.Errorf("reading the TLS certificate: %w", err)
	}
	return c.pair, nil
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{mod: info.ModTime(), size: info.Size()}
}
