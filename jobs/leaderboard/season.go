package leaderboard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	copyCount   = 1000           // members that are archived in one step
	fillingFor  = 24 * time.Hour // how long an archive that nobody finishes stays
	maxSeason   = 1<<53 - 1
	closedLater = -1 // reply of close.lua
)

var errDisturbed = errors.New("another worker archives the same season")

// Close ends a season: the board of all times is empty at once, in one atomic step, and what was on it becomes
// [Board.Season](n), kept for Config.Seasons. Season numbers are above 0 and grow: 1, 2, 3, or 202511. The boards of days
// and weeks go on.
//
// The archive is in another slot of a cluster, so it is copied, and appears as a whole when that is done. Close may be
// called again with the same n after any error, and goes on where it was; after it was done it does nothing. A lower n is
// [ErrInvalid].
func (b *Board) Close(ctx context.Context, n int64) error {
	err := b.invalid
	if err == nil && (n < 1 || n > maxSeason) {
		err = fmt.Errorf("%w: need 1 or more", ErrInvalid)
	}
	if err == nil {
		err = b.close(ctx, n)
	}
	return b.wrap(fmt.Sprintf("close season %d", n), err)
}

func (b *Board) close(ctx context.Context, n int64) error {
	aside := &Table{rdb: b.rdb, key: b.companion(fmt.Sprintf("season:%d", n))}
	keys := append(b.keys(), aside.key, aside.key+":order", b.companion("season"))
	closed, err := closeScript.Run(ctx, b.rdb, keys, n).Int64()
	switch {
	case err != nil:
		return err
	case closed == closedLater:
		return fmt.Errorf("%w: a later season has ended", ErrInvalid)
	}
	return b.archive(ctx, n, aside.key, aside.key+":order")
}

// archive copies what was put aside to the season's board, and forgets it. If it was archived before, or nobody was on
// the board, there is nothing.
//
// Why: docs/decisions/features.md#a-season-is-put-aside-by-renaming-and-archived-by-copying
func (b *Board) archive(ctx context.Context, n int64, board, order string) error {
	var boardSize, orderSize *redis.IntCmd
	_, err := b.rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		boardSize, orderSize = pipe.ZCard(ctx, board), pipe.ZCard(ctx, order)
		return nil
	})
	if err != nil || boardSize.Val() == 0 {
		return err
	}
	filling := b.Season(n).newFilling()
	if err := filling.copyBoard(ctx, board, boardSize.Val()); err != nil {
		return err
	}
	if err := filling.copyOrder(ctx, order, orderSize.Val()); err != nil {
		return err
	}
	if err := filling.replace(ctx, b.config.Seasons, orderSize.Val() > 0); err != nil {
		return err
	}
	return b.rdb.Unlink(ctx, board, order).Err()
}

// filling is an archive in the making. Each worker that makes one has its own, so two of them cannot mix, and the last
// one puts the same in the same place.
type filling struct {
	*Table
	keys []string // in the order of those that they replace
}

func (t *Table) newFilling() filling {
	name := t.companion("filling:" + rand.Text())
	return filling{t, []string{name, name + ":order", name + ":numbers"}}
}

func (f filling) copyBoard(ctx context.Context, source string, size int64) error {
	return f.copy(ctx, source, size, func(pipe redis.Pipeliner, rows []redis.Z) {
		pipe.ZAdd(ctx, f.keys[0], rows...)
		pipe.PExpire(ctx, f.keys[0], fillingFor)
	})
}

// copyOrder takes the numbers from the order's members: "<number>:<member>".
func (f filling) copyOrder(ctx context.Context, source string, size int64) error {
	return f.copy(ctx, source, size, func(pipe redis.Pipeliner, rows []redis.Z) {
		fields := make([]any, 0, 2*len(rows))
		for _, row := range rows {
			number, member, _ := strings.Cut(row.Member.(string), ":")
			fields = append(fields, member, number)
		}
		pipe.ZAdd(ctx, f.keys[1], rows...)
		pipe.HSet(ctx, f.keys[2], fields...)
		pipe.PExpire(ctx, f.keys[1], fillingFor)
		pipe.PExpire(ctx, f.keys[2], fillingFor)
	})
}

// copy reads a sorted set that nobody changes, and lets write have its rows, page by page.
func (f filling) copy(ctx context.Context, source string, size int64, write func(redis.Pipeliner, []redis.Z)) error {
	for first := int64(0); first < size; first += copyCount {
		rows, err := f.rdb.ZRangeWithScores(ctx, source, first, first+copyCount-1).Result()
		if err != nil {
			return err
		}
		if int64(len(rows)) != min(copyCount, size-first) {
			return errDisturbed // it had archived the whole, and put the source away
		}
		_, err = f.rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			write(pipe, rows)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// replace puts the filling in the archive's place.
func (f filling) replace(ctx context.Context, keep time.Duration, ordered bool) error {
	_, err := f.rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, key := range f.Table.keys() {
			if i > 0 && !ordered {
				continue
			}
			pipe.Rename(ctx, f.keys[i], key)
			if keep > 0 {
				pipe.PExpire(ctx, key, keep)
			} else {
				pipe.Persist(ctx, key)
			}
		}
		return nil
	})
	return err
}
