package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestAChartIsWellFormed(t *testing.T) {
	t.Parallel()
	for _, logarithmic := range []bool{false, true} {
		c := chart{title: "drain rate", logarithmic: logarithmic, bars: []bar{
			{"floor", summary{200, 100, 400}, true}, {"navvy", summary{100, 50, 200}, true}, {"bullmq", summary{}, false},
		}}
		var svg strings.Builder
		if err := c.write(&svg); err != nil {
			t.Fatal(err)
		}
		decoder := xml.NewDecoder(strings.NewReader(svg.String()))
		for {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in %s", err, svg.String())
			}
		}
		if at := c.at(400); at != plotWidth-plotNames-plotValues {
			t.Errorf("the highest figure ends at %v", at)
		}
		if c.at(100) >= c.at(200) {
			t.Error("twice as much is no longer")
		}
	}
}
