package gateway_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/redistest"
)

func TestMain(m *testing.M) {
	logging.Disable()
	code := redistest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if missing := unseen(); code == 0 && flag.Lookup("test.run").Value.String() == "" && len(missing) > 0 {
		fmt.Fprintf(os.Stderr, "the OpenAPI document has responses that no test got: %v\n", missing)
		code = 1
	}
	os.Exit(code)
}
