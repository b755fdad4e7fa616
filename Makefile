# The workbook's commands: `make help` explains them. Each step is built at the
# top (./step-05), everything else under build/.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
KERNEL ?= 6.1

# Objects go to BUILD, programs to BIN: another compiler or other flags get
# directories of their own, as `static` and `sanitize` below show.
BUILD    ?= build/obj
BIN      ?= .
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wformat=2 -Wundef -Wstrict-prototypes \
            -Wmissing-prototypes -Wvla $(if $(CI),-Werror)
# musl-gcc does not look where the kernel's own headers are.
ifneq ($(findstring musl,$(CC)),)
musl_flags := -idirafter /usr/include \
              -idirafter /usr/include/$(shell uname -m)-linux-gnu
endif
# Short lines, unless V=1 asks for the commands.
say      = $(if $(V),,@echo "  $(1)  $@";)
compile = $(CC) -std=gnu17 -D_GNU_SOURCE -I. $(CFLAGS) $(WARNINGS) \
          $(musl_flags) $(CPPFLAGS)

# ---- What each step is made of ----
# A step's modules are those of the step before it and what that one taught; one
# that uses what it has not been taught does not link.
modules_01 := $(addprefix common/base/,log utf8 advice number similar program files command)
modules_02 := $(modules_01) $(addprefix common/kernel/,clone sync uts)
modules_03 := $(modules_02) common/kernel/process
modules_04 := $(modules_03) common/kernel/mount
modules_05 := $(modules_04) common/kernel/rootfs
modules_06 := $(modules_05) common/base/json \
              $(addprefix common/kernel/,cgroup cgroup_options cgroup_tree lock mountinfo)
modules_07 := $(modules_06) $(addprefix common/kernel/,userns userns_maps userns_mounts \
                mount_detached cgroup_delegated privileges users seccomp \
                seccomp_tables seccomp_profile)
modules_08 := $(modules_07) $(addprefix common/kernel/,overlay overlay_options tree layers \
                layers_copy host_view volumes volume_options)
modules_09 := $(modules_08) $(addprefix common/base/,array clock first_names json_writer names picture proc_stat replace signal_names \
                table tar tar_pax tar_reader tar_reader_bytes tar_reader_header \
                tar_reader_sparse tar_sparse tar_writer) \
              $(addprefix common/kernel/,firewall nat netlink netlink_message network \
                network_files network_host network_lease network_options nftables \
                ports slirp slirp_api)
# Step 09 is too large to stand twice: it spells out what its lesson is about, and
# takes the rest of what it teaches from where all of it has graduated to.
modules_09 += $(filter-out $(patsubst steps/09-lifecycle/%.c,common/runtime/%,$(wildcard steps/09-lifecycle/*.c)), \
                $(patsubst %.c,%,$(wildcard common/runtime/*.c)))
modules    := $(filter-out %/not-linux,$(patsubst %.c,%,$(wildcard common/*/*.c)))
modules_10 := $(modules)

dirs    := $(patsubst steps/%/main.c,%,$(wildcard steps/[0-9][0-9]-*/main.c))
numbers := $(foreach dir,$(dirs),$(firstword $(subst -, ,$(dir))))
dir_of   = $(filter $(1)-%,$(dirs))
steps   := $(numbers:%=$(BIN)/step-%)

.PHONY: all nsctl install uninstall rootfs demo test test-host test-vm vm doctor lint format sanitize \
        sanitize-build static modules image-tool bench bench-build bench-tools fuzz clean help

all: $(steps) ## build every step

# The program as one would keep it: of musl, static, where there is that.
nsctl: ## step 10 under its own name, ./nsctl
	@$(if $(have_musl),$(MAKE) --no-print-directory $(static_flags) step-10 && cp -f build/static/step-10 $@,$(MAKE) --no-print-directory step-10 && cp -f $(BIN)/step-10 $@)

PREFIX ?= /usr/local
install: nsctl ## nsctl, its manual page, completions: make install PREFIX=/usr
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' packaging/install ./nsctl
	@$(give_back) || :
uninstall: ## all of that away again
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' packaging/install --remove

# From step 04 on a container has a root of its own, so it needs one made.
rootfs_of = $(if $(filter 01 02 03,$(1)),,build/rootfs/default)
rootfs: build/rootfs/default ## make the default root file system (no download)
build/rootfs/%:
	@mkdir -p $(@D)
	rootfs/$* $@

