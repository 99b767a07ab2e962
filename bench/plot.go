package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// plotted are the metrics that get a plot, and whether its scale is logarithmic.
var plotted = map[string]bool{
	"enqueue": false, "bulk": false, "drain": false, "cpu": false, "memory": false,
	"latency": true, "latency_at_1000_p99": true, "latency_at_10000_p99": true,
}

// plot writes an SVG for each metric and size of payload into a folder, named metric-bytes.svg.
func (r *report) plot(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	for _, s := range r.Sections {
		for _, res := range s.Metrics {
			logarithmic, wanted := plotted[res.Name]
			if !wanted {
				continue
			}
			c := chart{title: fmt.Sprintf("%s, %s, %d bytes", res.Label, res.Unit, s.PayloadBytes), logarithmic: logarithmic}
			for _, e := range r.Contestants {
				value, known := res.Figures[e.Name]
				c.bars = append(c.bars, bar{e.Name, value, known})
			}
			path := filepath.Join(folder, fmt.Sprintf("%s-%d.svg", res.Name, s.PayloadBytes))
			if err := c.save(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// chart is a plot of bars, one below the other, with a line from the lowest to the highest figure in each.
type chart struct {
	title       string
	logarithmic bool
	bars        []bar
}

type bar struct {
	name  string
	value summary
	known bool
}

const (
	plotWidth  = 640
	plotNames  = 100 // the column of names
	plotValues = 100 // the room for a number behind the longest bar
	plotHead   = 40
	plotRow    = 26
)

func (c chart) save(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	if err := c.write(file); err != nil {
		_ = file.Close()
		return fmt.Errorf("bench: %w", err)
	}
	return file.Close()
}

func (c chart) write(w io.Writer) error {
	var svg strings.Builder
	height := plotHead + plotRow*len(c.bars) + plotRow/2
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" %s>`+"\n",
		plotWidth, height, `font-family="sans-serif" font-size="13"`)
	fmt.Fprintf(&svg, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", plotWidth, height)
	title := c.title
	if c.logarithmic {
		title += " (logarithmic)"
	}
	fmt.Fprintf(&svg, `<text x="10" y="24" font-weight="bold" fill="#1f2328">%s</text>`+"\n", title)
	for i, b := range c.bars {
		c.writeBar(&svg, b, plotHead+i*plotRow)
	}
	svg.WriteString("</svg>\n")
	_, err := io.WriteString(w, svg.String())
	return err
}

func (c chart) writeBar(svg *strings.Builder, b bar, y int) {
	const thick = plotRow - 8
	baseline := y + thick - 4
	fmt.Fprintf(svg, `<text x="%d" y="%d" text-anchor="end" fill="#1f2328">%s</text>`+"\n", plotNames-8, baseline, b.name)
	if !b.known {
		fmt.Fprintf(svg, `<text x="%d" y="%d" fill="#59636e">–</text>`+"\n", plotNames, baseline)
		return
	}
	colour := "#8c959f"
	if b.name == "navvy" {
		colour = "#0969da"
	}
	end := c.at(b.value.Median)
	fmt.Fprintf(svg, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", plotNames, y, end, thick, colour)
	fmt.Fprintf(svg, `<path d="M%.1f %dH%.1f" stroke="#1f2328"/>`+"\n",
		plotNames+c.at(b.value.Lowest), y+thick/2, plotNames+c.at(b.value.Highest))
	fmt.Fprintf(svg, `<text x="%.1f" y="%d" fill="#59636e">%s</text>`+"\n",
		plotNames+c.at(b.value.Highest)+6, baseline, figure(b.value.Median))
}

// at is how far to the right of the names a value is: 0 at the left is zero, or a tenth of the least on a logarithmic
// scale.
func (c chart) at(value float64) float64 {
	least, most := math.Inf(1), 0.0
	for _, b := range c.bars {
		if b.known {
			least, most = min(least, b.value.Lowest), max(most, b.value.Highest)
		}
	}
	const room = plotWidth - plotNames - plotValues
	if c.logarithmic {
		return room * math.Log(value/(least/10)) / math.Log(most/(least/10))
	}
	return room * value / most
}
