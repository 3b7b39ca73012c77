# SPDX-License-Identifier: MIT
"""Test the card as the bus sees it, without a guest.

QEMU is started with `-accel qtest`: no processor runs, and this module does
what one would: port I/O, memory accesses, configuration cycles.

    import qtest

    def test_identity():
        with qtest.Machine() as machine:
            card = machine.card()
            qtest.equal(card.config_readl(0), 0xe6e71234)
            qtest.equal(card.readl(0, 0x10), 42)         # BAR 0, offset 0x10

    if __name__ == '__main__':
        qtest.main()

Every function test_* is a test; the program speaks TAP. `machine.card(n)` has
done what firmware does: bus numbers, bridge windows, BARs, memory and bus
master enabled. Interrupts: `card.enable_msix()` points each vector at a word
of guest memory, `card.wait_msix(vector)` waits for it.

The model works on threads of its own, so a test that waits uses wait_until()
and never a sleep.
"""

import base64
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
QEMU = os.environ.get('EGRET_QEMU') or os.path.join(CHECKOUT, 'build/qemu/qemu-system-x86_64')

# How long anything may take on a loaded machine before it counts as stuck.
PATIENCE = 60

# The map of the tests' machine. All that matters is that nothing overlaps.
RAM_SIZE = 256 << 20
ECAM = 0xb0000000
LOW_WINDOW = 0xc0000000         # bridges' 32-bit window, non-prefetchable BARs
HIGH_WINDOW = 0x1000000000      # bridges' 64-bit window, prefetchable BARs
MSI_PAGES = RAM_SIZE - (1 << 20)  # where MSI-X writes go: the last MiB of memory

CAP_PM, CAP_MSI, CAP_EXPRESS, CAP_MSIX = 0x01, 0x05, 0x10, 0x11
EXT_CAP_AER = 0x0001


class Skip(Exception):
    """Raised by a test that cannot run here; the message says why."""


class QmpError(Exception):
    """An error that QEMU's monitor answered with."""


def equal(got, wanted, what='value'):
    """Like assert got == wanted, with both in the message, in hex if integers."""
    if got != wanted:
        shown = [f'{v:#x}' if isinstance(v, int) and not isinstance(v, bool) else repr(v)
                 for v in (got, wanted)]
        raise AssertionError(f'{what} is {shown[0]}, not {shown[1]}')


def wait_until(condition, what='the condition', patience=PATIENCE):
    """Poll until condition() is true; return what it returned."""
    deadline = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f'{what} did not come about within {patience} s')
        time.sleep(0.001)


class _Connection:
    """Lines to and from a socket that QEMU connects to."""

    def __init__(self, listener, process):
        listener.settimeout(0.2)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._socket, _ = listener.accept()
                break
            except TimeoutError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ConnectionError('QEMU did not start') from None
        listener.close()
        self._socket.settimeout(PATIENCE)
        self._buffer = b''

    def send(self, text):
        self._socket.sendall(text.encode())

    def line(self):
        while b'\n' not in self._buffer:
            try:
                data = self._socket.recv(1 << 20)
            except TimeoutError:
                raise AssertionError(f'QEMU did not answer within {PATIENCE} s') from None
            if not data:
                raise ConnectionError('QEMU ended')
            self._buffer += data
        line, self._buffer = self._buffer.split(b'\n', 1)
        return line.decode()

    def close(self):
        self._socket.close()


