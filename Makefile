# Each target says what it does after "##"; make help lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# Targets are sequences, so that make -j changes nothing.
.NOTPARALLEL:
# scripts/setup.sh puts a Go here if the one in PATH is too old.
export PATH := $(CURDIR)/bin/go:$(PATH)

# As an ordinary user everything is built as oneself and run through sudo.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo -E)
EXEC := $(if $(SUDO),-exec '$(SUDO)')
GOTESTSUM := go run gotest.tools/gotestsum@v1.13.0
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# By default a program with the race detector sleeps for a second before it ends.
RACE := GORACE=atexit_sleep_ms=0 go test -race
ACTIONLINT := go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
MISSPELL := go run github.com/golangci/misspell/cmd/misspell@v0.8.0
GOVULNCHECK := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: help setup go build man demo test test-other race consumer test-vm matrix slow moving mutate upgrade junit unit soak soak-kill lost-event bench fuzz lint vuln reap

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## install what this machine is missing, Go among it (apt, through sudo if need be)
	@scripts/setup.sh

go:
	@scripts/setup.sh go

build: go ## build static bin/nestbed, and bin/nestbed-relay, which it pushes into levels that it cannot look into otherwise
	@CGO_ENABLED=0 go build -o bin/nestbed ./harness/cmd/nestbed
	@CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o bin/nestbed-relay ./harness/cmd/nestbed-relay

man: build ## write the man pages to bin/man
	@mkdir -p bin/man
	@bin/nestbed man bin/man

demo: setup build ## build and verify the article's chain, and show it
	@$(SUDO) bin/nestbed up --depth 3 --allocation root:500000:196608

# -count=1, because go test would otherwise give its cached verdict on an LXD that has changed since.
test: setup ## all tests, the scenarios on a real LXD among them; their results in reports/VERSION
	NESTBED_REPORTS=$(CURDIR)/reports go test -count=1 -timeout 60m $(EXEC) ./...

# The bundle of the Debian that this machine is not.
OTHER ?= $(if $(shell grep -s '^VERSION_CODENAME=trixie' /etc/os-release),debian:bookworm,debian:trixie)
test-other: setup ## the Go tests of scenarios/ and the core scenarios with the other Debian's bundle (OTHER=debian:SUITE)
	NESTBED_BUNDLE=$(OTHER) go test -count=1 -timeout 60m $(EXEC) ./scenarios -godog.format=progress -godog.tags=@core

race: setup ## the core scenarios, and a host that is used by many at once, with the race detector
	$(RACE) -count=1 -timeout 30m $(EXEC) ./scenarios -run 'TestFeatures|ByManyAtOnce' -godog.format=progress -godog.tags=@core

consumer: setup ## a module that uses nestbed as a library, with a feature and a step of its own
	cd testdata/consumer && go mod tidy -diff && go test -count=1 $(EXEC) ./...

VM ?= debian:bookworm debian:trixie
VMFLAGS ?=
test-vm: ## the scenarios in virtual machines with AppArmor, systemd and cgroup v2, without root (VM="debian:bookworm debian:trixie" VMFLAGS=)
	@scripts/setup.sh vm
	@for vm in $(VM); do \
		echo "in a virtual machine with $$vm:"; \
		CGO_ENABLED=0 NESTBED_HOST=vm:$$vm NESTBED_REPORTS=$(CURDIR)/reports/vm go test -count=1 -timeout 4h ./scenarios -v -run TestFeatures \
			-godog.format=progress $(VMFLAGS) || exit 1; \
	done

matrix: setup ## the scenarios here with each of BUNDLES and in each VM, and which are not the same everywhere; QUICK=1 for @core
	@scripts/setup.sh vm
	@BUNDLES="$(BUNDLES)" VM="$(VM)" QUICK="$(QUICK)" SUDO="$(SUDO)" scripts/matrix.sh

slow: setup ## the scenarios that take more than 20 s, which make test leaves out
	go test -count=1 -timeout 60m $(EXEC) ./scenarios -run TestFeatures -godog.tags=@slow

moving: setup ## the scenarios about what Debian changes from one day to the next: Incus 7 of sid
	go test -count=1 -timeout 30m $(EXEC) ./scenarios -run TestFeatures -godog.tags=@moving

