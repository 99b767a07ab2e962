package main

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"
)

// startEmbedded runs a Redis inside this process. It speaks TCP, so the other programs reach it like any other.
func startEmbedded() (*backend, error) {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start the embedded redis: %w", err)
	}
	server.ClockTTL(true) // by itself it never lets a key expire
	url := "redis://" + server.Addr() + "/0"
	note := "embedded redis at " + url + ": in memory, nothing survives (install redis-server to keep the data)"
	return &backend{url: url, note: note, stop: server.Close}, nil
}
