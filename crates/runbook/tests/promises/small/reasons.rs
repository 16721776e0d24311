//! What the system refuses is told with the true reason.

use crate::bench::Bench;
use std::path::Path;
use std::process::Command;

fn flag(change: &str, path: &Path) -> bool {
    Command::new("chattr").arg(change).arg(path).output().is_ok_and(|said| said.status.success())
}

/// Takes the flag away again, so that the directory of the test can be removed.
struct Flagged<'a>(&'a str, &'a Path);

impl Drop for Flagged<'_> {
    fn drop(&mut self) {
        flag(self.0, self.1);
    }
}

#[test]
fn a_file_that_nobody_may_change_is_not_a_matter_of_permissions() {
    let bench = Bench::new();
    bench.write("host/conf", "old\n");
    bench.write("host/dir/conf", "old\n");
    for (path, set, clear, word) in
        [("conf", "+i", "-i", "immutable"), ("conf", "+a", "-a", "append-only"), ("dir", "+i", "-i", "immutable")]
    {
        let path = bench.host(path);
        if !flag(set, &path) {
            test_rules::skip("no flags can be set here");
            return;
        }
        let _clear = Flagged(clear, &path);
        let target = if path.is_dir() { path.join("conf") } else { path.clone() };
        let plan = bench.plan(
            "flagged",
            &format!(
                "steps:\n  - {{ id: w, uses: file.write, with: {{ path: {}, content: new }} }}\n",
                target.display()
            ),
        );
        let said = bench.run(&["apply", &plan, "--yes"]);
        assert_ne!(said.code, Some(0), "{said:?}");
        let shown = path.display().to_string();
        let words = |said: crate::bench::Said| said.out.split_whitespace().collect::<Vec<_>>().join(" ") + &said.err;
        let text = words(said);
        assert!(text.contains(&format!("{shown} is {word}")), "{text}");
        assert!(text.contains(&format!("chattr {clear} {shown}")), "{text}");
        assert!(!text.contains("change its permissions"), "{text}");
    }
}
