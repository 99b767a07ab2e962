package command

import (
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/internal/httpserver"
)

// Server is what the flags of a program that serves HTTP say: where it listens, and how clients get in.
type Server struct {
	Addr        string
	Auth        string   // one of the ways that ServerFlags got
	Credentials string   // a file; "" for none
	HTTPS       bool     // clients reach it by https, by itself or through a proxy
	Hosts       []string // names that clients reach it by

	cert, key string
}

// ServerFlags are the flags of a program that listens on addr, and lets clients in by one of several ways of
// authentication, the first of which is the default.
func ServerFlags(addr string, auth ...string) []cli.Flag {
	ways := strings.Join(auth[:len(auth)-1], ", ") + " or " + auth[len(auth)-1]
	return []cli.Flag{
		&cli.StringFlag{Name: "addr", Value: addr, Usage: "listen on `HOST:PORT`; port 0 for a free one"},
		&cli.StringSliceFlag{
			Name: "host", Usage: "clients reach this by `NAME`; other hosts get 421, but for the loopback (may be repeated)",
		},
		&cli.StringFlag{Name: "tls-cert", Usage: "serve https with the certificate in `FILE`"},
		&cli.StringFlag{Name: "tls-key", Usage: "and its key in `FILE`"},
		&cli.BoolFlag{Name: "behind-tls", Usage: "clients reach this by https, through a proxy that ends it"},
		&cli.StringFlag{Name: "auth", Value: auth[0], Usage: "`HOW` clients get in: " + ways, Action: knownWay(auth)},
		&cli.StringFlag{Name: "credentials", Usage: "passwords of people, and secrets of programs, are in `FILE`"},
	}
}

func knownWay(ways []string) func(*cli.Context, string) error {
	return func(_ *cli.Context, way string) error {
		if !slices.Contains(ways, way) {
			return Usage("--auth %s: want one of %s", way, strings.Join(ways, ", "))
		}
		return nil
	}
}

// ReadServer reads the flags of ServerFlags. It refuses what would leave the program open to others, or send secrets in
// the clear, but for the ways of authentication that send none to it.
func ReadServer(c *cli.Context, withoutSecrets ...string) (Server, error) {
	s := Server{
		Addr: c.String("addr"), Auth: c.String("auth"), Credentials: c.String("credentials"),
		Hosts: hostsOf(c),
		HTTPS: c.Bool("behind-tls") || c.String("tls-cert") != "", cert: c.String("tls-cert"), key: c.String("tls-key"),
	}
	loopback := httpserver.Loopback(s.Addr)
	switch {
	case (s.cert == "") != (s.key == ""):
		return s, Usage("--tls-cert and --tls-key go together; give both or neither")
	case s.Auth == "none" && !loopback:
		return s, Usage("--auth none is for loopback alone, and --addr is %s", s.Addr)
	case !loopback && !s.HTTPS && !slices.Contains(withoutSecrets, s.Auth):
		return s, Usage("credentials would travel in the clear: add --tls-cert and --tls-key, " +
			"or --behind-tls where a proxy ends https")
	}
	return s, nil
}

// memoryLimit makes the collector work harder before a container of 256 MiB is full.
const memoryLimit = 160 << 20

// hostsOf are the names that the flags give the server, that in --addr among them.
func hostsOf(c *cli.Context) []string {
	hosts := c.StringSlice("host")
	if name, _, err := net.SplitHostPort(c.String("addr")); err == nil && name != "" && net.ParseIP(name) == nil {
		hosts = append(hosts, name)
	}
	return hosts
}

// Serve serves until the context of c ends. The log says where the program, of that name, listens; path is that of its
// first page.
func (s Server) Serve(c *cli.Context, log zerolog.Logger, name, path string, cfg httpserver.Config) error {
	listener, err := (&net.ListenConfig{}).Listen(c.Context, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --addr", err)
	}
	scheme := "http"
	if s.cert != "" {
		scheme = "https"
	}
	log.Info().Str("url", scheme+"://"+listener.Addr().String()+path).Msg(name + " is listening")
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	cfg.Cert, cfg.Key, cfg.Hosts, cfg.HTTPS = s.cert, s.key, s.Hosts, s.HTTPS
	return httpserver.Serve(c.Context, listener, cfg)
}
