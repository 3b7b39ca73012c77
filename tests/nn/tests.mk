# SPDX-License-Identifier: MIT
#
# Tests of libaccel-nn.
#
#   test_NAME.c     a part of it, with the address and undefined-behaviour sanitizers
#   build.c         makes models for them; rig.c reads these
#   conformance.c   ONNX's own test cases (see its head); list_file.c reads sequences in them

NN_TESTS := $(patsubst tests/nn/test_%.c,%,$(wildcard tests/nn/test_*.c))
NN_TEST_PARTS := $(patsubst %.c,$(B)/asan/%.o,$(NN_SOURCES)) $(NN_GENERATED)/onnx.pb-c.o \
	$(addprefix $(B)/asan/libaccel/,error.o fault.o log.o version.o)

# Everything in libaccel/ has a rule there (tests/libaccel/tests.mk).
$(patsubst %.c,$(B)/asan/%.o,$(NN_SOURCES)): LIBACCEL_TEST_FLAGS += $(NN_CFLAGS)
$(patsubst %.c,$(B)/asan/%.o,$(NN_SOURCES)): | $(NN_GENERATED)/onnx.pb-c.h

$(B)/asan/tests/nn/%.o: tests/nn/%.c | $(NN_GENERATED)/onnx.pb-c.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LIBACCEL_TEST_FLAGS) $(NN_CFLAGS) $(LIBACCEL_ASAN) \
		-MMD -MP -c -o $@ $<

define nn_test
$(B)/tests/host/nn-$(1): $(B)/asan/tests/nn/test_$(1).o $(addprefix $(B)/asan/tests/nn/,build.o rig.o) \
		$(NN_TEST_PARTS)
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(LINK.program) $(LIBACCEL_ASAN) $(NN_LIBS) -lcmocka
HOST_TESTS += $(B)/tests/host/nn-$(1)
endef
$(foreach t,$(NN_TESTS),$(eval $(call nn_test,$(t))))

# What the runner of the cases consists of, but for whoever computes.
CONFORMANCE_PARTS := $(addprefix $(B)/asan/tests/nn/,conformance.o list_file.o) \
	$(B)/tests/nn/list.pb-c.o
$(B)/tests/nn/list.pb-c.h: tests/nn/list.proto
	$(call say,PROTOC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=tests/nn --c_out=$(@D) list.proto
$(B)/tests/nn/list.pb-c.c: $(B)/tests/nn/list.pb-c.h ;
$(B)/asan/tests/nn/list_file.o: $(B)/tests/nn/list.pb-c.h
$(B)/asan/tests/nn/list_file.o: LIBACCEL_TEST_FLAGS += -I$(B)/tests/nn
$(B)/tests/nn/list.pb-c.o: $(B)/tests/nn/list.pb-c.c
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -I$(B)/tests/nn -c -o $@ $<

$(B)/tests/nn/conformance: $(CONFORMANCE_PARTS) $(B)/asan/tests/nn/conformance_host.o $(NN_TEST_PARTS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program) $(LIBACCEL_ASAN) $(NN_LIBS)

# The script is a test of its own; its data comes with the build, not with the run.
HOST_TESTS += $(B)/tests/host/nn-conformance
$(B)/tests/host/nn-conformance: tests/nn/run-conformance $(B)/tests/nn/conformance
	$(Q)mkdir -p $(@D)
	$(Q)tools/build/fetch-onnx-testdata >/dev/null
	$(Q)printf '#!/bin/sh\n# egret-test-timeout: 600\nexec tests/nn/run-conformance\n' >$@
	$(Q)chmod 755 $@

HOST_TESTS += $(B)/tests/host/nn-conformance-card
$(B)/tests/host/nn-conformance-card: tests/nn/run-conformance $(B)/tests/nn/card/conformance
	$(Q)mkdir -p $(@D)
	$(Q)tools/build/fetch-onnx-testdata >/dev/null
	$(Q)printf '#!/bin/sh\n# egret-test-timeout: 900\nexec tests/nn/run-conformance --card\n' >$@
	$(Q)chmod 755 $@

# A sample of them in the VM, which sees the host's files.
VM_TESTS += $(B)/tests/vm/nn-conformance
$(B)/tests/vm/nn-conformance: tests/nn/conformance-sample $(B)/tests/nn/card/conformance
	$(Q)mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\n# egret-test-timeout: 300\nexec tests/nn/conformance-sample %s\n' \
		"$$(tools/build/fetch-onnx-testdata)" >$@
	$(Q)chmod 755 $@

.PHONY: conformance
conformance: $(B)/tests/host/nn-conformance $(B)/tests/host/nn-conformance-card
	$(Q)$<
	$(Q)$(B)/tests/host/nn-conformance-card

# Models that tests and examples run.
define onnx_file
$(B)/tests/nn/%.$(1): tests/nn/onnx_file.py
	$$(call say,GEN,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$< $$* >$$@
endef
$(foreach kind,onnx pb,$(eval $(call onnx_file,$(kind))))

# Language models with random weights.
$(B)/tests/nn/decoder-%.onnx: tests/nn/decoder_file.py tests/nn/onnx_file.py
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$< $* >$@
NN_DECODERS := $(patsubst %,$(B)/tests/nn/decoder-%.onnx,qwen2 qwen3 operators genai)

# The examples of the manual.
$(B)/libaccel/man/examples_nn.o: EXTRA_CFLAGS = -Ilibaccel/include
$(B)/tests/host/nn-man-examples: LDLIBS = -Wl,-rpath,'$$ORIGIN/../../libaccel'
$(B)/tests/host/nn-man-examples: $(B)/libaccel/man/examples_nn.o $(B)/libaccel/libaccel-nn.so \
		$(B)/libaccel/libaccel.so | $(B)/libaccel/$(NN_SONAME) $(B)/tests/nn/line.onnx \
		$(B)/tests/nn/rows.pb $(B)/tests/nn/kinds.onnx $(NN_DECODERS) kernels
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program)
HOST_TESTS += $(B)/tests/host/nn-man-examples

# accel-run and ONNX Runtime.
HOST_TESTS += $(B)/tests/host/nn-onnxruntime
$(B)/tests/host/nn-onnxruntime: tests/nn/compare-onnxruntime | tools kernels $(NN_DECODERS) \
		$(addprefix $(B)/data/,libonnxruntime.so.1 ocr-find.onnx ocr-read.onnx face.onnx \
		astronaut.png wake-spectrum.onnx alexa.wav)
	$(Q)mkdir -p $(@D)
	$(Q)install -m 755 $< $@

NN_COMPARED := $(addprefix $(B)/tests/host/nn-,microsoft versions classic)
HOST_TESTS += $(NN_COMPARED)
$(NN_COMPARED): tests/nn/compare-operators | tools kernels $(B)/data/libonnxruntime.so.1
	$(Q)mkdir -p $(@D)
	$(Q)install -m 755 $< $@

# accel-run with models of pictures and sounds, on the simulated card and on the one in the VM.
NN_COMMANDS := $(B)/tests/host/nn-commands $(B)/tests/vm/nn-commands
$(NN_COMMANDS): tests/nn/commands | tools kernels \
		$(addprefix $(B)/data/,face.onnx astronaut.png wake-spectrum.onnx alexa.wav)
	$(Q)mkdir -p $(@D)
	$(Q)install -m 755 $< $@
HOST_TESTS += $(B)/tests/host/nn-commands
VM_TESTS += $(B)/tests/vm/nn-commands
