# SPDX-License-Identifier: MIT
#
# Fuzzers: one program $(B)/tests/fuzz/NAME for each tests/fuzz/NAME.c that FUZZERS
# lists. They need clang with libFuzzer; without it nothing is built, and the test
# tests/tools/fuzz is skipped.
#
#   make fuzz                        all of them, a minute each
#   make fuzz FUZZ=packets SECONDS=600
#
# What they find goes to $(B)/tests/fuzz/NAME.found/, new inputs of interest to
# $(B)/tests/fuzz/NAME.corpus/. To see one again: $(B)/tests/fuzz/NAME FILE

FUZZERS := registers packets kernels tables firmware mailbox states modules onnx
FUZZ_CC ?= clang
FUZZ ?= $(FUZZERS)

# The sanitizers' runtimes are a package of their own.
FUZZ_RUNTIME := $(wildcard $(shell $(FUZZ_CC) -print-file-name=libclang_rt.fuzzer-x86_64.a 2>/dev/null))

FUZZ_FLAGS := -O1 -gline-tables-only -fno-omit-frame-pointer -fno-sanitize-recover=all \
	-fsanitize=address,undefined
FUZZ_CFLAGS = -Iqemu-device/model -Itests/model -I. -Ilibaccel/include $(LIBDRM_CFLAGS) \
	$(MODEL_CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link

$(B)/fuzz/%.o: %.c
	$(call say,FUZZ-CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(ALL_CFLAGS) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/fuzz/libegret-model.a: $(addprefix $(B)/fuzz/,$(MODEL_OBJECTS))
	$(call say,AR,$@)
	$(Q)$(LINK.archive)

# What each needs beside its own file.
FUZZ_CHIP := $(addprefix $(B)/fuzz/,tests/fuzz/bench.o tests/model/chip.o libegret-model.a)
FUZZ_RIG := $(addprefix $(B)/fuzz/,tests/model/rig.o libegret-model.a)
FUZZ_CONTROLLER := $(addprefix $(B)/fuzz/,tests/fuzz/controller.o libegret-model.a)
$(B)/tests/fuzz/registers: $(FUZZ_CHIP)
$(B)/tests/fuzz/packets: $(FUZZ_CHIP)
$(B)/tests/fuzz/states: $(FUZZ_CHIP)
$(B)/tests/fuzz/kernels: $(FUZZ_RIG)
$(B)/tests/fuzz/tables: $(B)/fuzz/libegret-model.a
$(B)/tests/fuzz/firmware: $(FUZZ_CONTROLLER)
$(B)/tests/fuzz/mailbox: $(FUZZ_CONTROLLER) | firmware
$(B)/tests/fuzz/modules: $(addprefix $(B)/fuzz/libaccel/,image.o error.o fault.o log.o version.o)
FUZZ_NN := $(patsubst %.c,$(B)/fuzz/%.o,$(NN_SOURCES) tests/nn/build.c)
$(FUZZ_NN) $(B)/fuzz/tests/fuzz/onnx.o: FUZZ_CFLAGS += $(NN_CFLAGS)
$(FUZZ_NN) $(B)/fuzz/tests/fuzz/onnx.o: | $(NN_GENERATED)/onnx.pb-c.h
$(B)/tests/fuzz/onnx: $(FUZZ_NN) $(NN_GENERATED)/onnx.pb-c.o \
	$(addprefix $(B)/fuzz/libaccel/,error.o fault.o log.o version.o)
$(B)/tests/fuzz/onnx: EXTRA_LDLIBS = $(NN_LIBS)

FUZZ_PROGRAMS := $(addprefix $(B)/tests/fuzz/,$(FUZZERS))
$(FUZZ_PROGRAMS): $(B)/tests/fuzz/%: $(B)/fuzz/tests/fuzz/%.o
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(LINKABLE) $(MODEL_LDLIBS) $(EXTRA_LDLIBS)

ifneq ($(FUZZ_RUNTIME),)
check-build: $(FUZZ_PROGRAMS)
endif

.PHONY: fuzz
ifneq ($(FUZZ_RUNTIME),)
fuzz: $(addprefix $(B)/tests/fuzz/,$(FUZZ))
	$(Q)status=0; for name in $(FUZZ); do \
		tests/fuzz/run $$name $(or $(SECONDS),60) || status=1; done; exit $$status
else
fuzz:
	$(Q)echo 'make fuzz: $(FUZZ_CC) has no libFuzzer: make host-packages installs it' >&2; exit 1
endif
