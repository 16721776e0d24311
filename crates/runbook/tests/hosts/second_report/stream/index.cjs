// Runs where it was built, or on a host that is the same.
const fs = require("node:fs");
const libc = fs.existsSync(`/lib/ld-musl-x86_64.so.1`) ? "musl" : "gnu";
const built = JSON.parse(fs.readFileSync(`${__dirname}/built.json`));
if (built.libc !== libc) throw new Error(`invalid ELF header: built for ${built.libc} on ${built.host}`);