class Machine:
    """A QEMU with cards behind PCIe root ports."""

    def __init__(self, cards=1, card_opts='', extra=(), memory=RAM_SIZE):
        self._folder = tempfile.mkdtemp(prefix='egret-qtest-')
        self._log_path = os.path.join(self._folder, 'qemu.log')
        self.process = None
        self.events = []
        self._cards = {}
        self._qmp_id = 0
        command = [QEMU, '-nodefaults', '-no-user-config', '-display', 'none',
                   '-machine', 'q35,usb=off', '-accel', 'qtest', '-m', f'{memory >> 20}M',
                   # No firmware runs, but the machine insists on having one.
                   '-L', '/usr/share/seabios', '-L', '/usr/share/qemu',
                   '-qtest-log', 'none']
        for index in range(cards):
            command += ['-device', f'pcie-root-port,id=port{index},chassis={index + 1},'
                                   f'slot={index + 1},addr={index + 2:#x}',
                        '-device', f'egret,id=egret{index},bus=port{index}'
                        + (',' + card_opts if card_opts else '')]
        command += extra
        listeners = {}
        try:
            for name in ('qtest', 'qmp'):
                path = os.path.join(self._folder, name)
                listeners[name] = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                listeners[name].bind(path)
                listeners[name].listen(1)
                command += ['-' + name, f'unix:{path}']
            with open(self._log_path, 'wb') as log:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL))
            self._qmp = _Connection(listeners['qmp'], self.process)
            self._qtest = _Connection(listeners['qtest'], self.process)
            json.loads(self._qmp.line())  # the greeting
            self.qmp('qmp_capabilities')
            # PCIEXBAR of the memory controller: enhanced configuration space.
            self.config_writel(0, 0, 0, 0x64, 0)
            self.config_writel(0, 0, 0, 0x60, ECAM | 1)
        except (ConnectionError, FileNotFoundError) as error:
            log = self.log() if self.process else f'{QEMU} is missing; run make qemu'
            self.close()
            raise AssertionError(f'{error}: {log}') from None
        finally:
            for listener in listeners.values():
                listener.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        died = self.process.poll()
        log = self.log()
        self.close()
        if kind is not None and log:
            print(''.join(f'# QEMU: {line}\n' for line in log.splitlines()), end='')
        if kind is None and died is not None:
            raise AssertionError(f'QEMU ended by itself with status {died}: {log}')

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
        for connection in ('_qtest', '_qmp'):
            if hasattr(self, connection):
                getattr(self, connection).close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def log(self):
        """What QEMU wrote to its standard error."""
        try:
            with open(self._log_path, encoding='utf-8', errors='replace') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    # --- the qtest protocol ---

    def command(self, text):
        """One command of the qtest protocol; returns the words after OK."""
        self._qtest.send(text + '\n')
        while True:
            line = self._qtest.line()
            if line.startswith('IRQ '):
                continue
            if not line.startswith('OK'):
                raise AssertionError(f'qtest: {text}: {line}')
            return line.split()[1:]

    def _get(self, operation, address):
        return int(self.command(f'{operation} {address:#x}')[0], 16)

    def _put(self, operation, address, value):
        self.command(f'{operation} {address:#x} {value:#x}')

    def inb(self, port): return self._get('inb', port)
    def inw(self, port): return self._get('inw', port)
    def inl(self, port): return self._get('inl', port)
    def outb(self, port, value): self._put('outb', port, value)
    def outw(self, port, value): self._put('outw', port, value)
    def outl(self, port, value): self._put('outl', port, value)
    def readb(self, address): return self._get('readb', address)
    def readw(self, address): return self._get('readw', address)
    def readl(self, address): return self._get('readl', address)
    def readq(self, address): return self._get('readq', address)
    def writeb(self, address, value): self._put('writeb', address, value)
    def writew(self, address, value): self._put('writew', address, value)
    def writel(self, address, value): self._put('writel', address, value)
    def writeq(self, address, value): self._put('writeq', address, value)

    def memread(self, address, size):
        """Bytes of guest physical memory (or device memory behind a BAR)."""
        if not size:
            return b''
        return base64.b64decode(self.command(f'b64read {address:#x} {size:#x}')[0])

    def memwrite(self, address, data):
        if data:
            self.command(f'b64write {address:#x} {len(data):#x} '
                         f'{base64.b64encode(bytes(data)).decode()}')

    def memset(self, address, value, size):
        self.command(f'memset {address:#x} {size:#x} {value:#x}')

    def clock_step(self, nanoseconds=None):
        """Let virtual time go on, by default to the next timer."""
        text = 'clock_step' if nanoseconds is None else f'clock_step {nanoseconds}'
        return int(self.command(text)[0])

    # --- QMP ---

    def qmp(self, command, **arguments):
        """A command of QEMU's monitor; underscores in names mean hyphens."""
        self._qmp_id += 1
        request = {'execute': command, 'id': self._qmp_id}
        if arguments:
            request['arguments'] = {k.replace('_', '-'): v for k, v in arguments.items()}
        self._qmp.send(json.dumps(request) + '\n')
        while True:
            answer = json.loads(self._qmp.line())
            if 'event' in answer:
                self.events.append(answer)
            elif answer.get('id') == self._qmp_id:
                if 'error' in answer:
                    raise QmpError(answer['error']['desc'])
                return answer['return']

    def wait_event(self, name):
        """Wait for an event and take it out of machine.events."""
        while True:
            for event in self.events:
                if event['event'] == name:
                    self.events.remove(event)
                    return event
            answer = json.loads(self._qmp.line())
            if 'event' in answer:
                self.events.append(answer)

    def qom_get(self, path, name):
        return self.qmp('qom-get', path=path, property=name)

    def qom_set(self, path, name, value):
        self.qmp('qom-set', path=path, property=name, value=value)

    def reset(self):
        """Reset the whole machine; what firmware had set up is lost."""
        self.qmp('system_reset')
        self.wait_event('RESET')
        self._cards.clear()
        self.config_writel(0, 0, 0, 0x64, 0)
        self.config_writel(0, 0, 0, 0x60, ECAM | 1)

    # --- PCI ---

    @staticmethod
    def _cf8(bus, device, function, offset):
        return 1 << 31 | bus << 16 | device << 11 | function << 8 | offset & 0xfc

    def config_readl(self, bus, device, function, offset):
        self.outl(0xcf8, self._cf8(bus, device, function, offset))
        return self.inl(0xcfc)

    def config_writel(self, bus, device, function, offset, value):
        self.outl(0xcf8, self._cf8(bus, device, function, offset))
        self.outl(0xcfc, value)

    def card(self, index=0):
        """Card number `index`, with its bridge and BARs set up."""
        if index not in self._cards:
            self._set_up_bridge(index)
            self._cards[index] = Card(self, index)
        return self._cards[index]

    def _set_up_bridge(self, index):
        device, bus = index + 2, index + 1
        low = LOW_WINDOW + index * (64 << 20)
        high = HIGH_WINDOW + index * (64 << 30)

        def write(offset, value):
            self.config_writel(0, device, 0, offset, value)
        write(0x18, bus << 16 | bus << 8)
        write(0x20, (low + (64 << 20) - 1) & 0xfff00000 | low >> 16)
        last = high + (64 << 30) - 1
        write(0x24, last & 0xfff00000 | (high & 0xffffffff) >> 16 | 0x00010001)
        write(0x28, high >> 32)
        write(0x2c, last >> 32)
        write(0x04, 0x6)