TAGS ?= ~@moving && ~@known-bug
WRONG ?= 10
mutate: setup ## can every Then fail? Each runs with up to WRONG wrong values first, and must fail with each (TAGS=@core WRONG=10)
	go test -count=1 -timeout 3h $(EXEC) ./scenarios -run TestFeatures -godog.tags='$(TAGS)' -mutate $(WRONG)

upgrade: setup ## is it safe to go FROM=installed TO=debian:trixie? The suite under both, the swap, the comparison; QUICK=1 in 5 minutes
	@FROM="$(FROM)" TO="$(TO)" QUICK="$(QUICK)" SUDO="$(SUDO)" scripts/upgrade.sh

junit: setup ## as test, with the results in reports/junit.xml
	@mkdir -p reports
	$(GOTESTSUM) --junitfile reports/junit.xml --format testname -- -count=1 -timeout 30m $(EXEC) ./...

unit: ## the tests that need neither root nor LXD, with the race detector
	@scripts/setup.sh unit
	$(RACE) -short ./...

# N chains drawn from SEED; SEED=0 draws the seed itself, and says which it was.
N ?= 500
SEED ?= 0
soak: setup ## hold the model against LXD and the kernel: N random chains from SEED (N=500 SEED=0)
	go test -count=1 -timeout 10h $(EXEC) ./harness/idmap -run TestTheKernel -v -idmap.chains $$(( $(N) * 20 )) -idmap.seed $(SEED)
	go test -count=1 -timeout 10h $(EXEC) ./scenarios -run TestLXDDoesWhatTheModelSays -v -proofs $(N) -proof.seed $(SEED)

soak-kill: setup ## kill N runs, or something of them, at random moments, and look for what is left (N=500 SEED=0)
	go test -count=1 -timeout 10h $(EXEC) ./scenarios -run TestNothingIsLeftWhateverIsKilled -v -soak.machine -soak.kills $(N) -soak.seed $(SEED)

lost-event: setup ## delete up to N images in a cluster until LXD, which waits for an event of a member, waits forever (N=500)
	go test -count=1 -timeout 10h $(EXEC) ./scenarios -run TestAnImageDeletionOfAClusterCanHangInLXD -v -lost.deletions $(N)

ROUNDS ?= 3
DEPTHS ?= 1,3,8,16,32
RECIPE ?= 16
bench: setup ## how fast chains are built, and typed by hand up to depth RECIPE (ROUNDS=3 DEPTHS=1,3,8,16,32 RECIPE=16); reports/bench.json
	@mkdir -p reports
	go test -timeout 10h $(EXEC) ./scenarios -run '^$$' -bench '^BenchmarkChain$$' -benchtime 1x -count $(ROUNDS) \
		-bench.depths $(DEPTHS) -bench.recipe $(RECIPE) -bench.json $(CURDIR)/reports/bench.json

FUZZTIME ?= 30s
fuzz: go ## run every fuzz target for FUZZTIME (30s)
	@grep -rl '^func Fuzz' --include=*_test.go . | sort -u | while read -r f; do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$f); do \
			echo "$$target in $$(dirname $$f)"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$f) || exit 1; \
		done; \
	done

# What scripts/prose.sh checks. "initialising" is a quotation: LXD's spelling.
# docs/steps.md is generated from the vocabulary.
PROSE ?= '*.md' ':!docs/steps.md'
lint: go ## golangci-lint, actionlint, whether go.mod is tidy, American spelling, and the wording of PROSE
	$(GOLANGCI) run ./...
	$(ACTIONLINT)
	go mod tidy -diff
	$(MISSPELL) -locale US -i initialising -error $$(git ls-files '*.md' '*.feature' Makefile scripts .github .ci)
	scripts/prose.sh $(PROSE)

# Not in lint: its database is on a server of its own, vuln.go.dev.
vuln: go ## known vulnerabilities in what is called of the dependencies; needs https://vuln.go.dev
	@$(GOVULNCHECK) ./... || { echo "vuln: see above; where it could not fetch, the database at https://vuln.go.dev cannot be reached from here, and nothing was checked" >&2; exit 1; }

reap: build ## clear what killed runs left
	@$(SUDO) bin/nestbed reap
