//! No file of a crate knows one that knows it, directly or through others: each is read after those below it.
//!
//! What a `mod.rs` or `lib.rs` passes on counts as the file that it stands in. Tests may look up.

use super::finding::Finding;
use super::repository::{File, Repository};
use super::sources::is_test;
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::{self, Visit};
use syn::{ItemMod, ItemUse, Meta, UseTree, Visibility};

/// A module, by the names on the way to it from its crate; the crate itself is empty.
type Module = Vec<String>;

pub(crate) fn check(repository: &Repository) -> Vec<Finding> {
    let mut crates: BTreeMap<&str, BTreeMap<Module, Source>> = BTreeMap::new();
    let mut found = Vec::new();
    for file in repository.ending(".rs").filter(|file| !is_test(&file.path) && !file.path.ends_with("_tests.rs")) {
        let Some((root, inside)) = file.path.split_once("/src/") else { continue };
        let module = module_of(inside);
        match Source::read(file, &module) {
            Ok(source) => drop(crates.entry(root).or_default().insert(module, source)),
            Err(error) => found.push(Finding::whole(&file.path, format!("cannot be read as Rust: {error}"))),
        }
    }
    found.extend(crates.values().filter_map(circle));
    found
}

/// What one file names and passes on.
struct Source {
    path: String,
    /// Absolute paths in this crate.
    named: Vec<Vec<String>>,
    /// Names that it passes on, and where each comes from.
    passes: BTreeMap<String, Vec<String>>,
}

impl Source {
    fn read(file: &File, module: &Module) -> syn::Result<Self> {
        let mut reader = PathReader { module: module.clone(), named: Vec::new(), passes: BTreeMap::new() };
        reader.visit_file(&syn::parse_file(&file.text)?);
        Ok(Self { path: file.path.clone(), named: reader.named, passes: reader.passes })
    }
}

/// `process/state.rs` is `process::state`.
fn module_of(inside: &str) -> Module {
    let mut parts: Module = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

struct PathReader {
    module: Module,
    named: Vec<Vec<String>>,
    passes: BTreeMap<String, Vec<String>>,
}

impl PathReader {
    /// The path from the crate's root; `None` for one that leads into another crate or a name that is in scope.
    fn absolute(&self, path: &[String], passed_on: bool) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut absolute = self.module.clone();
        match first.as_str() {
            "crate" => absolute.clear(),
            "self" => {}
            "super" => drop(absolute.pop()),
            _ if passed_on => absolute.push(first.clone()),
            _ => return None,
        }
        for name in rest {
            match name.as_str() {
                "super" => drop(absolute.pop()),
                name => absolute.push(name.to_owned()),
            }
        }
        Some(absolute)
    }
}

impl<'ast> Visit<'ast> for PathReader {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let is_test = |meta: &Meta| match meta {
            Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
            _ => false,
        };
        if !item.attrs.iter().any(|attribute| is_test(&attribute.meta)) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let passed_on = !matches!(item.vis, Visibility::Inherited);
        for (path, name) in leaves(&item.tree) {
            let Some(absolute) = self.absolute(&path, passed_on) else { continue };
            if passed_on {
                self.passes.insert(name, absolute);
            } else {
                self.named.push(absolute);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.named.extend(self.absolute(&names, false));
        }
        visit::visit_path(self, path);
    }
}

/// Every path of a `use`, with the name that it has from then on.
fn leaves(tree: &UseTree) -> Vec<(Vec<String>, String)> {
    let below = |name: String, tree: &UseTree| {
        let step = |(mut path, known): (Vec<String>, String)| {
            path.insert(0, name.clone());
            (path, known)
        };
        leaves(tree).into_iter().map(step).collect()
    };
    match tree {
        UseTree::Path(path) => below(path.ident.to_string(), &path.tree),
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        UseTree::Rename(rename) => vec![(vec![rename.ident.to_string()], rename.rename.to_string())],
        UseTree::Glob(_) => vec![(Vec::new(), String::new())],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

/// The module that an absolute path leads to, through what modules pass on.
fn target(sources: &BTreeMap<Module, Source>, path: &[String]) -> Option<Module> {
    let mut path = path.to_vec();
    // Each turn goes through one file that passes the name on.
    for _ in 0..8 {
        let length = (0..=path.len()).rev().find(|length| sources.contains_key(&path[..*length]))?;
        let (module, rest) = path.split_at(length);
        let passed = rest.first().and_then(|name| sources.get(module)?.passes.get(name));
        let Some(passed) = passed.filter(|passed| ***passed != *path) else { return Some(module.to_vec()) };
        path = passed.iter().chain(rest.iter().skip(1)).cloned().collect();
    }
    None
}

/// One circle of the crate's files, if there is any.
fn circle(sources: &BTreeMap<Module, Source>) -> Option<Finding> {
    let mut knows: BTreeMap<&Module, BTreeSet<Module>> = sources
        .iter()
        .map(|(module, source)| {
            let known = source.named.iter().filter_map(|path| target(sources, path));
            (module, known.filter(|other| other != module).collect())
        })
        .collect();
    // What knows nothing that is left is in no circle.
    while let Some(done) = knows.iter().find(|(_, known)| !known.iter().any(|one| knows.contains_key(one))) {
        let done = *done.0;
        knows.remove(done);
    }
    let mut way: Vec<&Module> = vec![knows.keys().next()?];
    loop {
        let next = knows.get(way.last()?)?.iter().find_map(|one| Some(*knows.get_key_value(one)?.0))?;
        if let Some(from) = way.iter().position(|one| *one == next) {
            let names = way.iter().skip(from).chain([&next]).map(|one| one.join("::"));
            let what =
                format!("a circle of files: {}; move what they share below", names.collect::<Vec<_>>().join(" → "));
            return Some(Finding::whole(&sources.get(next)?.path, what));
        }
        way.push(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check(&Repository::of(files)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_circle_is_found_through_what_is_passed_on() {
        let found = found(&[
            ("crates/x/src/lib.rs", "mod a;\nmod b;\npub use a::A;"),
            ("crates/x/src/a.rs", "use super::b::B;\npub struct A(B);"),
            ("crates/x/src/b.rs", "pub struct B;\nfn f(_: crate::A) {}"),
        ]);
        assert_eq!(found, ["a circle of files: a → b → a; move what they share below"]);
    }

    #[test]
    fn what_only_tests_know_and_what_a_parent_lists_is_no_circle() {
        let found = found(&[
            ("crates/x/src/lib.rs", "mod a;\nmod b;\npub use a::A;\npub(crate) use b::B;"),
            ("crates/x/src/a.rs", "use crate::B;\npub struct A(B);"),
            ("crates/x/src/b.rs", "pub struct B;\n#[cfg(test)]\nmod tests {\n use crate::A;\n}"),
            ("crates/y/src/lib.rs", "mod a;"),
            ("crates/y/src/a.rs", "use x::A;\nuse std::fmt;"),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }
}
