# SPDX-License-Identifier: MIT
# Measurements. They are no tests: nothing passes or fails by a time.

BENCH_PROGRAMS := $(addprefix $(B)/tests/bench/,matmul operations model onnxruntime)

# libaccel for the card as a program sees it, the model's own objects for its engines alone.
$(B)/tests/bench/%.o: EXTRA_CFLAGS = -Ilibaccel/include -Ilibaccel/kernels/include \
	-Iqemu-device/model -fopenmp
$(B)/tests/bench/matmul: LDLIBS = -lopenblas -ldnnl -fopenmp $(MODEL_LDLIBS)
$(B)/tests/bench/matmul: $(B)/tests/bench/matmul.o $(B)/tests/bench/bench.o \
		$(B)/libaccel/libaccel.so $(B)/libegret-model.a
	$(call say,LINK,$@)
	$(Q)$(LINK.program) -Wl,-rpath,'$$ORIGIN/../../libaccel'

$(B)/tests/bench/native.o: EXTRA_CFLAGS = -O3 -march=native
$(B)/tests/bench/operations: LDLIBS = $(MODEL_LDLIBS)
$(B)/tests/bench/operations: $(addprefix $(B)/tests/bench/,operations.o native.o bench.o) \
		$(B)/libegret-model.a
	$(call say,LINK,$@)
	$(Q)$(LINK.program)

# What a launch costs the host. It runs in the VM; the plugin counts in QEMU.
$(B)/tests/bench/launch.o: EXTRA_CFLAGS = -Ilibaccel/include $(LIBDRM_CFLAGS)
$(B)/tests/bench/launch: LDLIBS = $(LIBDRM_LIBS) -luring
$(B)/tests/bench/launch: $(B)/tests/bench/launch.o $(B)/libaccel/libaccel.so
	$(call say,LINK,$@)
	$(Q)$(LINK.program) -Wl,-rpath,'$$ORIGIN/../../libaccel'

$(B)/tests/bench/marks.o: EXTRA_CFLAGS = -fPIC -I$(B)/qemu \
	$(shell pkg-config --cflags glib-2.0 2>/dev/null)
$(B)/tests/bench/libmarks.so: LDLIBS = $(shell pkg-config --libs glib-2.0 2>/dev/null)
$(B)/tests/bench/libmarks.so: $(B)/tests/bench/marks.o
	$(call say,LINK,$@)
	$(Q)$(LINK.shared)

# Models as a program sees them, with what the performance model says of them.
$(B)/tests/bench/model.o: EXTRA_CFLAGS = -Ilibaccel/include
$(B)/tests/bench/model: LDLIBS = $(NN_LIBS) $(LIBACCEL_LIBS) $(MODEL_LDLIBS)
$(B)/tests/bench/model: $(addprefix $(B)/tests/bench/,model.o bench.o) \
		$(B)/libaccel/libaccel-nn.a $(B)/libaccel/libaccel.a
	$(call say,LINK,$@)
	$(Q)$(LINK.program)

# What they are compared with; its library is fetched when it runs.
$(B)/tests/bench/onnxruntime.o: EXTRA_CFLAGS = -isystem $(dir $(ORT_HEADER))
$(B)/tests/bench/onnxruntime.o: | $(ORT_HEADER)
$(B)/tests/bench/onnxruntime: LDLIBS =
$(B)/tests/bench/onnxruntime: $(addprefix $(B)/tests/bench/,onnxruntime.o bench.o)
	$(call say,LINK,$@)
	$(Q)$(LINK.program)

.PHONY: bench bench-build
bench: host-packages
	$(Q)tools/build/host-packages --bench
	+$(Q)$(MAKE) --no-print-directory bench-build
	+$(Q)$(MAKE) --no-print-directory bench-launch-build
	$(Q)tests/bench/run

bench-build: $(BENCH_PROGRAMS) $(NN_DECODERS) kernels $(B)/libaccel/$(LIBACCEL_SONAME) $(B)/qemu-device/sim/egret-sim

# Needs the emulated card, and its QEMU's header for plugins.
.PHONY: bench-launch-build
bench-launch-build: qemu modules
	+$(Q)$(MAKE) --no-print-directory $(B)/tests/bench/launch $(B)/tests/bench/libmarks.so \
		$(B)/tests/bench/empty.egm