class Card:
    """The card's one PCI function, and its BARs."""

    def __init__(self, machine, index):
        self.machine = machine
        self.index = index
        self.bus = index + 1
        self._low = LOW_WINDOW + index * (64 << 20)
        self._high = HIGH_WINDOW + index * (64 << 30)
        self.bars = {}       # number: (address, size)
        self._msix = None
        self.assign_bars()

    # Configuration space, through the enhanced window: all 4 KiB of it.
    def _config(self, offset):
        return ECAM + (self.bus << 20) + offset

    def config_readb(self, offset): return self.machine.readb(self._config(offset))
    def config_readw(self, offset): return self.machine.readw(self._config(offset))
    def config_readl(self, offset): return self.machine.readl(self._config(offset))
    def config_writeb(self, offset, v): self.machine.writeb(self._config(offset), v)
    def config_writew(self, offset, v): self.machine.writew(self._config(offset), v)
    def config_writel(self, offset, v): self.machine.writel(self._config(offset), v)

    def assign_bars(self):
        """Size the BARs, give them addresses, enable memory and bus mastering."""
        self.config_writew(0x04, 0)
        self.bars.clear()
        low, high = self._low, self._high
        number = 0
        while number < 6:
            offset = 0x10 + 4 * number
            self.config_writel(offset, 0xffffffff)
            low_bits = self.config_readl(offset)
            wide = low_bits & 6 == 4
            if not low_bits & ~0xf and not wide:
                number += 1
                continue
            mask = low_bits & ~0xf & 0xffffffff
            if wide:
                self.config_writel(offset + 4, 0xffffffff)
                mask |= self.config_readl(offset + 4) << 32
            else:
                mask |= 0xffffffff << 32
            size = (~mask & 0xffffffffffffffff) + 1
            if wide and low_bits & 8:
                address = high = (high + size - 1) // size * size
                high += size
            else:
                address = low = (low + size - 1) // size * size
                low += size
            self.config_writel(offset, address & 0xffffffff)
            if wide:
                self.config_writel(offset + 4, address >> 32)
            self.bars[number] = (address, size)
            number += 2 if wide else 1
        self.config_writew(0x04, 0x6)

    def address(self, bar, offset=0):
        return self.bars[bar][0] + offset

    def readb(self, bar, offset): return self.machine.readb(self.address(bar, offset))
    def readw(self, bar, offset): return self.machine.readw(self.address(bar, offset))
    def readl(self, bar, offset): return self.machine.readl(self.address(bar, offset))
    def readq(self, bar, offset): return self.machine.readq(self.address(bar, offset))
    def writeb(self, bar, offset, v): self.machine.writeb(self.address(bar, offset), v)
    def writew(self, bar, offset, v): self.machine.writew(self.address(bar, offset), v)
    def writel(self, bar, offset, v): self.machine.writel(self.address(bar, offset), v)
    def writeq(self, bar, offset, v): self.machine.writeq(self.address(bar, offset), v)

    def memread(self, bar, offset, size):
        return self.machine.memread(self.address(bar, offset), size)

    def memwrite(self, bar, offset, data):
        self.machine.memwrite(self.address(bar, offset), data)

    def find_capability(self, identity):
        """Offset of a capability, or 0."""
        offset = self.config_readb(0x34) & 0xfc
        for _ in range(48):
            if not offset:
                return 0
            if self.config_readb(offset) == identity:
                return offset
            offset = self.config_readb(offset + 1) & 0xfc
        raise AssertionError('the capability list is a ring')

    def find_extended_capability(self, identity):
        """Offset of a PCIe extended capability, or 0."""
        offset = 0x100
        for _ in range(960):
            header = self.config_readl(offset)
            if header & 0xffff == identity:
                return offset
            offset = header >> 20
            if not offset:
                return 0
        raise AssertionError('the extended capability list is a ring')

    # MSI-X. The tests' machine has no processor to interrupt: each vector is
    # pointed at a word in memory of its own, which an interrupt makes nonzero.
    def enable_msix(self, vectors=None):
        """Unmask and enable all (or the first `vectors`) vectors."""
        capability = self.find_capability(CAP_MSIX)
        if not capability:
            raise AssertionError('the card has no MSI-X capability')
        count = (self.config_readw(capability + 2) & 0x7ff) + 1
        table = self.config_readl(capability + 4)
        self._msix = (table & 7, table & ~7)
        for vector in range(count if vectors is None else vectors):
            self._write_vector(vector, masked=False)
        self.machine.memset(self._msix_word(0), 0, 8 * count)
        self.config_writew(capability + 2, 0x8000)
        return count

    def _msix_word(self, vector):
        return MSI_PAGES + self.index * 0x10000 + 8 * vector

    def _write_vector(self, vector, masked):
        bar, offset = self._msix
        entry = offset + 16 * vector
        word = self._msix_word(vector)
        self.writel(bar, entry, word & 0xffffffff)
        self.writel(bar, entry + 4, word >> 32)
        self.writel(bar, entry + 8, 0x5a000000 | vector)
        self.writel(bar, entry + 12, int(masked))

    def mask_msix(self, vector, masked=True):
        self._write_vector(vector, masked)

    def take_msix(self, vector):
        """Whether the vector has fired since it was last taken."""
        word = self._msix_word(vector)
        value = self.machine.readl(word)
        if not value:
            return False
        equal(value, 0x5a000000 | vector, f'the message of vector {vector}')
        self.machine.writel(word, 0)
        return True

    def wait_msix(self, vector, patience=PATIENCE):
        wait_until(lambda: self.take_msix(vector), f'interrupt {vector}', patience)

    def set_power_state(self, state):
        """D0 (0) or D3hot (3), through the power management capability."""
        capability = self.find_capability(CAP_PM)
        value = self.config_readw(capability + 4)
        self.config_writew(capability + 4, value & ~3 | state)

    def function_level_reset(self):
        """FLR. Configuration is lost; assign_bars() sets it up again."""
        capability = self.find_capability(CAP_EXPRESS)
        if not self.config_readl(capability + 4) & 1 << 28:
            raise AssertionError('the card does not offer function-level reset')
        control = self.config_readw(capability + 8)
        self.config_writew(capability + 8, control | 1 << 15)


def main(module='__main__'):
    """Run every test_* function of a module; speak TAP; exit."""
    tests = [(name, function) for name, function in vars(sys.modules[module]).items()
             if name.startswith('test_') and callable(function)]
    wanted = [word for word in sys.argv[1:] if not word.startswith('-')]
    if wanted:
        tests = [t for t in tests if any(word in t[0] for word in wanted)]
    print(f'TAP version 13\n1..{len(tests)}', flush=True)
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        try:
            with contextlib.redirect_stderr(sys.stdout):
                function()
            print(f'ok {number} {name}', flush=True)
        except Skip as reason:
            print(f'ok {number} {name} # SKIP {reason}', flush=True)
        except Exception:  # whatever it is, the other tests are to run
            failed += 1
            print(''.join(f'# {line}\n' for line in traceback.format_exc().splitlines()), end='')
            print(f'not ok {number} {name}', flush=True)
    sys.exit(1 if failed else 0)
