//! Whether a program that was built with a part of zstd packs what any zstd reads: it makes a backup and an artifact, and verifies them.

use std::fs;
use std::path::Path;
use std::process::Command;

/// So much text that every level of zstd looks for what repeats in it.
const LINES: usize = 300_000;

/// Says what was packed, or what is wrong.
pub(super) fn check(program: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot try how it packs: {error}");
    let dir = tempfile::tempdir().map_err(failed)?;
    let data = dir.path().join("data");
    fs::create_dir(&data).map_err(failed)?;
    let text: String = (0..LINES).map(|line| format!("{line}\n")).collect();
    fs::write(data.join("text"), text).map_err(failed)?;
    fs::write(dir.path().join("plan.yaml"), plan(dir.path())).map_err(failed)?;
    let program = std::path::absolute(program).map_err(failed)?;
    for words in [&["apply", "plan.yaml", "--yes"][..], &["backup", "verify"]] {
        let mut command = Command::new(&program);
        let output = command.args(words).args(["--state-dir", "state"]).current_dir(dir.path()).output();
        let output = output.map_err(failed)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`{}` with the program failed: {said}", words.join(" ")));
        }
    }
    Ok("a backup and an artifact were packed and verified".to_owned())
}

fn plan(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "kind: Plan\nversion: 1\nname: packs\nsteps:\n  \
         - {{ id: keep, uses: backup.create, with: {{ paths: [{dir}/data] }} }}\n  \
         - {{ id: note, needs: [keep], uses: file.write, with: {{ path: {dir}/data/note, content: new }} }}\n  \
         - {{ id: pack, needs: [note], uses: artifact.pack, with: {{ path: {dir}/data }} }}\n"
    )
}
