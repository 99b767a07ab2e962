package command

import (
	"time"
	_ "time/tzdata" // containers have none

	"github.com/urfave/cli/v2"
)

const zoneFlag = "analytics-zone"

// ZoneFlag names the time zone whose days analytics counts: the same for workers and the monitor.
func ZoneFlag() cli.Flag {
	return &cli.StringFlag{
		Name: zoneFlag, Value: "UTC",
		Usage: "count events by the days of the time `ZONE`, such as Europe/Berlin; the same everywhere",
	}
}

// Zone reads the flag.
func Zone(c *cli.Context) (*time.Location, error) {
	name := c.String(zoneFlag)
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" { // whose this is differs from machine to machine
		return nil, Usage("--%s %s: want UTC or a zone such as Europe/Berlin", zoneFlag, name)
	}
	return zone, nil
}
