//! External kinds under the laws that every kind obeys, with the program of `examples/external-kind`. It needs python3.

#![expect(clippy::unwrap_used, reason = "what the tests share runs outside of test functions")]

use conformance::{Scenario, World, scenarios};
use serde_json::json;
use std::fs;

/// The kind is found as an operator would have it on PATH.
fn world() -> World {
    World::of(&[]).searching(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/external-kind"))
}

scenarios![greet_in_a_new_file, greet_over_another, greet_again, greet_without_a_directory];

fn greet_in_a_new_file() -> Scenario {
    Scenario::change("greeting", |_| json!({ "path": "hello", "who": "Ada" })).afterwards(|world, done| {
        assert_eq!(fs::read(world.root.join("hello")).unwrap(), b"Hello, Ada.\n");
        assert_eq!(done.results.outputs["line"], "Hello, Ada.");
    })
}

fn greet_over_another() -> Scenario {
    Scenario::change("greeting", |world| {
        world.file_with_mode("hello", "something else\r\nand more", 0o640);
        json!({ "path": "hello", "who": "'\"$(x) ü", "tone": "formal" })
    })
}

fn greet_again() -> Scenario {
    Scenario::nothing_to_do("greeting", |world| {
        world.file("hello", "Hello, Ada.\n");
        json!({ "path": "hello", "who": "Ada" })
    })
}

fn greet_without_a_directory() -> Scenario {
    Scenario::refusal("greeting", "make it before this step", |_| json!({ "path": "no/hello", "who": "Ada" }))
}
