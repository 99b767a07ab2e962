package redistest

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed clock/clock.c
var clockSource []byte

// Clocks starts servers whose clocks can be stepped.
type Clocks struct{ library string }

// NewClocks compiles, into dir, what such a server needs. It takes a C compiler ($CC, or cc) and Linux' dynamic loader.
func NewClocks(dir string) (*Clocks, error) {
	source, library := filepath.Join(dir, "clock.c"), filepath.Join(dir, "clock.so")
	if err := os.WriteFile(source, clockSource, 0o600); err != nil {
		return nil, err
	}
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "cc"
	}
	if text, err := exec.Command(compiler, "-shared", "-fPIC", "-O2", "-o", library, source).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("redistest: compile the clock of servers: %w: %s", err, text)
	}
	return &Clocks{library: library}, nil
}

// Start is [Start], of a server with a clock that [Server.StepClock] steps.
func (c *Clocks) Start(dir string, args ...string) (*Server, error) {
	binary, err := Binary()
	if err != nil {
		return nil, err
	}
	file, program := filepath.Join(dir, "clock"), filepath.Join(dir, "server")
	if err := os.WriteFile(file, make([]byte, 8), 0o600); err != nil {
		return nil, err
	}
	script := fmt.Sprintf("#!/bin/sh\nLD_PRELOAD='%s' NAVVY_TEST_CLOCK='%s' exec '%s' \"$@\"\n", c.library, file, binary)
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		return nil, err
	}
	return start(program, dir, func(port string) []string {
		return append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", ""}, args...)
	})
}

// StepClock sets how far the clock of a server of [Clocks.Start] is ahead of this machine's, from now on.
func (s *Server) StepClock(ahead time.Duration) error {
	file, err := os.OpenFile(filepath.Join(s.Dir, "clock"), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("redistest: step the clock: %w", err)
	}
	defer file.Close()
	_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(ahead)), 0)
	return err
}
