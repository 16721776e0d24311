//! A case of a property that failed stays one until it is mended.

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use std::path::Path;

const SOURCE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/property.rs");

/// Tries that numbers are small on `count` new cases.
fn are_small(count: u32) -> Result<(), TestError<u32>> {
    let config = Config { source_file: Some(SOURCE), ..test_rules::cases(count) };
    let small = |number: u32| if number < 1000 { Ok(()) } else { Err(TestCaseError::fail("large")) };
    TestRunner::new(config).run(&proptest::num::u32::ANY, small)
}

#[test]
fn a_case_that_failed_is_kept_beside_its_source_and_tried_first() {
    let seeds = Path::new(SOURCE).with_extension("seeds");
    std::fs::write(SOURCE, "").unwrap();
    let _ = std::fs::remove_file(&seeds);
    assert_eq!(are_small(0), Ok(()), "nothing is kept, and nothing new is tried");
    assert!(matches!(are_small(64), Err(TestError::Fail(_, 1000))));
    assert!(std::fs::read_to_string(&seeds).unwrap().contains("shrinks to 1000"));
    assert!(matches!(are_small(0), Err(TestError::Fail(..))), "nothing new is tried, and what failed is");
}
