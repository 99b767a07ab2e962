package apikey_test

import (
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestMain(m *testing.M) {
	logging.Disable()
	os.Exit(redistest.Main(m))
}
