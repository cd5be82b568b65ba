// The initramfs: a cpio archive in the newc format, which the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format).

const field = (value) => value.toString(16).toUpperCase().padStart(8, '0');
const pad4 = (length) => Buffer.alloc((4 - (length % 4)) % 4);

function entry(name, mode, data, inode, rdev = [0, 0]) {
  const label = Buffer.from(`${name}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, rdev[0], rdev[1], label.length, 0];
  const head = Buffer.from(`070701${fields.map(field).join('')}`);
  return Buffer.concat([head, label, pad4(head.length + label.length), data, pad4(data.length)]);
}

const NOTHING = Buffer.alloc(0);

/** `directories`: names; `files`: [name, mode, bytes]; `links`: [name, target]; `devices`: [name, mode, major, minor]. */
export function makeArchive({ directories, files, links, devices }) {
  let inode = 1;
  const parts = [];
  for (const name of directories) parts.push(entry(name, 0o040755, NOTHING, inode++));
  for (const [name, mode, data] of files) parts.push(entry(name, 0o100000 | mode, data, inode++));
  for (const [name, target] of links) parts.push(entry(name, 0o120777, Buffer.from(target), inode++));
  for (const [name, mode, major, minor] of devices) parts.push(entry(name, 0o020000 | mode, NOTHING, inode++, [major, minor]));
  parts.push(entry('TRAILER!!!', 0, NOTHING, 0));
  return Buffer.concat(parts);
}
