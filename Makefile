# navvy: a background job system for Go on Redis Streams. `make help` lists what there is.
SHELL := /bin/sh
PROGRAMS := producer worker monitor demo
STATICCHECK = GOFLAGS=$(RACE) $(CURDIR)/.tools/staticcheck

# The tests and lint compile with the same flags, so that what one has compiled serves the other. Lint vets, and the tests
# do not do it again; they need no symbols for a debugger. Most tests wait for leases and other processes, so that more of
# them run at once than there are processors.
RACE := -race
TEST = $(RACE) -vet=off -ldflags=-w -parallel 6
# The packages whose tests take the longest and mostly wait come first, so that the others compile beside them.
LONG := ./queue ./cmd
BOUNDS := -jobs 200000 -require 'drain>=0.70,enqueue>=0.70,cpu<=1.4,latency<=1.5'

.DEFAULT_GOAL := help
.PHONY: help build demo test test-servers test-6.2 fuzz e2e bench check-perf scale events torture payments failover hostile \
	lint sbom vulnerabilities tidy clean check

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the programs into bin/
	go build -o bin/ $(PROGRAMS:%=./cmd/%)

demo: build ## simulate a shop and watch it until Ctrl-C; COUNT=200 processes 200 orders, accounts for them and ends
	@exec bin/demo $(if $(COUNT),-count $(COUNT)) $(if $(JSON),-json)

test: ## run every test on a real Redis; REDIS_SERVER=/path/to/binary chooses the server, RACE= leaves the race detector out
	@tools/test-needs
	cd bench && go test $(TEST) ./...
	go test $(TEST) $(or $(PACKAGES),$(LONG) ./...)

test-servers: ## run tests on several servers at once; SERVERS='/path/to/one /path/to/another', RACE= and PACKAGES as above
	@tools/test-needs
	SERVERS='$(SERVERS)' go test -count=1 -exec $(CURDIR)/tools/on-servers $(TEST) $(or $(PACKAGES),./...)

fuzz: ## run each fuzz test for 15 s; FUZZ=1h for as long, PACKAGES=./queue/... for some
	@tools/test-needs
	@FUZZ=$(FUZZ) tools/fuzz $(PACKAGES)

e2e: build ## test the dashboard and the gateway in a real browser; screenshots go to e2e/artifacts
	@tools/test-needs
	@tools/e2e-needs
	cd e2e && npm test --silent

bench: ## measure navvy beside a bare go-redis loop; BENCH='-peers all' and the like are flags
	@tools/test-needs
	cd bench && go run . $(or $(BENCH),$(BOUNDS))

check-perf: ## hold the benchmarks of the hot path against the last tag, or main's first parent; BASE=v0.1.0 for another
	@tools/test-needs
	@BASE=$(BASE) ROUNDS=$(ROUNDS) tools/check-perf

scale: build ## fill Redis with 10 million jobs and measure what looking at them costs; SCALE=0.1 for a tenth
	@tools/test-needs
	cd bench && go run ./scale -monitor ../bin/monitor $(if $(SCALE),-scale $(SCALE)) $(if $(OPEN),-open $(OPEN))

events: ## count a million events of a raw stream on two workers, exactly; EVENTS=100000 for fewer
	@tools/test-needs
	NAVVY_EVENTS=$(or $(EVENTS),1000000) go test -count=1 -v -run 'TestAFloodIsCountedExactly$$' ./jobs/analytics

torture: ## kill, freeze and cut off a fleet, and account for every job; TORTURE=10m for longer, and the payments too, SEED=42 to repeat a run
	@tools/test-needs
	@go build -o bin/torture ./torture
	@exec bin/torture -for $(or $(TORTURE),60s) $(if $(SEED),-seed $(SEED)) $(if $(JSON),-json)
	$(if $(TORTURE),@$(MAKE) --no-print-directory payments)

payments: ## charge a thousand orders while workers, Redis and the gateway fail, and hold the gateway's ledger against them
	@tools/test-needs
	@go build -o bin/ ./cmd/worker ./torture/payments
	@exec bin/payments $(if $(TORTURE),-for $(TORTURE)) $(if $(SEED),-seed $(SEED)) $(if $(JSON),-json)

hostile: build ## attack the gateway and the monitor for a minute beside honest callers; HOSTILE=10m for longer
	@tools/test-needs
	@go build -o bin/hostile ./torture/hostile
	@exec bin/hostile -for $(or $(HOSTILE),60s) $(if $(JSON),-json)

failover: ## move Redis under load, Sentinel and a cluster, and hold what was acknowledged against what is there; FAILOVER=20m for longer
	@tools/test-needs
	@go build -o bin/failover ./torture/failover
	@exec bin/failover $(if $(FAILOVER),-for $(FAILOVER)) $(if $(JSON),-json)

test-6.2: ## test the queue with every command and option refused that is newer than Redis 6.2
	@tools/test-needs
	@go build -o bin/redis62 ./internal/redistest/redis62
	REDIS_NEWER=$(REDIS_SERVER) REDIS_SERVER=$(CURDIR)/bin/redis62 go test -count=1 $(TEST) ./queue/...

lint: ## gofmt, vet, staticcheck, and the rules of the house that neither knows
	@tools/house-rules
	go vet $(RACE) ./...
	@go build -modfile=tools/go.mod -o .tools/ honnef.co/go/tools/cmd/staticcheck
	$(STATICCHECK) ./...
	cd bench && go vet $(RACE) ./... && $(STATICCHECK) ./...

sbom: ## write sbom.json, the modules that navvy is built of and their licences, which must be among those that are taken
	@tools/sbom

vulnerabilities: ## look for known weaknesses with govulncheck; where its database cannot be had, that is printed. STRICT=1 fails then
	@tools/vulnerabilities

tidy: ## format the code and tidy all modules
	gofmt -w .
	go mod tidy
	cd bench && go mod tidy
	cd tools && go mod tidy

clean: ## remove what build and demo made, the demo's data included
	rm -rf bin .data

check: ## run what CI runs
	.ci/run
