package wire

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Version counts the layouts of what is in Redis, not releases. It grows when a program of before could misread what a
// program of after writes. UPGRADING.md says what each change asks of a user.
const Version = 1

// ErrNewerVersion says that what is in Redis was written in a layout that this program does not know.
var ErrNewerVersion = errors.New("what is in Redis is of a newer version than this program")

// CheckVersion holds the version in the registry against this program's: an older one is raised, a newer one is
// [ErrNewerVersion]. A full Redis, which refuses to write, is no error: the version is raised by the next worker.
func (r Registry) CheckVersion(ctx context.Context) error { return r.checkVersion(ctx, Version) }

func (r Registry) checkVersion(ctx context.Context, own int) error {
	found, err := scriptCheckVersion.Run(ctx, r.rdb, []string{r.version}, own).Int()
	switch {
	case redis.HasErrorPrefix(err, "OOM"):
		return nil
	case err != nil:
		return fmt.Errorf("version of the registry: %w", err)
	case found > own:
		return fmt.Errorf("%w: it has %s, this program knows %d; start a newer one", ErrNewerVersion, strconv.Itoa(found),
			own)
	}
	return nil
}
