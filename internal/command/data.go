package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/navvy-go/navvy/queue"
)

// Data returns the JSON that --data names, of at most one byte more than a job may have.
func Data(c *cli.Context) ([]byte, error) {
	data, err := rawData(c)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimSpace(data)
	if len(data) > queue.DefaultMaxData {
		return nil, Usage("--data: %w (the limit is %d bytes)", queue.ErrTooLarge, queue.DefaultMaxData)
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return nil, Usage("--data is not JSON: %w", err)
	}
	return data, nil
}

func rawData(c *cli.Context) ([]byte, error) {
	argument := c.String("data")
	path, isFile := strings.CutPrefix(argument, "@")
	switch {
	case argument == "":
		return nil, Usage("the job's data is missing; give --data JSON, @FILE or - for stdin")
	case argument == "-":
		return readLimited(c.App.Reader, "stdin")
	case isFile:
		file, err := os.Open(path)
		if err != nil {
			return nil, Usage("--data: %w", err)
		}
		defer file.Close()
		return readLimited(file, path)
	default:
		return []byte(argument), nil
	}
}

func readLimited(r io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, queue.DefaultMaxData+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}
