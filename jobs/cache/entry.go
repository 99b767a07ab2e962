package cache

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"time"
)

// entry is what is cached at a key, raw, and what is known about it.
type entry struct {
	raw  []byte // JSON; nil for nothing
	meta meta
}

// meta is the companion of a value. The zero value is that of a value which another program wrote.
//
// Why: docs/decisions/features.md#what-the-cache-knows-about-a-value-is-beside-it-not-around-it
type meta struct {
	Expires int64  `json:"expires_ms,omitempty"` // logical expiry, Unix ms
	LoadMS  int64  `json:"load_ms,omitempty"`    // how long the loader took: XFetch's delta
	Bytes   int    `json:"bytes,omitempty"`      // of the value this is about, with its checksum
	CRC     uint32 `json:"crc32c,omitempty"`
	Missing bool   `json:"missing,omitempty"` // there is no such thing: no value beside this
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (m meta) describes(raw []byte) bool {
	return m.Bytes == len(raw) && m.CRC == crc32.Checksum(raw, castagnoli)
}

// newEntry is fresh from now on, for the TTL less the jitter.
func (c *Cache) newEntry(raw []byte, took time.Duration, o entryOptions) entry {
	ttl := o.ttl - time.Duration(c.config.Jitter*c.config.Rand()*float64(o.ttl))
	return entry{raw: raw, meta: meta{
		Expires: c.config.Now().Add(max(ttl, time.Millisecond)).UnixMilli(),
		LoadMS:  took.Milliseconds(),
		Bytes:   len(raw),
		CRC:     crc32.Checksum(raw, castagnoli),
	}}
}

// read gets an entry with one command, which a client with a local copy can answer itself. A companion that is about
// another value, or that cannot be read, is left out.
func (c *Cache) read(ctx context.Context, key string) (entry, error) {
	values, err := c.rdb.MGet(ctx, key, metaKey(key)).Result()
	if err != nil {
		return entry{}, fmt.Errorf("cache: read %s: %w", key, err)
	}
	e := entry{raw: bytesOf(values[0])}
	if raw := bytesOf(values[1]); raw != nil {
		var m meta
		fits := json.Unmarshal(raw, &m) == nil && m.Missing == (e.raw == nil)
		if fits && (m.Missing || m.describes(e.raw)) {
			e.meta = m
		}
	}
	return e, nil
}

func bytesOf(reply any) []byte {
	text, ok := reply.(string)
	if !ok {
		return nil
	}
	return []byte(text)
}

// freshness says what to do with an entry.
type freshness int

const (
	fresh freshness = iota
	due             // fresh, and this reader was drawn to refresh it
	stale           // past its logical expiry
)

// freshness decides by XFetch: each reader refreshes early with a probability that grows towards the expiry, and with
// the time that a load takes. Values of other programs are fresh as long as they are there.
func (c *Cache) freshness(m meta) freshness {
	if m.Expires == 0 {
		return fresh
	}
	left := float64(m.Expires - c.config.Now().UnixMilli())
	switch {
	case left <= 0:
		return stale
	case float64(m.LoadMS)*c.config.Beta*-math.Log(1-c.config.Rand()) >= left:
		return due
	}
	return fresh
}
