// Builds for the C library of this host, as a native module is.
const fs = require("node:fs");
const libc = fs.existsSync(`/lib/ld-musl-x86_64.so.1`) ? "musl" : "gnu";
fs.writeFileSync("built.json", JSON.stringify({ libc, host: require("node:os").hostname() }));