objects_of = $(patsubst %.c,$(BUILD)/%.o,$(wildcard steps/$(call dir_of,$(1))/*.c)) \
             $(modules_$(1):%=$(BUILD)/%.o)
ifneq ($(shell uname -s),Linux)
objects_of := $(BUILD)/common/base/not-linux.o
rootfs_of  :=
endif

# What students write, and what they break: another main.c, or another file of what
# the step teaches, and all the rest of it. Their half-finished work may leave things unused.
rest_of = $(filter-out $(foreach dir,steps/$(call dir_of,$(1)) common/runtime common/image,$(patsubst %.c,$(BUILD)/$(dir)/%.o,$(notdir $(2)))),$(call objects_of,$(1)))
written_of = $(sort exercises/$(call dir_of,$(1))/main.c $(wildcard exercises/$(call dir_of,$(1))/*.c))
student_compile = $(compile) -Wno-error -Wno-unused

define rules_of_step
$(BIN)/step-$(1): $(call objects_of,$(1)) | $(call rootfs_of,$(1))
	@mkdir -p $$(@D)
	$$(call say,LD)$$(compile) $$(LDFLAGS) -o $$@ $$^
exercises/$(call dir_of,$(1))/step-$(1): $(call written_of,$(1)) $(call rest_of,$(1),$(call written_of,$(1))) | $(call rootfs_of,$(1))
	$$(call say,CC)$$(student_compile) $$(LDFLAGS) -o $$@ $$^
step-$(1)-broken: $$(BROKEN) $(call rest_of,$(1),$(BROKEN)) | $(call rootfs_of,$(1))
	$$(call say,CC)$$(student_compile) $$(LDFLAGS) -o $$@ $$^
endef
$(foreach number,$(numbers),$(eval $(call rules_of_step,$(number))))

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)$(compile) -MMD -MP -c -o $@ $<
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

$(BUILD)/common/base/sha256.o: compile += -O2

modules: $(modules:%=$(BUILD)/%.o)

# What the tests of archives and layers run: the modules, without a container.
image_tool  := $(BUILD)/tests/image/tool
image_parts := tests/image/tool.c $(modules:%=%.c)
image-tool: $(image_tool)
$(image_tool): $(image_parts:%.c=$(BUILD)/%.o)
	$(call say,LD)$(compile) $(LDFLAGS) -o $@ $^

# Static programs run anywhere, in the test machine above all; musl's start
# three times as fast as glibc's, so they are what is built where there is one.
# Smaller, too: made for size (a container's start is the kernel's time, a digest is not),
# without the tables that exceptions would need, and what nobody uses.
have_musl    := $(shell command -v musl-gcc 2>/dev/null)
static_flags := BUILD=build/static/obj BIN=build/static CC=$(or $(have_musl),$(CC)) \
                CFLAGS='$(CFLAGS) -Os -fdata-sections -ffunction-sections -fno-asynchronous-unwind-tables' \
                LDFLAGS='-static -Wl,--gc-sections'
static: ## build the steps as static programs, in build/static
	@$(MAKE) --no-print-directory $(static_flags) all image-tool

sanitize_flags := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                  -fno-sanitize-recover=all
sanitize-build:
	$(MAKE) BUILD=build/sanitize/obj BIN=build/sanitize CFLAGS='$(sanitize_flags)' all image-tool
sanitize: sanitize-build ## build with ASan and UBSan, in build/sanitize, and run the tests on it
	@tests/install-tools --need host
	@tests/leaks build/sanitize
	@# Leaks were looked for above: LeakSanitizer does not work below strace.
	ASAN_OPTIONS=detect_leaks=0 tests/run --host --brief --programs build/sanitize
	IMAGE_TOOL=$(CURDIR)/build/sanitize/obj/tests/image/tool bats tests/archives.bats tests/layers.bats tests/containerfile.bats

# ---- Learning ----

# Under sudo root has built: what was built goes to the checkout's owner.
give_back = chown -R --reference=Makefile build exercises nsctl step-[0-9][0-9] 2>/dev/null

demo: all ## the guided tour: a container in a minute (root or not)
	@$(give_back); lessons/demo || [ $$? = 125 ] # explained, in one line
doctor: ## what this machine can run, and what to do about the rest
	@tests/doctor
vm: static rootfs ## a shell in a throw-away machine with the workbook in it
	@tests/vm/shell
ifneq ($(BIN),.)
$(numbers:%=step-%): step-%: $(BIN)/step-% ;
endif
step-%:
	@echo "there is no step $* here (steps/$*-*/main.c)" >&2; exit 2
diff-%: ## what is new in a step: make diff-05
	@tests/workbook/diff $*
exercise-%: ## a copy of a step with its answers cut out, to fill in: make exercise-05
	@tests/workbook/exercise $*
check-%: ## run the step's own tests on your copy: make check-05
	@tests/workbook/check $*; status=$$?; $(give_back); exit $$status
break-%: ## build a step with one thing taken away: make break-03-private
	@tests/workbook/break $(subst -, ,$*)

# ---- Proving ----

test: all static image-tool rootfs ## every claim, on this host and in the test machine
	@tests/install-tools --need host --need vm
	@tests/run
test-host: all image-tool ## each step through the tests of all before it, on this host
	@tests/install-tools --need host
	@tests/run --host
test-vm: static rootfs ## the same in the test machine: make test-vm KERNEL=5.10
	@tests/install-tools --need vm
	@tests/run --vm $(KERNEL)
bench: ## figures beside the floor's and others': make bench ROUNDS=100
	@tests/bench/run --may-run # before all is built for it
	@$(MAKE) --no-print-directory bench-build
	@tests/bench/run $(ROUNDS:%=--rounds %); status=$$?; $(give_back); exit $$status
bench-build: static rootfs
	@$(MAKE) --no-print-directory $(static_flags) bench-tools
bench-tools: $(BIN)/bench/floor $(BIN)/bench/timer
$(BIN)/bench/%: $(BUILD)/tests/bench/%.o
	@mkdir -p $(@D)
	$(call say,LD)$(compile) $(LDFLAGS) -o $@ $^
lint: ## formatting, static analysis and the house's own checks
	@tests/install-tools --need lint
	@tests/lint/run
format: ## lay the C out as the house does
	clang-format -i $$(git ls-files '*.c' '*.h')
fuzz: ## fuzz whatever parses, SECONDS=60 each
	@tests/fuzz/run $(or $(SECONDS),60)
clean: ## remove all that was built, but not your exercises
	@rm -rf build bench nsctl step-[0-9][0-9] step-[0-9][0-9]-broken || \
	    { echo "some of it was made by root: sudo make clean"; exit 1; }

help: ## this list
	@echo "nsctl: a container runtime, step by step"
	@sed -n 's/^\([a-z%-]*\): .*## \(.*\)/  \1|\2/p; s/^\([a-z%-]*\): ## \(.*\)/  \1|\2/p' \
	    $(firstword $(MAKEFILE_LIST)) | sed 's/%/NN/' | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'
	@echo "  step-NN      build one step; then: sudo ./step-NN --help"
