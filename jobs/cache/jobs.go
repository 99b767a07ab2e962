package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// Bounds of one job.
const (
	maxJobItems  = 1000
	fetchTimeout = 10 * time.Second
	fetchBytes   = 8 << 20 // of a page that is warmed; the rest is not read
)

// Warm is the job cache.warm: it loads what is not cached yet, so that users need not wait for it.
type Warm struct {
	Loader string   `json:"loader,omitempty"` // the name of one in [JobsConfig.Loaders], for Keys
	Keys   []string `json:"keys,omitempty"`
	URLs   []string `json:"urls,omitempty"` // got by HTTP; each host must be in [JobsConfig.Hosts]
}

// Kind returns "cache.warm".
func (Warm) Kind() string { return "cache.warm" }

// Refresh is the job cache.refresh: it loads a key anew, whether it is cached or not.
type Refresh struct {
	Loader string `json:"loader"` // the name of one in [JobsConfig.Loaders]
	Key    string `json:"key"`
}

// Kind returns "cache.refresh".
func (Refresh) Kind() string { return "cache.refresh" }

// Invalidate is the job cache.invalidate: it removes entries by key, tag and prefix, see [Cache.Delete],
// [Cache.InvalidateTags] and [Cache.InvalidatePrefix]. Its result is {"removed": n}.
type Invalidate struct {
	Keys   []string `json:"keys,omitempty"`
	Tags   []string `json:"tags,omitempty"`
	Prefix string   `json:"prefix,omitempty"`
}

// Kind returns "cache.invalidate".
func (Invalidate) Kind() string { return "cache.invalidate" }

// Loader makes the value of a key, for jobs that name it.
type Loader struct {
	Load    func(ctx context.Context, key string) (any, error)
	Options []Option // of the entries
}

// JobsConfig is what the jobs may do. The zero value can invalidate only.
type JobsConfig struct {
	Loaders map[string]Loader // by the name that jobs use
	Hosts   []string          // host or host:port of the pages that may be warmed; a job chooses among these, no other
	Client  *http.Client      // Defaults to one without a proxy or cookies
}

// Jobs handles the kinds of this package.
type Jobs struct {
	cache  *Cache
	config JobsConfig
}

// NewJobs returns the handlers of the jobs on c.
func NewJobs(c *Cache, config JobsConfig) *Jobs {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if config.Client != nil {
		client = *config.Client
	}
	j := &Jobs{cache: c, config: config}
	client.Timeout = fetchTimeout
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if len(via) > 3 {
			return errors.New("too many redirects")
		}
		return j.allowed(next.URL)
	}
	j.config.Client = &client
	return j
}

// Register gives the mux the handlers of cache.warm, cache.refresh and cache.invalidate.
func (j *Jobs) Register(mux *queue.Mux) {
	queue.Handle(mux, j.warm, queue.Timeout(10*time.Minute))
	queue.Handle(mux, j.refresh, queue.Timeout(time.Minute))
	queue.Handle(mux, j.invalidate, queue.Timeout(10*time.Minute), queue.Retain(time.Hour))
}

func (j *Jobs) warm(ctx context.Context, job *queue.Job[Warm]) error {
	total := len(job.Args.Keys) + len(job.Args.URLs)
	if total > maxJobItems {
		return queue.Cancel(fmt.Errorf("cache: %w: %d keys and URLs, at most %d", ErrInvalid, total, maxJobItems))
	}
	var failed error
	for i, key := range job.Args.Keys {
		failed = errors.Join(failed, j.load(ctx, GetOrLoad[any], job.Args.Loader, key))
		progress(ctx, job, i+1, total)
	}
	for i, address := range job.Args.URLs {
		failed = errors.Join(failed, j.fetch(ctx, address))
		progress(ctx, job, len(job.Args.Keys)+i+1, total)
	}
	if errors.Is(failed, ErrInvalid) {
		return queue.Cancel(failed)
	}
	return failed
}

// progress says how far a job is, each tenth of the way. That it cannot be said is no reason to fail.
func progress(ctx context.Context, job *queue.Job[Warm], done, total int) {
	if done*10/total != (done-1)*10/total {
		_ = job.SetProgress(ctx, float64(done*100)/float64(total), fmt.Sprintf("%d of %d", done, total))
	}
}

type loadAny func(context.Context, *Cache, string, func(context.Context) (any, error), ...Option) (any, error)

// load makes the entry at key by a registered loader. That there is no such thing is no failure.
func (j *Jobs) load(ctx context.Context, how loadAny, name, key string) error {
	loader, found := j.config.Loaders[name]
	if !found {
		return fmt.Errorf("cache: %w: no loader %q is registered", ErrInvalid, name)
	}
	load := func(ctx context.Context) (any, error) { return loader.Load(ctx, key) }
	_, err := how(ctx, j.cache, key, load, loader.Options...)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (j *Jobs) refresh(ctx context.Context, job *queue.Job[Refresh]) error {
	err := j.load(ctx, Reload[any], job.Args.Loader, job.Args.Key)
	if errors.Is(err, ErrInvalid) {
		return queue.Cancel(err)
	}
	return err
}

func (j *Jobs) invalidate(ctx context.Context, job *queue.Job[Invalidate]) error {
	removed, err := j.cache.remove(ctx, job.Args.Keys)
	if err == nil && len(job.Args.Tags) > 0 {
		var n int64
		n, err = j.cache.InvalidateTags(ctx, job.Args.Tags...)
		removed += n
	}
	if err == nil && job.Args.Prefix != "" {
		var n int64
		n, err = j.cache.InvalidatePrefix(ctx, job.Args.Prefix, func(n int64) {
			_ = job.SetProgress(ctx, 0, fmt.Sprintf("%d removed", removed+n)) // how many are to come is not known
		})
		removed += n
	}
	if errors.Is(err, ErrInvalid) {
		return queue.Cancel(err)
	}
	return errors.Join(err, job.SetResult(map[string]int64{"removed": removed}))
}

// fetch gets a page, for the cache in front of it to store.
func (j *Jobs) fetch(ctx context.Context, address string) error {
	target, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("cache: warm: %w: %w", ErrInvalid, err)
	}
	if err := j.allowed(target); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("cache: warm %s: %w", address, err)
	}
	response, err := j.config.Client.Do(request)
	if err != nil {
		return fmt.Errorf("cache: warm: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, fetchBytes)); err != nil {
		return fmt.Errorf("cache: warm %s: %w", address, err)
	}
	if response.StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("cache: warm %s: %s", address, response.Status)
	}
	return nil
}

// allowed keeps jobs from making the worker ask whom it should not: a job names a URL, the operator names the hosts.
func (j *Jobs) allowed(target *url.URL) error {
	http := target.Scheme == "http" || target.Scheme == "https"
	if !http || target.User != nil || !slices.Contains(j.config.Hosts, target.Host) {
		return fmt.Errorf("cache: warm %s: %w: only http and https to the configured hosts", target.Redacted(), ErrInvalid)
	}
	return nil
}
