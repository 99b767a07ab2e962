package main

import (
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
)

func TestMain(m *testing.M) {
	logging.Disable() // go-redis would report connections that were closed while a command waited
	os.Exit(m.Run())
}
