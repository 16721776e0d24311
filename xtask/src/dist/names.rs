//! Whether a program looks up names as the host does: the HTTP signal asks for `localhost`, for a name of `/etc/hosts` and for one that
//! nobody knows. A static program that asks the resolver of its own glibc dies here, or knows nobody.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

/// A name that only the `/etc/hosts` of this check has.
const LISTED: &str = "listed.runbook.test";

/// Runs the program with an `/etc/hosts` of its own.
const SCRIPT: &str =
    "mount --bind hosts /etc/hosts; exec \"$0\" apply plan.yaml --yes --format ndjson --state-dir state";

/// Says what was looked up, or what is wrong.
pub(super) fn check(program: &Path) -> Result<String, String> {
    if !rustix::process::geteuid().is_root() {
        return Ok("names were not looked up: an /etc/hosts for that needs root".to_owned());
    }
    let failed = |error: std::io::Error| format!("cannot try how names are looked up: {error}");
    let server = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let port = server.local_addr().map_err(failed)?.port();
    std::thread::spawn(move || {
        for mut caller in server.incoming().flatten() {
            let _ = caller.read(&mut [0; 1024]);
            let _ = caller.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        }
    });
    let dir = tempfile::tempdir().map_err(failed)?;
    let hosts = format!("127.0.0.1 localhost\n127.0.0.1 {LISTED}\n");
    std::fs::write(dir.path().join("hosts"), hosts).map_err(failed)?;
    std::fs::write(dir.path().join("plan.yaml"), plan(dir.path(), port)).map_err(failed)?;
    let mut inside = Command::new("unshare");
    inside.args(["--mount", "sh", "-euc", SCRIPT]).arg(std::path::absolute(program).map_err(failed)?);
    let output = inside.current_dir(dir.path()).output().map_err(failed)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let unknown = said.contains("the host name is not known");
    if output.status.success() && unknown {
        return Ok("localhost and a name of /etc/hosts are found, one that nobody knows is told".to_owned());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} does not look up names: {}\n{said}{error}", program.display(), output.status))
}

fn plan(dir: &Path, port: u16) -> String {
    let signal = |name: &str, host: &str, role: &str| {
        format!(
            "        {name}: {{ http: \"http://{host}:{port}/{name}\", match: ok, kind: functional, role: {role} }}\n"
        )
    };
    let signals = [
        signal("local", "localhost", "blocking"),
        signal("listed", LISTED, "blocking"),
        signal("nobody", "nobody.runbook.invalid", "confirming"),
    ];
    format!(
        "kind: Plan\nversion: 1\nname: names\nsummary: Looks up names.\nsteps:\n  - {{ id: change, uses: file.write, with: {{ path: \
         \"{}\", content: x }} }}\n  - id: verify\n    uses: verify.signals\n    needs: [change]\n    with:\n      within: 10s\n      \
         signals:\n{}",
        dir.join("changed").display(),
        signals.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::check;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn names_are_looked_up() {
        if !rustix::process::geteuid().is_root() {
            return test_rules::skip("an /etc/hosts of its own needs root");
        }
        let said = check(&test_rules::program("runbook", "runbook")).unwrap();
        assert!(said.contains("are found"), "{said}");
    }

    #[test]
    fn a_program_that_dies_is_told() {
        if !rustix::process::geteuid().is_root() {
            return test_rules::skip("an /etc/hosts of its own needs root");
        }
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("dies");
        std::fs::write(&program, "#!/bin/sh\nkill -SEGV $$\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(check(&program).unwrap_err().contains("signal: 11"));
    }
}
