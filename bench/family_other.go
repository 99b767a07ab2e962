//go:build !linux

package main

import (
	"errors"
	"time"
)

// familyCPU has no source here.
func familyCPU(int) (time.Duration, error) { return 0, errors.ErrUnsupported }
