# A thin front for CMake presets. `make help` lists the targets.
.DEFAULT_GOAL := build
JOBS ?= $(shell nproc)
# Objects compiled in another checkout of the same source serve here too.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
CMAKE_FLAGS := $(if $(shell command -v ccache),-DCMAKE_C_COMPILER_LAUNCHER=ccache)

.PHONY: help build demo test interop bench check format fuzz tsan clean install

help:
	@echo 'make            build/release/cli/weir'
	@echo 'make demo       the fraud pipeline, end to end (DB=postgres: on a private Postgres; KEEP=1: leave it running)'
	@echo 'make test       every test that needs nothing but Debian packages, under ASan and UBSan'
	@echo 'make tsan       the unit tests and the threaded parts under TSan'
	@echo 'make interop    clients that others wrote, and a real Apache Kafka (needs pip, npm, mvn)'
	@echo 'make bench      the figures of docs/benchmarks.md'
	@echo 'make check      format, lint, include direction, banned names, generated files'
	@echo 'make format     clang-format on every file'
	@echo 'make fuzz       each fuzz target for FUZZ_SECONDS (60)'

build: setup-build
	@cmake --preset release $(CMAKE_FLAGS) >/dev/null
	@cmake --build --preset release -j $(JOBS)

.PHONY: setup-build setup-test setup-check setup-interop
setup-build:
	@tools/setup build
setup-test:
	@tools/setup test
setup-check:
	@tools/setup check

setup-interop:
	@tools/setup interop

demo:
	@tools/setup demo$(if $(filter postgres,$(DB)),-postgres)
	@$(MAKE) --no-print-directory build
	@examples/fraud/demo --db "$(or $(DB),sqlite)" $(if $(KEEP),--keep)

build/dev/built: setup-test
	@cmake --preset dev $(CMAKE_FLAGS) >/dev/null
	@cmake --build --preset dev -j $(JOBS)

test: build/dev/built
	@ctest --preset dev -j $(JOBS)
	@tests/run-integration build/dev/cli/weir

tsan: setup-test
	@cmake --preset tsan $(CMAKE_FLAGS) >/dev/null
	@cmake --build --preset tsan -j $(JOBS)
	@ctest --preset tsan -j $(JOBS)
	@tests/run-integration build/tsan/cli/weir -m "tsan and not cluster"

interop: setup-interop build
	@tests/interop/run build/release/cli/weir

bench: build
	@bench/run build/release

check: setup-check
	@tools/check

format: setup-check
	@git ls-files '*.c' '*.h' | grep -v /generated/ | xargs clang-format -i

FUZZ_SECONDS ?= 60
fuzz: setup-check
	@tools/fuzz $(FUZZ_SECONDS)

install: build
	@cmake --install build/release

clean:
	@rm -rf build
