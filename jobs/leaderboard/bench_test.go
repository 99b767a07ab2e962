package leaderboard_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/leaderboard"
)

// BenchmarkBoard measures calls on a board of 100,000 members: the round trip, the time that it takes of Redis, and how
// many commands it sends.
func BenchmarkBoard(b *testing.B) {
	for name, config := range map[string]leaderboard.Config{
		"plain": {}, "earlier": {Ties: leaderboard.EarlierWins}, "windows": {Daily: time.Hour, Weekly: time.Hour},
	} {
		rdb, ctx := redistest.New(b).Client(b), b.Context()
		board := leaderboard.New(rdb, map[string]leaderboard.Config{"b": config}).Board("b")
		for i := range 100 {
			var changes []leaderboard.Change
			for j := range 1000 {
				changes = append(changes, leaderboard.SetScore(fmt.Sprint("m", 1000*i+j), float64(j)))
			}
			if err := board.Apply(ctx, "", time.Time{}, changes...); err != nil {
				b.Fatal(err)
			}
		}
		for what, call := range map[string]func(member string) error{
			"increment": func(member string) error { _, err := board.Increment(ctx, member, 1); return err },
			"top":       func(string) error { _, err := board.Top(ctx, 10); return err },
			"around":    func(member string) error { _, err := board.Around(ctx, member, 5); return err },
			"standing":  func(member string) error { _, err := board.Standing(ctx, member); return err },
		} {
			b.Run(name+"/"+what, func(b *testing.B) {
				rdb.ConfigResetStat(ctx)
				for i := 0; b.Loop(); i++ {
					if err := call(fmt.Sprint("m", i%100_000)); err != nil {
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
