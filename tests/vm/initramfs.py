# SPDX-License-Identifier: MIT
"""Make the initramfs of a test VM: a shell, our init, and kernel modules.

It holds only what gets the machine to its real root, the host's file system
over 9p, because every byte costs boot time. Modules are stored uncompressed:
under emulation the guest decompresses slower than it reads.
"""

import lzma
import os
import shutil
import subprocess


class Cpio:
    """A cpio archive in the `newc' format that the kernel unpacks."""

    def __init__(self):
        self._parts = []
        self._folders = set()
        self._inode = 1

    def _entry(self, name, mode, data=b'', links=1):
        raw = name.encode() + b'\0'
        fields = [self._inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0,
                  len(raw), 0]
        self._inode += 1
        header = b'070701' + b''.join(b'%08X' % field for field in fields) + raw
        self._parts += [header, b'\0' * (-len(header) % 4),
                        data, b'\0' * (-len(data) % 4)]

    def folder(self, name):
        name = name.strip('/')
        if not name or name in self._folders:
            return
        self.folder(os.path.dirname(name))
        self._folders.add(name)
        self._entry(name, 0o040755, links=2)

    def file(self, name, data, mode=0o644):
        name = name.strip('/')
        self.folder(os.path.dirname(name))
        self._entry(name, 0o100000 | mode, data)

    def bytes(self):
        self._inode = 0
        self._entry('TRAILER!!!', 0)
        return b''.join(self._parts)


def depends(module_path):
    """The modules that a module file says it depends on, or likes to find loaded."""
    with open(module_path, 'rb') as f:
        data = f.read()

    def said(key):
        start = data.find(b'\0' + key + b'=')
        if start < 0:
            return ''
        start += len(key) + 2
        return data[start:data.index(b'\0', start)].decode()

    hard = said(b'depends').split(',')
    soft = said(b'softdep').partition('pre:')[2].partition('post:')[0].split()
    return [name for name in hard + soft if name]


def unsigned(module):
    """A module without its signature, whose check costs an emulated processor
    more time than all the rest of loading it (and Debian's kernels do not insist)."""
    magic = b'~Module signature appended~\n'
    if not module.endswith(magic):
        return module
    trailer = len(module) - len(magic) - 12
    signature = int.from_bytes(module[trailer + 8:trailer + 12], 'big')
    return module[:trailer - signature]


class ModuleTree:
    """The modules of a kernel, with modules.dep."""

    def __init__(self, kernel_folder, kver):
        self.root = os.path.join(kernel_folder, 'lib/modules', kver)
        self._deps = {}
        self._paths = {}
        with open(os.path.join(self.root, 'modules.dep'), encoding='utf-8') as f:
            for line in f:
                path, _, needs = line.partition(':')
                name = self._name(path)
                self._paths[name] = path
                self._deps[name] = [self._name(need) for need in needs.split()]
        self._cache = os.path.join(kernel_folder, 'plain-modules')

    @staticmethod
    def _name(path):
        return os.path.basename(path).split('.')[0].replace('-', '_')

    def order(self, names):
        """The modules to load for `names`, each after what it needs."""
        out = []

        def visit(name):
            name = name.replace('-', '_')
            if name in out or name not in self._paths:
                return  # or built into the kernel
            for need in self._deps[name]:
                visit(need)
            out.append(name)
        for name in names:
            visit(name)
        return out

    def read(self, name):
        """A module's plain ELF file; decompressed once and then cached."""
        plain = os.path.join(self._cache, name + '.ko')
        try:
            with open(plain, 'rb') as f:
                return f.read()
        except FileNotFoundError:
            pass
        path = os.path.join(self.root, self._paths[name])
        if path.endswith('.zst'):
            data = subprocess.run(['zstd', '-dcq', path], check=True,
                                  stdout=subprocess.PIPE).stdout
        else:
            with open(path, 'rb') as f:
                data = f.read()
            if path.endswith('.xz'):
                data = lzma.decompress(data)
        data = unsigned(data)
        os.makedirs(self._cache, exist_ok=True)
        temporary = f'{plain}.{os.getpid()}'
        with open(temporary, 'wb') as f:
            f.write(data)
        os.rename(temporary, plain)
        return data


def libraries(path):
    """The shared libraries of a program, and the loader that it asks for."""
    result = subprocess.run(['ldd', path], check=False, capture_output=True, text=True)
    found = []
    for line in result.stdout.splitlines():
        words = line.split()
        for word in words:
            # "name => path (address)", and for the loader "path (address)"
            if word.startswith('/') and os.path.exists(word):
                found.append(word)
                break
        else:
            if 'not found' in line:
                raise FileNotFoundError(f'{path} needs {words[0]}')
    return found


def busybox():
    """The path of a static busybox."""
    for path in ('/bin/busybox', '/usr/bin/busybox', shutil.which('busybox')):
        if path and os.path.exists(path):
            return path
    raise FileNotFoundError('no busybox; install the package busybox-static '
                            '(make host-packages)')
