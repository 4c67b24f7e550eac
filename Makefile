# Each target is described after "##". make help lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
# Targets run in sequence, even with make -j.
.NOTPARALLEL:
# scripts/setup.sh links a Go here if the one in PATH is too old.
export PATH := $(CURDIR)/bin/go:$(PATH)

# An ordinary user builds everything without sudo and runs it with sudo.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo -E)
EXEC := $(if $(SUDO),-exec '$(SUDO)')
GOTESTSUM := go run gotest.tools/gotestsum@v1.13.0
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# By default a program with the race detector sleeps for a second before it exits.
RACE := GORACE=atexit_sleep_ms=0 go test -race
ACTIONLINT := go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
MISSPELL := go run github.com/golangci/misspell/cmd/misspell@v0.8.0
GOVULNCHECK := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: help setup go build man install install-data package docs demo test test-other test-versions race consumer test-vm matrix slow moving mutate upgrade junit unit soak soak-kill lost-event bench fuzz lint vuln reap

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## install missing programs, including Go (with apt, and sudo if needed)
	@scripts/setup.sh

go:
	@scripts/setup.sh go

build: go ## build static bin/nestbed, and bin/nestbed-relay, which it copies into tunneled levels
	@CGO_ENABLED=0 go build -buildvcs=auto -o bin/nestbed ./harness/cmd/nestbed
	@CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o bin/nestbed-relay ./harness/cmd/nestbed-relay

man: build ## write the man pages to bin/man
	@mkdir -p bin/man
	@bin/nestbed man bin/man

PREFIX ?= /usr/local
DESTDIR ?=
SHARE = $(DESTDIR)$(PREFIX)/share
install: build install-data ## install the programs, man pages, completions and features (PREFIX=/usr/local DESTDIR=)
	install -D -m 755 bin/nestbed $(DESTDIR)$(PREFIX)/bin/nestbed
	install -D -m 755 bin/nestbed-relay $(DESTDIR)$(PREFIX)/libexec/nestbed/nestbed-relay

