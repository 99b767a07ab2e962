// Package credentials reads files of secrets, line by line: hashes of passwords and tokens, and who they belong to.
// What the lines mean is the program's own matter.
package credentials

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

const reread = 2 * time.Second // how soon a change of a file is noticed

// File is a file of lines, read again when it changes. Empty lines and those that begin with # are skipped. A change is
// noticed within two seconds; while the file cannot be read or has a mistake, what was read before counts: a slip must
// not lock everybody out. It is safe for concurrent use.
type File[T any] struct {
	path string
	make func() T
	add  func(into T, words []string) error

	mu      sync.Mutex
	looked  time.Time
	changed time.Time
	size    int64
	known   T
}

// Open reads the file at path. Function empty makes what the file says before its first line, such as a map; add adds
// one line's words to it, or says what is wrong with them. A file that everybody on the machine can read is refused.
func Open[T any](path string, empty func() T, add func(into T, words []string) error) (*File[T], error) {
	f := &File[T]{path: path, make: empty, add: add}
	if err := f.load(); err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return f, nil
}

// Current returns what the file says. It must not be changed.
func (f *File[T]) Current() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) < reread {
		return f.known
	}
	f.looked = time.Now()
	if info, err := os.Stat(f.path); err == nil && (!info.ModTime().Equal(f.changed) || info.Size() != f.size) {
		_ = f.load()
	}
	return f.known
}

func (f *File[T]) load() error {
	file, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o004 != 0 {
		return fmt.Errorf("%s can be read by everybody on this machine: chmod 600 %s", f.path, f.path)
	}
	known := f.make()
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := f.add(known, words); err != nil {
			return fmt.Errorf("%s, line %d: %w", f.path, number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	f.known, f.changed, f.size = known, info.ModTime(), info.Size()
	return nil
}
