# SPDX-License-Identifier: MIT
#
# The examples, which tests/libaccel/examples runs on the simulated card and in the VM. Users
# build them with the Makefile beside them; tests/tools/libaccel-install does so, too.

LIBACCEL_EXAMPLES := libaccel/examples
EXAMPLE_NAMES := $(filter-out %_kernel,$(patsubst $(LIBACCEL_EXAMPLES)/%.c,%,$(wildcard $(LIBACCEL_EXAMPLES)/*.c)))
EXAMPLE_BINARIES := $(addprefix $(B)/$(LIBACCEL_EXAMPLES)/,$(EXAMPLE_NAMES))
EXAMPLE_MODULES := $(patsubst %.c,$(B)/%.egm,$(wildcard $(LIBACCEL_EXAMPLES)/*_kernel.c))

$(addsuffix .o,$(EXAMPLE_BINARIES)): EXTRA_CFLAGS = -Ilibaccel/include
$(EXAMPLE_BINARIES): LDLIBS = -lm -Wl,-rpath,'$$ORIGIN/..'
$(EXAMPLE_BINARIES): $(B)/%: $(B)/%.o $(B)/libaccel/libaccel.so $(B)/libaccel/$(LIBACCEL_SONAME)
	$(call say,LINK,$@)
	$(Q)$(LINK.program)

HOST_TESTS += $(B)/tests/host/libaccel-examples
VM_TESTS += $(B)/tests/vm/libaccel-examples
$(B)/tests/host/libaccel-examples $(B)/tests/vm/libaccel-examples: tests/libaccel/examples \
		| $(EXAMPLE_BINARIES) $(EXAMPLE_MODULES)
	$(Q)mkdir -p $(@D)
	$(Q)install -m 755 $< $@

install-doc::
	$(INSTALL) -d $(DESTDIR)$(docdir)/examples
	$(INSTALL_DATA) $(LIBACCEL_EXAMPLES)/*.[ch] $(LIBACCEL_EXAMPLES)/Makefile $(LIBACCEL_EXAMPLES)/README.rst $(DESTDIR)$(docdir)/examples
