package leaderboard

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// scanCount is how many members are looked at in one step.
const scanCount = 500

// Adopt brings the order of a board of all times where [EarlierWins] up to what other programs did to it: their members
// and scores count as reached now. On other boards there is nothing to do. It reads the whole board, [scanCount]
// members at a time, and changes nothing that is right, so it may be repeated and interrupted.
func (b *Board) Adopt(ctx context.Context) error {
	if b.invalid != nil || b.ties != EarlierWins {
		return b.wrap("adopt", b.invalid)
	}
	err := b.adopt(ctx, func(cursor uint64) *redis.ScanCmd { return b.rdb.ZScan(ctx, b.key, cursor, "", scanCount) })
	if err == nil { // and those that are only in the order still
		err = b.adopt(ctx, func(cursor uint64) *redis.ScanCmd {
			return b.rdb.HScan(ctx, b.companion("numbers"), cursor, "", scanCount)
		})
	}
	return b.wrap("adopt", err)
}

// adopt looks at each member of a scan, whose replies are members and something else by turns.
func (b *Board) adopt(ctx context.Context, scan func(cursor uint64) *redis.ScanCmd) error {
	for cursor := uint64(0); ; {
		rows, next, err := scan(cursor).Result()
		if err != nil {
			return err
		}
		var changes []any
		for i := 0; i+1 < len(rows); i += 2 {
			if rows[i] != "" { // how many numbers were given
				changes = append(changes, "adopt", rows[i], "")
			}
		}
		if len(changes) > 0 {
			if _, err := b.send(ctx, []target{{Table: b.Table}}, "", changes); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
