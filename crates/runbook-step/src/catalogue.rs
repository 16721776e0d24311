//! The look-up of kinds by name: those of a table, and external ones.

use crate::Kind;
use crate::external::{Declared, External, NotFound};
use runbook_host::Reader;
use runbook_model::{Diagnostic, Span};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Where kinds are found by name. Every external kind is asked once for its capabilities and then kept.
pub struct Catalogue {
    built_in: Vec<&'static dyn Kind>,
    search: String,
    external: Mutex<BTreeMap<String, Result<&'static External, NotFound>>>,
}

impl Catalogue {
    /// The kinds of these tables in the order of their names, and external ones on `PATH`.
    pub fn of(tables: &[&[&'static dyn Kind]]) -> Self {
        let mut built_in = tables.concat();
        built_in.sort_by_key(|kind| kind.doc().name);
        Self { built_in, search: Reader::new("/", "/").search_path(), external: Mutex::default() }
    }

    /// The same with external kinds along `search`, which is written like `PATH`.
    #[must_use]
    pub fn searching(self, search: impl Into<String>) -> Self {
        Self { search: search.into(), ..self }
    }

    /// The same, in which these external kinds are what they declared before. Their programs are not asked for it again.
    #[must_use]
    pub fn knowing(self, declared: &BTreeMap<String, Declared>) -> Self {
        let known = |(name, declared): (&String, &Declared)| {
            (name.clone(), External::declared(name, declared.clone()).map(|found| &*Box::leak(Box::new(found))))
        };
        let external = self.external.into_inner().unwrap_or_else(PoisonError::into_inner);
        Self { external: Mutex::new(external.into_iter().chain(declared.iter().map(known)).collect()), ..self }
    }

    /// What the external kinds of these names declare, as far as they are known by now.
    pub fn declared<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> BTreeMap<String, Declared> {
        let known = self.external.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |name: &str| Some((name.to_owned(), known.get(name)?.as_ref().ok()?.said()));
        names.into_iter().filter_map(of).collect()
    }

    /// The built-in kinds in the order of their names.
    pub fn built_in(&self) -> impl Iterator<Item = &'static dyn Kind> {
        self.built_in.iter().copied()
    }

    /// The kind called `name`: a built-in one, else the program `runbook-step-NAME` on PATH. `None` also if that program
    /// does not answer as it should; [`look_up`](Self::look_up) says why.
    pub fn get(&self, name: &str) -> Option<&dyn Kind> {
        self.find(name).ok()
    }

    /// Like [`get`](Self::get), with the fault for the author of a plan that uses `name` at `span`.
    pub fn look_up(&self, name: &str, span: Span) -> Result<&dyn Kind, Diagnostic> {
        let known = || self.built_in.iter().map(|kind| kind.doc().name);
        self.find(name).map_err(|why| why.diagnostic(name, span, known()))
    }

    fn find(&self, name: &str) -> Result<&'static dyn Kind, NotFound> {
        if let Some(kind) = self.built_in().find(|kind| kind.doc().name == name) {
            return Ok(kind);
        }
        // A poisoned cache is still a cache: each of its entries was complete when it was put in.
        let mut known = self.external.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known
            .entry(name.to_owned())
            // Leaked, because a kind lives as long as the process, like the built-in ones.
            .or_insert_with(|| External::find(name, &self.search).map(|found| &*Box::leak(Box::new(found))));
        entry.clone().map(|kind| kind as &dyn Kind)
    }
}
