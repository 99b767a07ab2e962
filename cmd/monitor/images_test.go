package main

import (
	"regexp"
	"strings"
	"testing"
)

var (
	imageLine = regexp.MustCompile(`(?m)^\s*(?:-\s*)?(?:image:|FROM)\s+(\S+)`)
	pinned    = regexp.MustCompile(`:v?\d+\.\d+\.\d+[-.\w]*$|@sha256:[0-9a-f]{64}$`)
)

// An image that is built here is called navvy; others do not change by themselves.
func TestImagesArePinned(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, file := range []string{
		"../Dockerfile", "../docker-compose.yml", "kubernetes/monitor.yaml", "kubernetes/worker.yaml",
		"kubernetes/producer.yaml",
	} {
		for _, found := range imageLine.FindAllStringSubmatch(fileOf(t, file), -1) {
			image := found[1]
			if seen++; image != "navvy" && image != "scratch" && !pinned.MatchString(image) {
				t.Errorf("%s: %s may be another one tomorrow", file, image)
			}
		}
	}
	if seen < 6 {
		t.Errorf("%d images were found", seen)
	}
	compose := fileOf(t, "../docker-compose.yml")
	if !strings.Contains(compose, "--requirepass") || strings.Contains(compose, "redis://redis") {
		t.Error("docker-compose.yml has a Redis without a password")
	}
}
