# SPDX-License-Identifier: MIT
#
# Tests of models on a card: test_NAME.c, on the simulated card, and some in the VM on the real one.

# The reference takes too long in a VM for the others.
NN_CARD_VM_TESTS := plans api variants decoder quant carry
# What several threads do.
NN_CARD_TSAN_TESTS := variants
NN_CARD_TESTS := $(patsubst tests/nn/card/test_%.c,%,$(wildcard tests/nn/card/test_*.c))
NN_CARD_TEST_FLAGS = $(NN_CFLAGS) -I. -Itests/nn
NN_CARD_LIBS = $(NN_LIBS) $(LIBACCEL_LIBS) $(MODEL_LDLIBS) -pthread
NN_CARD_TEST_LIBS = $(NN_CARD_LIBS) -lcmocka

$(patsubst %.c,$(B)/%.o,$(wildcard tests/nn/card/*.c)) $(B)/tests/nn/build.o \
	$(B)/tests/nn/conformance.o: \
	EXTRA_CFLAGS = $(NN_CARD_TEST_FLAGS)
$(patsubst %.c,$(B)/%.o,$(wildcard tests/nn/card/*.c)) $(B)/tests/nn/build.o \
	$(B)/tests/nn/conformance.o: \
	| $(NN_GENERATED)/onnx.pb-c.h
$(patsubst %.c,$(B)/asan/%.o,$(wildcard tests/nn/card/*.c)): LIBACCEL_TEST_FLAGS += -Itests/nn

# The library and its tests with a sanitizer, where tests.mk does not have them yet.
define nn_card_sanitizer
$(patsubst %.c,$(B)/$(1)/%.o,$(2)): LIBACCEL_TEST_FLAGS += $(NN_CFLAGS)
$(patsubst %.c,$(B)/$(1)/%.o,$(2)): | $(NN_GENERATED)/onnx.pb-c.h
endef
$(eval $(call nn_card_sanitizer,asan,$(NN_CARD_SOURCES)))
$(eval $(call nn_card_sanitizer,tsan,$(NN_SOURCES) $(NN_CARD_SOURCES)))

$(B)/tsan/tests/nn/%.o: tests/nn/%.c | $(NN_GENERATED)/onnx.pb-c.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LIBACCEL_TEST_FLAGS) $(NN_CFLAGS) -Itests/nn \
		$(LIBACCEL_TSAN) -MMD -MP -c -o $@ $<

define nn_card_test
$(B)/tests/host/nn-card-$(1): $(B)/tests/nn/card/test_$(1).o $(B)/tests/nn/card/case.o \
		$(B)/tests/nn/build.o $(B)/libaccel/libaccel-nn.a $(B)/libaccel/libaccel.a | kernels
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(LINK.program) $$(NN_CARD_TEST_LIBS)
$(B)/tests/vm/nn-card-$(1): $(B)/tests/host/nn-card-$(1)
	$$(Q)mkdir -p $$(@D)
	$$(Q)ln -f $$< $$@
HOST_TESTS += $(B)/tests/host/nn-card-$(1)
endef
$(foreach t,$(NN_CARD_TESTS),$(eval $(call nn_card_test,$(t))))

define nn_card_sanitized_test
$(B)/tests/host/nn-card-$(1)-$(2): $(B)/$(2)/tests/nn/card/test_$(1).o \
		$(B)/$(2)/tests/nn/card/case.o $(B)/$(2)/tests/nn/build.o \
		$(patsubst %.c,$(B)/$(2)/%.o,$(NN_SOURCES) $(NN_CARD_SOURCES)) \
		$(NN_GENERATED)/onnx.pb-c.o \
		$(patsubst libaccel/%.c,$(B)/$(2)/libaccel/%.o,$(wildcard libaccel/*.c)) \
		$(B)/$(2)/libegret-model.a | kernels
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(LINK.program) $(3) $$(NN_CARD_TEST_LIBS)
HOST_TESTS += $(B)/tests/host/nn-card-$(1)-$(2)
endef
$(foreach t,$(NN_CARD_TESTS),$(eval $(call nn_card_sanitized_test,$(t),asan,$(LIBACCEL_ASAN))))
$(foreach t,$(NN_CARD_TSAN_TESTS),$(eval $(call nn_card_sanitized_test,$(t),tsan,$(LIBACCEL_TSAN))))

$(foreach t,decoder carry,$(addprefix $(B)/tests/,host/nn-card-$t host/nn-card-$t-asan vm/nn-card-$t)): \
	| $(NN_DECODERS)

$(B)/tests/host/nn-card-kinds $(B)/tests/host/nn-card-kinds-asan: | $(B)/tests/nn/kinds.onnx

# ONNX's own cases.
$(B)/tests/nn/list_file.o: EXTRA_CFLAGS = $(NN_CARD_TEST_FLAGS) -I$(B)/tests/nn
$(B)/tests/nn/list_file.o: | $(B)/tests/nn/list.pb-c.h
$(B)/tests/nn/card/conformance: $(B)/tests/nn/conformance.o $(B)/tests/nn/card/conformance_card.o \
		$(addprefix $(B)/tests/nn/,list_file.o list.pb-c.o) $(B)/libaccel/libaccel-nn.a $(B)/libaccel/libaccel.a | kernels
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program) $(NN_CARD_LIBS)

VM_TESTS += $(NN_CARD_VM_TESTS:%=$(B)/tests/vm/nn-card-%)

# A card that is lost; the simulated one never is.
$(B)/tests/nn/vm/test_lost.o: EXTRA_CFLAGS = $(NN_CARD_TEST_FLAGS)
$(B)/tests/nn/vm/test_lost.o: | $(NN_GENERATED)/onnx.pb-c.h
VM_TESTS += $(B)/tests/vm/nn-card-lost
$(B)/tests/vm/nn-card-lost: $(B)/tests/nn/vm/test_lost.o $(B)/tests/nn/build.o \
		$(addprefix $(B)/tests/libaccel/,device.o vm/lose.o) \
		$(B)/libaccel/libaccel-nn.a $(B)/libaccel/libaccel.a | kernels
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program) $(NN_CARD_TEST_LIBS)
