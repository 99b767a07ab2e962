// Package secretfile reads files whose content decides who is let in: secrets, which nobody else may read, and public
// keys, which nobody else may change.
package secretfile

import (
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	fileMost   = 1 << 20 // bytes
	othersRead = 0o004
	othersMay  = 0o022 // the group and all others must not write it
)

// Read reads a file of secrets. It refuses one that another user of this machine could read or change, and what is no
// file: to open a pipe could take for ever.
func Read(path string) ([]byte, error) { return read(path, rule{othersRead, "600"}) }

// ReadPublic reads a file of public keys. It refuses one that another user of this machine could change.
func ReadPublic(path string) ([]byte, error) { return read(path, rule{0, "go-w"}) }

// rule is what the mode of a file must not have beside what lets others change it, and what chmod mends it.
type rule struct {
	forbidden os.FileMode
	chmod     string
}

func read(path string, its rule) ([]byte, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if err := check(path, info, its); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil {
		return nil, err
	} else if err := check(path, info, its); err != nil { // it may be another file by now
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, fileMost+1))
	if err == nil && len(text) > fileMost {
		err = fmt.Errorf("%s is longer than %d bytes", path, fileMost)
	}
	return text, err
}

func check(path string, info os.FileInfo, its rule) error {
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return errors.New(path + " is not a file")
	case mode.Perm()&its.forbidden != 0:
		return fmt.Errorf("%s can be read by everybody on this machine: chmod %s %s", path, its.chmod, path)
	case mode.Perm()&othersMay != 0:
		return fmt.Errorf("%s can be changed by others than its owner: chmod %s %s", path, its.chmod, path)
	}
	return nil
}