install-data: man
	install -d $(SHARE)/man/man1 $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d $(SHARE)/doc/nestbed/features
	install -m 644 bin/man/*.1 $(SHARE)/man/man1
	install -m 644 features/*.feature $(SHARE)/doc/nestbed/features
	install -m 644 LICENSE README.md CHANGELOG.md $(SHARE)/doc/nestbed
	bin/nestbed completion bash >$(SHARE)/bash-completion/completions/nestbed
	bin/nestbed completion zsh >$(SHARE)/zsh/site-functions/_nestbed
	bin/nestbed completion fish >$(SHARE)/fish/vendor_completions.d/nestbed.fish

package: build ## make .deb and .tar.gz packages for amd64 and arm64 in dist, with checksums and a bill of materials
	@scripts/package.sh

docs: go ## write the generated files of docs/: steps.md and chain.svg
	@go test -count=1 ./harness/cmd/nestbed -run TestTheGeneratedDocsAreCurrent -update

demo: setup build ## build, verify and show the article's chain
	@$(SUDO) bin/nestbed up --depth 3 --allocation root:500000:196608

# -count=1, because a cached result may be older than the installed LXD.
test: setup ## run all tests, including the scenarios on a real LXD; results in reports/VERSION
	NESTBED_REPORTS=$(CURDIR)/reports go test -count=1 -timeout 60m $(EXEC) ./...

# The bundle of the Debian release that this machine does not run.
OTHER ?= $(if $(shell grep -s '^VERSION_CODENAME=trixie' /etc/os-release),debian:bookworm,debian:trixie)
test-other: setup ## run the Go tests of scenarios/ and the core scenarios with another bundle (OTHER=debian:SUITE)
	NESTBED_BUNDLE=$(OTHER) go test -count=1 -timeout 60m $(EXEC) ./scenarios -godog.format=progress -godog.tags=@core

VERSIONS ?= module:lxd debian:trixie/incus
test-versions: setup ## run the core scenarios with LXD 6.2 and Incus (VERSIONS="module:lxd debian:trixie/incus")
	@for bundle in $(VERSIONS); do \
		echo "with $$bundle:"; \
		NESTBED_BUNDLE=$$bundle go test -count=1 -timeout 60m $(EXEC) ./scenarios -run TestFeatures -godog.format=progress -godog.tags=@core || exit 1; \
	done

race: setup ## run the core scenarios, and many users of one host at once, with the race detector
	$(RACE) -count=1 -timeout 30m $(EXEC) ./scenarios -run 'TestFeatures|ByManyAtOnce' -godog.format=progress -godog.tags=@core

consumer: setup ## test a module that uses nestbed as a library, with its own feature and step
	cd testdata/consumer && go mod tidy -diff && go test -count=1 $(EXEC) ./...

VM ?= debian:bookworm debian:trixie
VMFLAGS ?=
test-vm: ## run the scenarios in virtual machines with AppArmor, systemd and cgroup v2, without root (VM="debian:bookworm debian:trixie" VMFLAGS=)
	@scripts/setup.sh vm
	@for vm in $(VM); do \
		echo "in a virtual machine with $$vm:"; \
		CGO_ENABLED=0 NESTBED_HOST=vm:$$vm NESTBED_REPORTS=$(CURDIR)/reports/vm go test -count=1 -timeout 4h ./scenarios -v -run TestFeatures \
			-godog.format=progress $(VMFLAGS) || exit 1; \
	done

matrix: setup ## run the scenarios with each of BUNDLES, here and in each VM, and show the differences; QUICK=1 for @core
	@scripts/setup.sh vm
	@BUNDLES="$(BUNDLES)" VM="$(VM)" QUICK="$(QUICK)" SUDO="$(SUDO)" scripts/matrix.sh

slow: setup ## run the scenarios that take more than 20 s, which make test leaves out
	go test -count=1 -timeout 60m $(EXEC) ./scenarios -run TestFeatures -godog.tags=@slow

moving: setup ## run the scenarios whose packages may change any day: Incus 7 from sid
	go test -count=1 -timeout 30m $(EXEC) ./scenarios -run TestFeatures -godog.tags=@moving

TAGS ?= ~@moving && ~@known-bug
WRONG ?= 10
mutate: setup ## check that every Then can fail: it must fail with up to WRONG wrong values (TAGS=@core WRONG=10)
	go test -count=1 -timeout 3h $(EXEC) ./scenarios -run TestFeatures -godog.tags='$(TAGS)' -mutate $(WRONG)

FROM ?= installed
TO ?= debian:trixie
upgrade: setup build ## is it safe to upgrade FROM=installed TO=debian:trixie? Run the scenarios with both, swap them, compare; QUICK=1 takes 5 minutes
	@$(SUDO) bin/nestbed upgrade --from $(FROM) --to $(TO) $(if $(QUICK),--quick)

junit: setup ## the same as test, with a line for each test, all failures at the end, and the results in reports/junit.xml
	@mkdir -p reports
	NESTBED_REPORTS=$(CURDIR)/reports $(GOTESTSUM) --junitfile reports/junit.xml --format testname -- -count=1 -timeout 60m $(EXEC) ./...

unit: ## run the tests that need neither root nor LXD, with the race detector
	@scripts/setup.sh unit
	$(RACE) -short ./...

# N chains from SEED. SEED=0 picks a seed and prints it.
N ?= 500
SEED ?= 0
soak: setup ## compare the model with LXD and the kernel on N random chains (N=500 SEED=0)
	go test -count=1 -timeout 10h $(EXEC) ./harness/idmap -run TestTheKernel -v -idmap.chains $$(( $(N) * 20 )) -idmap.seed $(SEED)
	go test -count=1 -timeout 10h $(EXEC) ./scenarios -run TestLXDDoesWhatTheModelSays -v -random.chains $(N) -random.seed $(SEED)

soak-kill: setup ## kill N runs, or parts of them, at random moments, and look for leftovers (N=500 SEED=0)
	go test -count=1 -timeout 10h $(EXEC) ./scenarios -run TestNothingIsLeftWhateverIsKilled -v -soak.machine -soak.kills $(N) -soak.seed $(SEED)

lost-event: setup ## delete up to N images in a cluster until LXD loses a member's event and hangs (N=500)
	go test -count=1 -timeout 10h $(EXEC) ./scenarios -run TestAnImageDeletionOfAClusterCanHangInLXD -v -lost.deletions $(N)

ROUNDS ?= 3
DEPTHS ?= 1,3,8,16,32
RECIPE ?= 16
bench: setup ## measure how fast chains are built, and typed up to depth RECIPE (ROUNDS=3 DEPTHS=1,3,8,16,32 RECIPE=16); reports/bench.json
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

# The files that scripts/prose.sh checks; .prose is its list of words. "initialising" quotes LXD.
PROSE ?= . ':!.prose'
lint: go ## run golangci-lint and actionlint; check that go.mod is tidy, the spelling, and the wording of PROSE
	$(GOLANGCI) run ./...
	$(ACTIONLINT)
	go mod tidy -diff
	$(MISSPELL) -locale US -i initialising -error $$(git ls-files '*.md' '*.feature' Makefile scripts .github .ci)
	scripts/prose.sh $(PROSE)

# Not part of lint, because it needs the server vuln.go.dev.
vuln: go ## find known vulnerabilities in called code of dependencies; needs https://vuln.go.dev
	@$(GOVULNCHECK) ./... || { echo "vuln: see above; if a fetch failed, nothing was checked, because https://vuln.go.dev cannot be reached from here" >&2; exit 1; }

reap: build ## remove what killed runs left
	@$(SUDO) bin/nestbed reap
