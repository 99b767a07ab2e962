// Package redisurl makes a Redis client from a URL, one that fails fast: an unreachable Redis is an error within
// seconds. No error of this package repeats any part of the URL, so that no password ends up in a log.
//
// The URLs:
//
//	redis://[user:password@]host:port/db
//	rediss://[user:password@]host:port/db                          TLS
//	unix://[user:password@]/path/to/redis.sock?db=0
//	redis-cluster://[user:password@]host:port,host:port
//	redis-sentinel://[user:password@]host:port,host:port/master?db=0
//
// User and password of a redis-sentinel URL are those of Redis; the sentinels' own are the options sentinel_username
// and sentinel_password. Further options are those of go-redis' ParseURL, e.g. ?read_timeout=2s&pool_size=50.
package redisurl

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// Default is the URL of a Redis on this machine.
const Default = "redis://127.0.0.1:6379/0"

// ErrInvalid says that the URL does not parse.
var ErrInvalid = errors.New("not a Redis URL")

// What a URL that says nothing else gets.
const (
	dialTimeout = 3 * time.Second
	maxRetries  = 1
)

// Open returns a client of the Redis that rawURL names. It does not connect. The error is [ErrInvalid].
func Open(rawURL string) (redis.UniversalClient, error) {
	address, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	switch address.scheme {
	case "redis", "rediss", "unix":
		return openSingle(rawURL)
	case "redis-cluster":
		return openCluster(address)
	case "redis-sentinel":
		return openSentinel(address)
	default:
		return nil, fmt.Errorf("%w: it must begin with redis://, rediss://, unix://, redis-cluster:// or "+
			"redis-sentinel://", ErrInvalid)
	}
}

func openSingle(rawURL string) (redis.UniversalClient, error) {
	options, err := redis.ParseURL(rawURL)
	if err != nil {
		return nil, malformed()
	}
	failFast(&options.DialTimeout, &options.DialerRetries, &options.MaxRetries)
	options.ContextTimeoutEnabled = true
	options.MaintNotificationsConfig = redisx.NoMaintenance()
	return redis.NewClient(options), nil
}

func openCluster(address address) (redis.UniversalClient, error) {
	options, err := redis.ParseClusterURL(address.withQuery(address.query))
	if err != nil {
		return nil, malformed()
	}
	failFast(&options.DialTimeout, &options.DialerRetries, &options.MaxRetries)
	options.ContextTimeoutEnabled = true
	options.MaintNotificationsConfig = redisx.NoMaintenance()
	rdb := redis.NewClusterClient(options)
	redisx.Follow(rdb)
	return rdb, nil
}

// openSentinel turns the URL into go-redis' own form, where the user is the sentinels' and Redis' is an option.
func openSentinel(address address) (redis.UniversalClient, error) {
	master := strings.Trim(address.path, "/")
	if master == "" || strings.Contains(master, "/") {
		return nil, fmt.Errorf("%w: redis-sentinel:// needs the master's name as its path", ErrInvalid)
	}
	query := address.query
	sentinel := url.UserPassword(query.Get("sentinel_username"), query.Get("sentinel_password"))
	query.Del("sentinel_username")
	query.Del("sentinel_password")
	query.Set("master_name", master)
	if password, ok := address.user.Password(); ok {
		query.Set("password", password)
		query.Set("username", address.user.Username())
	}
	address.user, address.path = sentinel, ""
	options, err := redis.ParseFailoverURL(address.withQuery(query))
	if err != nil {
		return nil, malformed()
	}
	failFast(&options.DialTimeout, &options.DialerRetries, &options.MaxRetries)
	options.ContextTimeoutEnabled = true
	return redis.NewFailoverClient(options), nil
}

// failFast sets what the URL left open.
func failFast(dial *time.Duration, dialerRetries, retries *int) {
	if *dial == 0 {
		*dial = dialTimeout
	}
	if *dialerRetries == 0 {
		*dialerRetries = 1
	}
	if *retries == 0 {
		*retries = maxRetries
	}
}

func malformed() error {
	return fmt.Errorf("%w: want for example redis://user:password@host:6379/0, special characters of the password "+
		"percent-encoded", ErrInvalid)
}
