package httpheader_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"

	"go.uber.org/goleak"

	"github.com/navvy-go/navvy/internal/httpheader"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryHeaderComesBackFromJSON(t *testing.T) {
	t.Parallel()
	for _, want := range []http.Header{
		nil, {}, {"A": {}}, {"A": {"text", "ä"}}, {"A": {"\xe4"}}, {"A": {"ä", "\xe4\xed", ""}, "B": {"b"}},
	} {
		var kept struct {
			Header http.Header
			Bytes  map[string][][]byte
		}
		kept.Header, kept.Bytes = httpheader.Split(want)
		text, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		kept.Header, kept.Bytes = nil, nil
		if err := json.Unmarshal(text, &kept); err != nil {
			t.Fatal(err)
		}
		if got := httpheader.Join(kept.Header, kept.Bytes); !reflect.DeepEqual(got, want) {
			t.Errorf("%q came back as %q", want, got)
		}
	}
}
