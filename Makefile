# Hlídka. `make help` lists the targets. One makefile for the whole tree: who may include whom is the SEES_
# table below, given to the compiler as -iquote, so a breach of the layering does not compile.

FLAVOUR ?= release
B       := build/$(FLAVOUR)
SHELL   := /bin/bash
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
# V=1 shows the commands.
Q   := $(if $(V),,@)
say := @$(if $(V),:,echo ' ')

# ---- flavours ---------------------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Werror
BASE := -std=gnu11 -D_GNU_SOURCE -g -fno-strict-aliasing -fno-common -MMD -MP $(WARN)

HARDEN  := -O2 -fPIE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

CC_release := gcc
CFLAGS_release := $(HARDEN)
LDFLAGS_release := -pie -Wl,-z,relro,-z,now,-z,noexecstack
CC_debug := gcc
CFLAGS_debug := -O0
CC_asan := gcc
CFLAGS_asan := -O1 $(SANITIZE)
LDFLAGS_asan := $(SANITIZE)
CC_clang := clang
CFLAGS_clang := $(HARDEN)
LDFLAGS_clang := -pie -Wl,-z,relro,-z,now
CC_fuzz := clang
CFLAGS_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LDFLAGS_fuzz := -fsanitize=fuzzer,address,undefined

CC      := $(CC_$(FLAVOUR))
ifeq ($(CC),)
$(error no such flavour: $(FLAVOUR) (release, debug, asan, clang, fuzz))
endif
CFLAGS  := $(BASE) $(CFLAGS_$(FLAVOUR)) $(EXTRA_CFLAGS)
LDFLAGS := $(LDFLAGS_$(FLAVOUR)) -Wl,--as-needed
PKGS    := rdkafka libpq hiredis libcrypto libsodium libuv libmicrohttpd yaml-0.1 jansson
CPPFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LDLIBS  := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm -lpthread

# ---- who sees whom ----------------------------------------------------------------------------------------------

SEES_common/base    := common/base
SEES_common/sys     := common/base common/sys
SEES_proto          := common/base proto
SEES_common/bus/api := common/base proto common/bus/api
SEES_common/bus     := common/base common/sys proto common/bus/api common/bus common/db
SEES_common/db      := common/base common/sys common/db
SEES_common/http    := common/base common/sys common/http
SEES_common/durable := common/base common/sys proto common/bus/api common/bus common/db common/http common/service clients/c common/durable
SEES_common/service := common/base common/sys proto common/bus/api common/bus common/db common/http common/service
SEES_clients/c      := common/base common/sys proto common/bus clients/c
SEES_tools/hlidkactl := common/base common/sys proto common/bus clients/c tools/hlidkactl
SEES_tools/devbus   :=
SEES_tools/asyncapi := common/base proto

# A service: core/ sees itself and base; handlers the request's face, core, proto and the store's header; stores
# the databases; main.c everything.
EVERYTHING := common/base common/sys proto common/bus/api common/bus common/db common/http common/service common/durable
service_sees = $(if $(filter %/core/,$(dir $1)),common/base $(patsubst %/,%,$(dir $1)),\
  $(if $(filter main.c,$(notdir $1)),$(EVERYTHING) $(service_dir) $(service_dir)/core,\
  $(if $(filter store_%,$(notdir $1)),common/base common/sys proto common/bus/api common/bus common/db common/service common/durable $(service_dir) $(service_dir)/core,\
  common/base common/sys proto common/bus/api $(service_dir) $(service_dir)/core)))
service_dir = $(patsubst %/,%,$(dir $1))

