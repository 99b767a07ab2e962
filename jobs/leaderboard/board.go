package leaderboard

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// Bounds of what is asked for.
const (
	MaxRows    = 1000 // members of a page
	MaxChanges = 1000 // changes that are made in one step
	MaxName    = 512  // bytes of a board's name, and of a member
)

// ErrInvalid says that a name, a score or a number makes no sense.
var ErrInvalid = errors.New("invalid")

// ErrNotFound says that the member is not on the board.
var ErrNotFound = errors.New("not on the board")

// Ties is who comes first among equal scores.
type Ties int

const (
	// ByName is Redis' own order: from the top, the last in the order of bytes comes first.
	ByName Ties = iota
	// EarlierWins puts first who reached the score first.
	EarlierWins
	// Shared gives equal scores the same place, and leaves as many out after them: 1, 2, 2, 4.
	Shared
)

// Config is how a board works. The zero value is a board of all times, as any program would make it.
type Config struct {
	Ties    Ties
	Daily   time.Duration // how long a day's board is kept after its end; 0 for no such boards
	Weekly  time.Duration // how long a week's board is kept after its end; 0 for no such boards
	Seasons time.Duration // how long an archived season is kept; 0 for ever
}

// Boards are the boards of one Redis. They are safe for concurrent use and need no closing.
type Boards struct {
	rdb     redis.UniversalClient
	configs map[string]Config
}

// New returns the boards in rdb. A board that is not in configs has the zero Config. Everybody who changes a board must
// have the same Config for it.
func New(rdb redis.UniversalClient, configs map[string]Config) *Boards {
	return &Boards{rdb: rdb, configs: configs}
}

// Board is one board: its methods read that of all times, and change those of the day and the week as well.
type Board struct {
	*Table
	name   string
	config Config
}

// Board returns the board of that name. A name is 1 to [MaxName] bytes without braces, and the Config's times are not
// negative; otherwise every method returns [ErrInvalid].
func (b *Boards) Board(name string) *Board {
	board := &Board{name: name, config: b.configs[name]}
	board.Table = &Table{rdb: b.rdb, key: KeyPrefix + name, ties: board.config.Ties}
	board.Table.invalid = board.validate()
	return board
}

func (b *Board) validate() error {
	switch c := b.config; {
	case b.name == "" || len(b.name) > MaxName || strings.ContainsAny(b.name, "{}"):
		return fmt.Errorf("%w: name %.40q, need 1 to %d bytes without braces", ErrInvalid, b.name, MaxName)
	case c.Ties < ByName || c.Ties > Shared:
		return fmt.Errorf("%w: no ties %d", ErrInvalid, c.Ties)
	case min(c.Daily, c.Weekly, c.Seasons) < 0:
		return fmt.Errorf("%w: a negative time in %+v", ErrInvalid, c)
	}
	return nil
}

// Day returns the board of the day of t, in UTC.
func (b *Board) Day(t time.Time) *Table { return b.part(t.UTC().Format(time.DateOnly)) }

// Week returns the board of the week of t, in UTC: weeks and their numbers are those of ISO 8601.
func (b *Board) Week(t time.Time) *Table {
	year, week := t.UTC().ISOWeek()
	return b.part(fmt.Sprintf("%d-W%02d", year, week))
}

// Season returns the board that was archived as season n.
func (b *Board) Season(n int64) *Table { return b.part("season:" + strconv.FormatInt(n, 10)) }

func (b *Board) part(name string) *Table {
	return &Table{rdb: b.rdb, key: b.key + ":" + name, ties: b.ties, invalid: b.invalid}
}

// Table is a board of all times, of a day, of a week or of a season, to be read.
type Table struct {
	rdb     redis.UniversalClient
	key     string
	ties    Ties
	invalid error // what is wrong with its name or its Config
}

func (t *Table) companion(role string) string { return redisx.Companion(t.key, role) }

// keys are those of each script, beyond which it may have more.
func (t *Table) keys() []string {
	return []string{t.key, t.companion("order"), t.companion("numbers")}
}

// earlier is [EarlierWins] as the scripts take it.
//
// Why: docs/decisions/features.md#where-the-earlier-wins-a-second-sorted-set-has-the-boards-order
func (t *Table) earlier() int {
	if t.ties == EarlierWins {
		return 1
	}
	return 0
}

func checkMember(member string) error {
	if member == "" || len(member) > MaxName {
		return fmt.Errorf("%w: member of %d bytes, need 1 to %d", ErrInvalid, len(member), MaxName)
	}
	return nil
}
