package httpserver

import (
	"crypto/tls"
	"fmt"
	"os"

	"github.com/navvy-go/navvy/internal/secretfile"
)

// tlsConfig reads the certificate, and its key, which must not be open to others. It takes TLS 1.2 with forward secrecy
// and authenticated encryption, and TLS 1.3, whose suites all have both.
func tlsConfig(cert, key string) (*tls.Config, error) {
	secret, err := secretfile.Read(key)
	if err != nil {
		return nil, fmt.Errorf("httpserver: the key of the certificate: %w", err)
	}
	chain, err := os.ReadFile(cert)
	if err != nil {
		return nil, fmt.Errorf("httpserver: the certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(chain, secret)
	if err != nil {
		return nil, fmt.Errorf("httpserver: %s and %s: %w", cert, key, err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		},
	}, nil
}