# Tests see what they test (and what that sees), and tests/support.
SERVICE_DIRS := $(sort $(patsubst %/main.c,%,$(wildcard services/*/main.c)))
tests_see = $(EVERYTHING) clients/c tests/support tools/hlidkactl $(foreach s,$(wildcard services/*),$s $s/core)

sees = $(if $(filter services/%,$1),$(call service_sees,$1),$(if $(filter tests/%,$1),$(tests_see),$(SEES_$(patsubst %/,%,$(dir $1)))))

# ---- objects ----------------------------------------------------------------------------------------------------

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(dir $@)
	$(say) CC  $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(foreach d,$(call sees,$<),-iquote $d) -c $< -o $@

objects = $(patsubst %.c,$(B)/obj/%.o,$(wildcard $1))

COMMON := $(call objects,common/base/*.c common/sys/*.c proto/*.c common/bus/api/*.c common/bus/*.c common/db/*.c common/http/*.c common/service/*.c common/durable/*.c)
CLIENT := $(call objects,clients/c/*.c)

$(B)/libcommon.a: $(COMMON)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(B)/libhlidka.a: $(CLIENT)
	@rm -f $@
	$(Q)ar rcs $@ $^

# ---- programs ---------------------------------------------------------------------------------------------------

SERVICES := $(notdir $(SERVICE_DIRS))
SERVICE_PARTS := $(sort $(patsubst %/core/,%,$(dir $(wildcard services/*/core/*.c))))
PROGRAMS := $(SERVICES:%=$(B)/bin/hlidka-%) $(if $(wildcard tools/hlidkactl/*.c),$(B)/bin/hlidkactl) \
            $(if $(wildcard tools/devbus/*.c),$(B)/bin/hlidka-devbus)

# libcommon's common/durable asks crypto through libhlidka, which stands on libcommon.
archives = -Wl,--start-group $(filter %.a,$^) -Wl,--end-group
link = $(Q)mkdir -p $(dir $@) && $(if $(V),,echo '  LD  $@' &&) $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(archives) $(LDLIBS)

.SECONDEXPANSION:
$(SERVICES:%=$(B)/bin/hlidka-%): $(B)/bin/hlidka-%: $$(call objects,services/$$*/*.c services/$$*/core/*.c) $(B)/libcommon.a $(B)/libhlidka.a
	$(link)

$(B)/bin/hlidkactl: $(call objects,tools/hlidkactl/*.c) $(B)/libhlidka.a $(B)/libcommon.a
	$(link)

$(B)/bin/hlidka-devbus: $(call objects,tools/devbus/*.c)
	$(link)

$(B)/bin/asyncapi: $(call objects,tools/asyncapi/*.c) $(B)/libcommon.a
	$(link)

# A service without its main(), for tests. q, not r: core/ may have a file of the same name as its service.
SERVICE_LIBS := $(SERVICE_PARTS:services/%=$(B)/services/%.a)
$(SERVICE_LIBS): $(B)/services/%.a: $$(filter-out $(B)/obj/services/$$*/main.o,$$(call objects,services/$$*/*.c services/$$*/core/*.c))
	@mkdir -p $(dir $@) && rm -f $@
	$(Q)ar qcs $@ $^

# Embedded by .incbin, which no compiler reports as a dependency.
$(B)/obj/services/ratelimit/library.o: services/ratelimit/schema/ratelimit.lua

.PHONY: all
all: $(PROGRAMS)   ## build everything (FLAVOUR=release|debug|asan|clang)

# ---- unit tests: one program per directory of tests/unit ---------------------------------------------------------

UNIT_DIRS := $(sort $(patsubst tests/unit/%,%,$(patsubst %/,%,$(dir $(wildcard tests/unit/*/*.c tests/unit/*/*/*.c tests/unit/*/*/*/*.c)))))
unit_name = $(subst /,_,$1)
UNIT := $(foreach d,$(UNIT_DIRS),$(B)/tests/unit/$(call unit_name,$d))
SUPPORT := $(B)/libsupport.a
$(SUPPORT): $(call objects,tests/support/*.c)
	@rm -f $@
	$(Q)ar qcs $@ $^

# A unit test of a service's directory links that service without its main.c.
# The real parts first, the doubles of tests/support where there are none: service.c has a test of its own.
unit_extra = $(if $(filter services/%,$1),$(B)/services/$(word 2,$(subst /, ,$1)).a)
define unit_rule
$(B)/tests/unit/$(call unit_name,$1): $(call objects,tests/unit/$1/*.c) $(call unit_extra,$1) $(if $(filter tools/hlidkactl,$1),$(filter-out %/main.o,$(call objects,tools/hlidkactl/*.c))) $(B)/libhlidka.a $(B)/libcommon.a $(SUPPORT)
	$(Q)mkdir -p $$(dir $$@) && $(CC) $(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(archives) -lcriterion -lz $(LDLIBS)
endef
$(foreach d,$(UNIT_DIRS),$(eval $(call unit_rule,$d)))

# ---- integration, bench, fuzz programs: one per file ---------------------------------------------------------------

INTEGRATION := $(patsubst tests/integration/%.c,$(B)/tests/integration/%,$(wildcard tests/integration/*.c))
BENCH       := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(wildcard tests/bench/*.c))
FAULTS      := $(patsubst tests/faults/%.c,$(B)/tests/faults/%,$(wildcard tests/faults/*.c))
FUZZ        := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

# One that is named for a service has that service and no other: their names are their own.
of_service = $(filter %/services/$(firstword $(subst _, ,$1)).a,$(SERVICE_LIBS))
$(INTEGRATION): $(B)/tests/integration/%: $(B)/obj/tests/integration/%.o $(SUPPORT) $$(call of_service,$$*) $(B)/libhlidka.a $(B)/libcommon.a
	$(Q)mkdir -p $(dir $@) && $(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(archives) -lcriterion $(LDLIBS)
# One that is more than a file has the others in a directory of its name.
$(BENCH) $(FAULTS): $(B)/tests/%: $(B)/obj/tests/%.o $$(call objects,tests/$$*/*.c) $(SUPPORT) $(SERVICE_LIBS) $(B)/libhlidka.a $(B)/libcommon.a
	$(link)
$(FUZZ): $(B)/tests/fuzz/%: $(B)/obj/tests/fuzz/%.o $(call objects,tools/hlidkactl/json_body.c) $(SERVICE_LIBS) $(B)/libhlidka.a $(B)/libcommon.a
	$(link)

.PHONY: unit integration-programs bench-programs fuzz-programs
unit: $(UNIT)
integration-programs: $(INTEGRATION)
bench-programs: $(BENCH) $(FAULTS)
fuzz-programs: $(FUZZ)

# ---- what people type ----------------------------------------------------------------------------------------------

.PHONY: help setup run demo stop test soak bench check clean install asyncapi
VERSION := $(shell sed -n 's/^\#define HLIDKA_VERSION "\(.*\)"/\1/p' common/service/service.h)
help:           ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

setup:          ## install everything that building, running and testing need (Debian 12; asks for root only where it must)
	@tools/setup

run: setup      ## set up, build, start the whole system and act as an app's backend (BUS=devbus|kafka)
	@$(MAKE) --no-print-directory -j2 all
	@HLIDKA_FLAVOUR=$(FLAVOUR) tools/stack up --bus $(or $(BUS),devbus)
	@HLIDKA_FLAVOUR=$(FLAVOUR) FLAVOUR=$(FLAVOUR) tools/tour

demo: setup     ## start the stack on the embedded bus, and examples/lessons in front of it; prints the address
	@$(MAKE) --no-print-directory -j2 all
	@HLIDKA_FLAVOUR=$(FLAVOUR) tools/stack up --bus devbus
	@examples/lessons/demo up

stop:           ## stop what `make run` or `make demo` started
	@examples/lessons/demo down
	@tools/stack down

test: setup     ## every test; the last line counts them
	@$(MAKE) --no-print-directory -j2 FLAVOUR=release all bench-programs build/release/bin/asyncapi
	@$(MAKE) --no-print-directory -j2 FLAVOUR=clang all
	@$(MAKE) --no-print-directory -j2 FLAVOUR=asan all unit integration-programs
	@$(MAKE) --no-print-directory -j2 FLAVOUR=fuzz fuzz-programs
	@tests/run

soak: setup     ## the full volumes of the fault tests (about an hour); writes docs/soak.md
	@$(MAKE) --no-print-directory -j2 FLAVOUR=release all bench-programs
	@tests/faults/run --full --report docs/soak.md

bench: setup    ## every figure beside its raw limit; a table, and .run/bench.json
	@$(MAKE) --no-print-directory -j2 FLAVOUR=release all bench-programs
	@tests/bench/run

check: setup    ## the static checks alone: layering, private keys, AsyncAPI, cppcheck
	@$(MAKE) --no-print-directory -j2 FLAVOUR=release build/release/bin/asyncapi
	@tests/run checks

asyncapi: $(B)/bin/asyncapi   ## write proto/asyncapi.yaml anew from the tables
	$(B)/bin/asyncapi > proto/asyncapi.yaml

PREFIX ?= /usr/local
# One archive for those who link it: libhlidka and what it stands on, its own names alone visible.
$(B)/install/libhlidka.a: $(B)/libhlidka.a $(B)/libcommon.a
	@mkdir -p $(dir $@)
	$(Q)ld -r --gc-sections --gc-keep-exported -o $(B)/install/hlidka.o --whole-archive $< --no-whole-archive $(B)/libcommon.a
	$(Q)objcopy --wildcard --keep-global-symbol='hlidka_*' $(B)/install/hlidka.o
	@rm -f $@
	$(Q)ar rcs $@ $(B)/install/hlidka.o

$(B)/install/hlidka.pc: clients/c/hlidka.pc.in
	@mkdir -p $(dir $@)
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' $< > $@

install: all $(B)/install/libhlidka.a $(B)/install/hlidka.pc   ## programs, libhlidka with headers and pkg-config file under PREFIX (DESTDIR is honoured)
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin lib/pkgconfig include)
	install -m 755 $(filter-out %-devbus,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(B)/install/libhlidka.a $(DESTDIR)$(PREFIX)/lib
	install -m 644 $(B)/install/hlidka.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 clients/c/hlidka.h clients/c/hlidka_sync.h $(DESTDIR)$(PREFIX)/include

clean:          ## remove what was built (not .run/, not .deps/)
	rm -rf build

-include $(shell [ -d $(B)/obj ] && find $(B)/obj -name '*.d')
