package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// readyTimeout bounds how long a private server may take to load its data.
const readyTimeout = time.Minute

// startPrivate starts the server at path on a free port, with its data in a directory that only this user can read.
func startPrivate(ctx context.Context, path, data string) (*backend, error) {
	data, err := filepath.Abs(data)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("data of the private redis: %w", err)
	}
	lock, err := lockDir(data)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress("127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	server, err := start(&console{w: os.Stderr}, "redis", privateCommand(path, address, data), nil)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	b := &backend{url: "redis://" + address + "/0"}
	b.note = fmt.Sprintf("private %s at %s, its data in %s", filepath.Base(path), b.url, data)
	b.stop = func() {
		_ = server.stop(context.Background())
		_ = lock.Close()
	}
	if err := awaitReady(ctx, server, address); err != nil {
		b.stop()
		return nil, fmt.Errorf("private redis: %w; see %s", err, filepath.Join(data, "redis.log"))
	}
	return b, nil
}

func privateCommand(path, address, data string) *exec.Cmd {
	_, port, _ := net.SplitHostPort(address)
	return exec.Command(path,
		"--port", port, "--bind", "127.0.0.1", "--dir", data, "--logfile", filepath.Join(data, "redis.log"),
		"--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction")
}

// lockDir keeps a second demo from starting a second server on the same files. The lock ends with the process.
func lockDir(data string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(data, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the private redis: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("another demo is using %s: stop it, or set REDIS_URL to its redis", data)
	}
	return file, nil
}

func awaitReady(ctx context.Context, server *process, address string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	rdb := redis.NewClient(&redis.Options{Addr: address, DialerRetries: 1, MaxRetries: -1})
	defer rdb.Close()
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		select {
		case <-server.exited:
			return false, errors.New("it ended at once")
		default:
			return rdb.Ping(ctx).Err() == nil, nil
		}
	})
}

// freeAddress returns the wanted address, or one with a free port if that is in use.
func freeAddress(wanted string) (string, error) {
	listener, err := net.Listen("tcp", wanted)
	if err != nil {
		host, _, _ := net.SplitHostPort(wanted)
		listener, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	host, _, err := net.SplitHostPort(wanted)
	port := listener.Addr().(*net.TCPAddr).Port
	return net.JoinHostPort(host, strconv.Itoa(port)), err
}

// poll calls check, again and again, until it returns true or an error, or ctx ends.
func poll(ctx context.Context, interval time.Duration, check func() (bool, error)) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if done, err := check(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
