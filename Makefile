# Only Go is needed. `make demo` shows Packhorse at work, `make test` runs every test.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ARGS    ?=
export CGO_ENABLED = 0
# Without grpcnotrace every binary holds a web page of google.golang.org/grpc and a template engine for it.
export GOFLAGS += -tags=grpcnotrace

.PHONY: all build packhorse-bench image try-image demo sim test lint bench bench-link bench-road bench-store bench-apps bench-hil soak fuzz release packages packages-test docs clean

all: build

build:
	$(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/packhorse ./cmd/packhorse

# The card of the appliance for Raspberry Pi, in dist/image: docs/IMAGE.md
image:
	$(GO) -C tools/image run . -version $(VERSION) -out $(CURDIR)/dist/image $(ARGS)

# The program that runs suites on simulated, virtual and real benches: docs/HIL.md
packhorse-bench: build
	$(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/packhorse-bench ./cmd/packhorse-bench

# The card of make image in QEMU, with a simulated radio and its console in this terminal: make try-image ARGS="--boxes 2"
try-image: packhorse-bench
	bin/packhorse-bench try $(ARGS)

# Three gateways in a line on simulated radios: make demo, or make demo ARGS=--once
demo: build
	bin/packhorse demo $(ARGS)

# Pseudo-terminals that behave as RNode modems: make sim ARGS="-n 3 --links line --loss 0.1"
sim: build
	bin/packhorse sim air $(ARGS)

# Every suite; installs what is missing and says so. One suite: make test ARGS="-only unit"
test:
	$(GO) run ./tools/testrun $(ARGS)

lint:
	$(GO) run ./tools/testrun -only lint
	$(GO) run ./tools/depcheck
	$(GO) -C testbench/peers vet .
	$(GO) -C tools/image vet .
	$(GO) -C tools/deb vet .

# What a hop, letters, cuts, kills and restarts cost, the store beside its peers, and a crowd of apps, as tables.
bench: bench-link bench-road bench-store bench-apps

# One hop in virtual time. 100 seeds: make bench-link SEEDS=100; as JSON: PACKHORSE_BENCH_JSON=FILE
SEEDS ?= 20
bench-link:
	PACKHORSE_BENCH=$(SEEDS) $(GO) test -count=1 -timeout=60m -v $(ARGS) ./testbench/hop
	$(GO) test -run=xxx -bench='Megabyte|DataFrame' -count=5 ./link

# In virtual time.
bench-road:
	$(GO) test -count=1 -timeout=60m -v $(ARGS) ./testbench/road
	PACKHORSE_BENCH=10 $(GO) test -count=1 -timeout=60m -v $(ARGS) ./testbench/chips

# On the disk of PACKHORSE_BENCH_DIR. One part: make bench-store ARGS="-only reopen"
bench-store:
	$(GO) -C testbench/peers run . $(ARGS)

# 10,000 parcels of 50 endpoints on one gateway, in real time.
bench-apps:
	PACKHORSE_BENCH=1 $(GO) test -v -count=1 -run=Crowd $(ARGS) ./testbench/apps

# Conformance, road and crash on simulated nodes, on virtual machines with this tree's card, and on boards: docs/HIL.md
bench-hil: packhorse-bench
	$(MAKE) image ARGS=
	PACKHORSE_IMAGE=dist/image/card.img bin/packhorse-bench run sim virtual real --out dist/bench $(ARGS)

# The long rows: many seeds, real processes, real time.
soak:
	PACKHORSE_SOAK=1 $(GO) test -count=1 -timeout=120m -v -run='Soak' $(ARGS) ./testbench/...
	PACKHORSE_SOAK=1 $(GO) test -count=1 -timeout=120m -v $(ARGS) ./testbench/storetrial
	PACKHORSE_SOAK=1 $(GO) -C tools/image test -count=1 -timeout=30m -v -run=Soak .
	$(GO) run ./tools/testrun -only 386

# Every fuzz test for a minute.
fuzz:
	$(GO) run ./tools/fuzz $(ARGS)

# Static binaries for arm6, arm7, arm64, riscv64 and amd64 with sums, bill of materials and licences, in dist. The same from a copy of the tree: ARGS=-again
release:
	$(GO) run ./tools/release -version $(VERSION) $(ARGS)

# Debian packages for armhf (ARMv6), arm64, riscv64 and amd64, in dist. One: make packages ARGS="-only arm64"
packages:
	$(GO) -C tools/deb run . -version $(VERSION) $(ARGS)

# Packages of other architectures in Debians of theirs, as root: needs debootstrap, and qemu-user-static with binfmt-support.
packages-test:
	PACKHORSE_DEBIAN=1 PACKHORSE_SOAK=1 $(GO) -C tools/deb test -count=1 -timeout=120m -v -run=OnOther $(ARGS) .

# Writes the generated parts of docs anew; the tests say when they are stale.
docs:
	$(GO) test ./cmd/packhorse ./cmd/packhorse/internal/config -run=Documented -update
	$(GO) test ./link -run=Frames -rewrite

clean:
	rm -rf bin dist .demo
