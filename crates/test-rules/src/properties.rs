//! Where the failures of properties are kept.

use proptest::test_runner::{Config, FileFailurePersistence};

/// What seeds end in. They are part of the repository.
const SEEDS: &str = "seeds";

/// A property is tried on `count` cases. A case that fails is kept as a seed in a file beside that of the property, which ends in
/// `.seeds`, and is the first to be tried from then on: it is committed with what mends it.
pub fn cases(count: u32) -> Config {
    let kept = FileFailurePersistence::WithSource(SEEDS);
    Config { cases: count, failure_persistence: Some(Box::new(kept)), ..Config::default() }
}
