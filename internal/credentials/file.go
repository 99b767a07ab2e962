package credentials

import (
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	fileMost   = 1 << 20 // bytes
	othersRead = 0o004
	othersMay  = 0o022 // the group and all others must not write it, others not read it either
)

// readFile reads a file of credentials. It refuses one that another user of this machine could read or change, and
// what is no file: to open a pipe could take for ever.
func readFile(path string) ([]byte, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if err := check(path, info); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil {
		return nil, err
	} else if err := check(path, info); err != nil { // it may be another file by now
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, fileMost+1))
	if err == nil && len(text) > fileMost {
		err = fmt.Errorf("%s is longer than %d bytes", path, fileMost)
	}
	return text, err
}

func check(path string, info os.FileInfo) error {
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return errors.New(path + " is not a file")
	case mode.Perm()&othersRead != 0:
		return fmt.Errorf("%s can be read by everybody on this machine: chmod 600 %s", path, path)
	case mode.Perm()&othersMay != 0:
		return fmt.Errorf("%s can be changed by others than its owner: chmod 600 %s", path, path)
	}
	return nil
}
