# SPDX-License-Identifier: MIT
#
# Firmware of the management controller, and the tool that signs it.

FW := $(B)/firmware
FW_VERSION := 1.0.0
FW_KEY := qemu-device/firmware/keys/development.key
FW_MKIMAGE := $(B)/qemu-device/firmware/mkimage/mkimage
# The name and the folder that the driver asks for (EGRET_FW_FILE).
FW_IMAGE := $(FW)/egret/egret-1.fw

FW_C_OBJECTS := $(patsubst %.c,$(B)/%.rv.o,$(sort $(wildcard qemu-device/firmware/*.c)))
FW_OBJECTS := $(B)/qemu-device/firmware/start.rv.o $(FW_C_OBJECTS)
# As firmware.ld has it. There is no recursion, so that the sum of all frames is an
# upper bound of what is needed.
FW_STACK := 4096

firmware: $(FW_IMAGE)

# No floating point on this hart. Paths are mapped so that the build ID, and with
# it the image, does not depend on where the sources lie. The loop option keeps
# memset() from becoming a call of itself.
$(FW_OBJECTS): EXTRA_CFLAGS = -march=rv64imc -mabi=lp64 -Os -ffunction-sections \
	-fdata-sections -fno-tree-loop-distribute-patterns -fstack-usage \
	-Wstack-usage=512 -Wconversion -ffile-prefix-map=$(CURDIR)=.

# The assembler does not take the mapping from the compiler.
$(B)/qemu-device/firmware/start.rv.o: EXTRA_CFLAGS += -g0

$(FW)/egret-1.elf: $(FW_OBJECTS) qemu-device/firmware/firmware.ld
	$(call say,RV-LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)cat $(FW_C_OBJECTS:.o=.su) | awk -F'\t' -v max=$(FW_STACK) '\
		$$3 != "static" { print $$1 ": frame of unknown size"; bad = 1 } \
		{ sum += $$2 } \
		END { if (sum > max) { print "firmware: " sum " bytes of stack, " max " allowed"; bad = 1 } \
		      exit bad }' >&2
	$(Q)$(RISCV_CC) -march=rv64imc -mabi=lp64 -nostdlib -static \
		-Wl,--gc-sections,--build-id=sha1,--fatal-warnings,--no-warn-rwx-segments \
		-T qemu-device/firmware/firmware.ld -o $@ $(FW_OBJECTS)

$(FW_MKIMAGE): LDLIBS = -lsodium
$(FW_MKIMAGE): $(FW_MKIMAGE).o
	$(call say,LD,$@)
	$(Q)$(LINK.program)

$(FW_IMAGE): $(FW)/egret-1.elf $(FW_MKIMAGE) $(FW_KEY)
	$(call say,FW,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FW_MKIMAGE) --key $(FW_KEY) --version $(FW_VERSION) $< $@

# Its tests are those of the model's management controller, which runs it.
$(addprefix $(B)/tests/host/model-,mc mc-tsan management management-tsan): | $(FW_IMAGE)
