package redisx

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// unready begin the replies of servers that cannot answer for now.
var unready = []string{"LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY ", "UNBLOCKED"}

// IsAway reports whether an error says that Redis cannot be reached, or cannot answer for now: not that it has answered
// and refused, and not that what it has cannot be read.
func IsAway(err error) bool {
	if err == nil {
		return false
	}
	var reply redis.Error
	if errors.As(err, &reply) {
		return slices.ContainsFunc(unready, func(prefix string) bool { return redis.HasErrorPrefix(reply, prefix) })
	}
	var network net.Error // also a context's deadline
	return errors.As(err, &network) || errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || isOfClient(err)
}

// isOfClient reports whether an error is one of the client library's own, such as that its pool is exhausted or that no
// Sentinel answers: they have no type in common.
func isOfClient(err error) bool {
	switch wrapped := err.(type) { //nolint:errorlint // each of the chain
	case interface{ Unwrap() error }:
		return isOfClient(wrapped.Unwrap())
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(wrapped.Unwrap(), isOfClient)
	}
	return err != nil && strings.HasPrefix(err.Error(), "redis: ")
}
