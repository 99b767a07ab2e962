package ratelimit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/ratelimit"
)

// BenchmarkAllow measures an allowed and a refused call of each algorithm: the round trip, the time that it takes of
// Redis, and how many commands it sends.
func BenchmarkAllow(b *testing.B) {
	for name, algorithm := range map[string]ratelimit.Algorithm{
		"log": ratelimit.SlidingLog, "counter": ratelimit.SlidingCounter,
		"fixed": ratelimit.FixedWindow, "bucket": ratelimit.GCRA,
	} {
		for what, rate := range map[string]int64{"allowed": ratelimit.MaxLog, "refused": 1} {
			b.Run(name+"/"+what, func(b *testing.B) {
				rdb, ctx := redistest.New(b).Client(b), b.Context()
				limit := ratelimit.Limit{Algorithm: algorithm, Rate: rate, Window: time.Hour}
				limiter, err := ratelimit.New(rdb, limit, ratelimit.Options{Timeout: time.Minute})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := limiter.Allow(ctx, "k"); err != nil {
					b.Fatal(err)
				}
				rdb.ConfigResetStat(ctx)
				for i := 0; b.Loop(); i++ {
					if _, err := limiter.Allow(ctx, fmt.Sprint("k", i%10)); err != nil {
						b.Fatal(err)
					}
				}
				var calls, us int
				for line := range strings.Lines(rdb.Info(ctx, "commandstats").Val()) {
					_, _ = fmt.Sscanf(line, "cmdstat_evalsha:calls=%d,usec=%d", &calls, &us)
				}
				b.ReportMetric(float64(us)/float64(b.N), "redis-us/op")
				b.ReportMetric(float64(calls)/float64(b.N), "commands/op")
			})
		}
	}
}
