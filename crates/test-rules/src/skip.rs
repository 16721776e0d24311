//! When a test may prove nothing.

use std::fmt::Display;

/// Says that this test proves nothing here, because the machine cannot do what it needs. The caller returns at once.
///
/// # Panics
///
/// Where `CI` is set: there every test proves what its name says.
pub fn skip(why: impl Display) {
    told(&why, std::env::var_os("CI").is_some());
}

#[expect(clippy::print_stdout, reason = "a test that proves nothing says so")]
fn told(why: &dyn Display, must_run: bool) {
    assert!(!must_run, "CI is set, and this test cannot run: {why}");
    println!("SKIPPED: {why}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "this test cannot run: no npm")]
    fn what_is_skipped_in_ci_fails() {
        told(&"no npm", true);
    }

    #[test]
    fn what_is_skipped_elsewhere_passes() {
        told(&"no npm", false);
    }
}
