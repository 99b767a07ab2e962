package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/navvy-go/navvy/queue"
)

// Send is the job that notifies a user, or whoever listens on a channel. It is sent once, however often the job is
// delivered.
type Send struct {
	UserID  string `json:"user_id,omitempty"` // for the user's channel
	Channel string `json:"channel,omitempty"` // or a channel by its name; one of the two
	Type    string `json:"type"`
	Title   string `json:"title,omitempty"`
	Body    string `json:"body,omitempty"`
}

// Kind is notify.send.
func (Send) Kind() string { return "notify.send" }

func (s Send) channel() (string, error) {
	switch {
	case (s.UserID == "") == (s.Channel == ""):
		return "", fmt.Errorf("notify: %w: want a user_id or a channel, and not both", ErrInvalid)
	case s.UserID != "":
		return UserChannel(s.UserID), nil
	}
	return s.Channel, nil
}

// Register gives the mux the handler of notify.send.
func (s *Sender) Register(mux *queue.Mux) {
	queue.Handle(mux, s.handle, queue.Timeout(10*time.Second))
}

func (s *Sender) handle(ctx context.Context, job *queue.Job[Send]) error {
	args := job.Args
	channel, err := args.channel()
	if err == nil {
		id := job.Queue + ":" + job.ID // a job's ID is its own in its queue only
		n := Notification{Type: args.Type, Title: args.Title, Body: args.Body, At: job.EnqueuedAt}
		_, err = s.Send(ctx, id, channel, n)
	}
	if errors.Is(err, ErrInvalid) {
		return queue.Cancel(err)
	}
	return err
}
