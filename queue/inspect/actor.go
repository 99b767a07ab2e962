package inspect

import (
	"context"
	"strings"
	"time"

	"github.com/navvy-go/navvy/queue/internal/wire"
)

// Attribution is the person that did something to a queue or to a job, and when.
type Attribution struct {
	By string    `json:"by,omitempty"` // see [WithActor]; "" if not known
	At time.Time `json:"at"`
}

func newAttribution(text string) *Attribution {
	by := wire.DecodeAttribution(text)
	return &Attribution{By: by.By, At: inCalendar(by.At)}
}

type actorKey struct{}

// WithActor notes in a context who acts: what an [Inspector] does with that context is attributed to that name, of
// which 128 bytes are kept.
func WithActor(ctx context.Context, who string) context.Context {
	who = strings.ToValidUTF8(who[:min(len(who), wire.MaxNameLen)], "")
	return context.WithValue(ctx, actorKey{}, who)
}

func actor(ctx context.Context) string {
	who, _ := ctx.Value(actorKey{}).(string)
	return who
}

// attribution is that of an act of now.
func (i *Inspector) attribution(ctx context.Context) wire.Attribution {
	return wire.Attribution{By: actor(ctx), At: i.now().UTC().Truncate(time.Millisecond)}
}
